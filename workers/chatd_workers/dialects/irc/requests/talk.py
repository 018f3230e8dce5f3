"""What is said: PRIVMSG, NOTICE, TAGMSG, and what elsewhere is said to services.

NickServ and ChanServ are not there, but people and clients know by heart what to tell them, a
password above all. So that much is understood; whatever else is said to them finds nobody.
"""

import re
from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from chatd_workers import commands as c
from chatd_workers.dialects.irc.grammar import Message, read_action
from chatd_workers.dialects.irc.requests import rooms, session
from chatd_workers.dialects.irc.requests.params import names, optional, text, word
from chatd_workers.names import fold

ONCE: Final = "chatd/once"
"""The tag, and the capability that makes it count."""

_ID: Final = re.compile(r"[A-Za-z0-9+/=._-]{22,64}")

_NICKSERV: Final[dict[str, Callable[[list[str]], c.Plain | None]]] = {
    "IDENTIFY": session.identify,
    "REGISTER": session.register_nick,
}
_CHANSERV: Final[dict[str, Callable[[list[str]], c.Plain | None]]] = {
    "REGISTER": rooms.claimed,
    "DROP": rooms.unclaimed,
}
_SERVICES: Final = {
    "nickserv": _NICKSERV,
    "ns": _NICKSERV,
    "chanserv": _CHANSERV,
    "cs": _CHANSERV,
}


def privmsg(message: Message) -> c.Plain:
    """PRIVMSG; of CTCP only an action is told apart."""
    targets = names(message.params[0])
    said = optional(message.params, 1)
    if not targets:
        return c.Refuse("no-recipient", "PRIVMSG")
    if not said:
        return c.Refuse("no-text")
    folded = fold(message.params[0])
    if folded in ("nickserv", "chanserv") and (served := _serve(folded, said)):
        return served
    action = read_action(said)
    if action is not None:
        return _once(message, c.Send("act", targets, text(action), client_tags(message)))
    return _once(message, c.Send("say", targets, text(said), client_tags(message)))


def notice(message: Message) -> c.Plain:
    """NOTICE, which is never answered, not even if it cannot be sent (RFC 2812, 3.3.2)."""
    targets = names(optional(message.params, 0))
    said = optional(message.params, 1)
    if not targets or not said:
        return c.Nothing()
    return _once(message, c.Send("notice", targets, text(said), client_tags(message)))


def _once(message: Message, send: c.Send) -> c.Plain:
    """Return ``send`` with the id that its client has given it, if any (chatd/once)."""
    number = message.tags.get(ONCE)
    if number is None:
        return send
    if not _ID.fullmatch(number):
        return c.Refuse("once-invalid", message.verb.upper())
    return replace(send, once=number)


def tagmsg(message: Message) -> c.Plain:
    """TAGMSG."""
    targets = names(message.params[0])
    if not targets:
        return c.Refuse("no-recipient", "TAGMSG")
    return c.Send("tag", targets, "", client_tags(message))


def service(message: Message) -> c.Plain:
    """NICKSERV, NS, CHANSERV, CS: the same as saying it to them."""
    refusal = c.Refuse("unknown-subcommand", word(message.params[0]), message.verb.upper())
    return _serve(message.verb.lower(), " ".join(message.params)) or refusal


def client_tags(message: Message) -> dict[str, str]:
    """Return the client-only tags of ``message``, without their ``+``.

    Their values may hold line breaks, which a writer has to escape again.
    """
    return {
        key[1:]: _value(value)
        for key, value in message.tags.items()
        if key.startswith("+") and len(key) <= c.MAX_NAME
    }


def _value(value: str) -> str:
    return "\n".join("\r".join(map(text, part.split("\r"))) for part in value.split("\n"))


def _serve(service_name: str, told: str) -> c.Plain | None:
    words = [each for each in told.split(" ") if each]
    make = _SERVICES[service_name].get(words[0].upper()) if words else None
    return make(words[1:]) if make else None
