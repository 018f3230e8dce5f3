"""Who one is, and what the connection is told: registration, SASL, accounts, being away."""

from typing import Literal, cast

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.requests.params import name, number, optional, text, word


def password(message: Message) -> c.Plain:
    """PASS."""
    return c.Password(text(message.params[0]))


def nick(message: Message) -> c.Plain:
    """NICK."""
    return c.Rename(name(message.params[0]))


def user(message: Message) -> c.Plain:
    """USER: what stands between the user and the real name is long without meaning."""
    return c.User(name(message.params[0]), text(message.params[3]))


def capabilities(message: Message) -> c.Plain:
    """CAP; the names of REQ may stand in one parameter or in many."""
    verb = message.params[0].upper()
    if verb not in ("LS", "LIST", "REQ", "END"):
        return c.Refuse("invalid-cap", word(message.params[0]))
    rest = message.params[1:]
    return c.Capabilities(
        cast('Literal["LS", "LIST", "REQ", "END"]', verb),
        number(optional(rest, 0), 1_000_000) if verb == "LS" else 0,
        [name(each) for each in " ".join(rest).split(" ") if each] if verb == "REQ" else [],
    )


def authenticate(message: Message) -> c.Plain:
    """AUTHENTICATE."""
    return c.Authenticate(text(message.params[0]))


def ping(message: Message) -> c.Plain:
    """PING; a second parameter, the server meant, is of no use where there is one."""
    return c.Ping(text(message.params[0]))


def nothing(_: Message) -> c.Plain:
    """PONG: that it came is all it says."""
    return c.Nothing()


def leave(message: Message) -> c.Plain:
    """QUIT."""
    return c.Quit(text(optional(message.params, 0)))


def oper(message: Message) -> c.Plain:
    """OPER."""
    return c.Oper(name(message.params[0]), text(message.params[1]))


def realname(message: Message) -> c.Plain:
    """SETNAME. Not even no name is a lack of parameters: it cannot be a real name."""
    return c.SetRealname(text(optional(message.params, 0)))


def away(message: Message) -> c.Plain:
    """AWAY."""
    return c.Away(text(optional(message.params, 0)))


def register(message: Message) -> c.Plain:
    """REGISTER; ``*`` stands for one's nick, and for no address."""
    account, email, secret = message.params[:3]
    return c.Register(_unless_star(account), _unless_star(email), text(secret))


def verify(message: Message) -> c.Plain:
    """VERIFY."""
    return c.Verify(name(message.params[0]), text(message.params[1]))


def identify(words: list[str]) -> c.Plain | None:
    """IDENTIFY [ACCOUNT] PASSWORD, as NickServ is told elsewhere; None if it is not that."""
    if len(words) == 1:
        return c.Identify("", text(words[0]))
    return c.Identify(name(words[0]), text(words[1])) if len(words) == 2 else None


def register_nick(words: list[str]) -> c.Plain | None:
    """REGISTER PASSWORD [EMAIL], as NickServ is told elsewhere; None if it is not that."""
    if len(words) not in (1, 2):
        return None
    return c.Register("", _unless_star(words[1]) if len(words) == 2 else "", text(words[0]))


def wallops(message: Message) -> c.Plain:
    """WALLOPS."""
    return c.Wallops(text(message.params[0]))


def kill(message: Message) -> c.Plain:
    """KILL."""
    return c.Kill(name(message.params[0]), text(optional(message.params, 1)))


def operate(message: Message) -> c.Plain:
    """REHASH, DIE, RESTART."""
    return c.Operate(cast('Literal["REHASH", "DIE", "RESTART"]', message.verb.upper()))


def _unless_star(param: str) -> str:
    return "" if param == "*" else name(param)
