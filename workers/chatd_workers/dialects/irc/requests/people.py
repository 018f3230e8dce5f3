"""Who is there: WHO, WHOIS, MONITOR and their like, and questions about the server."""

from typing import Final, Literal, cast

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.requests.params import (
    is_number,
    lacking,
    name,
    names,
    number,
    optional,
    word,
)

_MOST: Final = 1_000_000

_TOKEN: Final = 3
"""Digits of WHOX's token (IRCv3 whox)."""


def who(message: Message) -> c.Plain:
    """WHO: ``mask [flags][%fields[,token]]``; of the flags only ``o`` is known."""
    flags, percent, wanted = optional(message.params, 1).partition("%")
    fields, _, token = wanted.partition(",")
    return c.FindUsers(
        name(message.params[0]),
        "o" in flags,
        name(fields) if percent else None,
        token if is_number(token) and len(token) <= _TOKEN else "",
    )


def whois(message: Message) -> c.Plain:
    """WHOIS; of two parameters the first is the server to be asked, and there is one."""
    nicks = names(optional(message.params, 1) or message.params[0])
    return c.Whois(nicks) if nicks else c.Refuse("no-nick")


def whowas(message: Message) -> c.Plain:
    """WHOWAS: a count that is not positive, or none, is all."""
    return c.Whowas(name(message.params[0]), number(optional(message.params, 1), _MOST))


def ison(message: Message) -> c.Plain:
    """ISON; the nicks may stand in one parameter or in many."""
    nicks = _words(message)
    return c.Ison(nicks) if nicks else lacking("ISON")


def userhost(message: Message) -> c.Plain:
    """USERHOST; the nicks may stand in one parameter or in many."""
    nicks = _words(message)
    return c.Userhost(nicks) if nicks else lacking("USERHOST")


def monitor(message: Message) -> c.Plain:
    """MONITOR."""
    verb = message.params[0].upper()
    if verb not in ("+", "-", "C", "L", "S"):
        return c.Refuse("unknown-subcommand", word(message.params[0]), "MONITOR")
    nicks = names(optional(message.params, 1)) if verb in "+-" else []
    if verb in "+-" and not nicks:
        return lacking("MONITOR")
    return c.Monitor(cast('Literal["+", "-", "C", "L", "S"]', verb), nicks)


def accept(message: Message) -> c.Plain:
    """ACCEPT: ``alice,-bob,*``; nothing at all shows the list, as ``*`` does."""
    listed = names(optional(message.params, 0))
    return c.Accept(
        [each for each in listed if each != "*" and not each.startswith("-")],
        [each[1:] for each in listed if each.startswith("-") and each != "-"],
        "*" in listed or not listed,
    )


def ask(message: Message) -> c.Plain:
    """LUSERS, MOTD and all that asks about the server."""
    what = cast(
        'Literal["LUSERS", "MOTD", "VERSION", "TIME", "ADMIN", "INFO", "STATS", "LINKS", "USERS"]',
        message.verb.upper(),
    )
    return c.Ask(what, [name(param) for param in message.params])


def _words(message: Message) -> list[str]:
    return [name(each) for each in " ".join(message.params).split(" ") if each]
