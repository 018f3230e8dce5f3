"""WHOIS: somebody as a client of IRC is told of it, one numeric for each thing (Modern, WHOIS)."""

from collections.abc import Iterator

from chatd_workers import events as e
from chatd_workers.dialects.irc.lines import numeric, prefixes

_Reply = tuple[str, tuple[str, ...]]


def person_shown(event: e.PersonShown, view: int, server: str) -> bytes:
    """Return ``event`` as lines; 318, the end of the answer, is not among them."""
    nick = event.source.nick
    return b"".join(
        numeric(server, event.to, name, (nick, *params)) for name, params in _replies(event, view)
    )


def _replies(event: e.PersonShown, view: int) -> Iterator[_Reply]:
    """Yield names of numerics, and their parameters after the nick."""
    source = event.source
    yield "RPL_WHOISUSER", (source.user, source.host, "*", source.realname)
    if event.rooms:
        rooms = " ".join(prefixes(status, view) + name for name, status in event.rooms)
        yield "RPL_WHOISCHANNELS", (rooms,)
    yield "RPL_WHOISSERVER", (event.server, event.description)
    if event.away:
        yield "RPL_AWAY", (event.away,)
    if event.operator:
        yield "RPL_WHOISOPERATOR", ()
    if source.account:
        yield "RPL_WHOISACCOUNT", (source.account,)
    if source.bot:
        yield "RPL_WHOISBOT", ()
    if event.secured:
        yield "RPL_WHOISSECURE", ()
    if event.private is not None:
        yield from _private(event.private, source.host)
    yield "RPL_WHOISIDLE", (str(event.idle), str(event.signon // 1_000_000))


def _private(private: e.Private, host: str) -> Iterator[_Reply]:
    yield "RPL_WHOISACTUALLY", (host,)
    if private.pid:
        yield "RPL_WHOISSPECIAL", (f"process: {private.pid}",)
        yield "RPL_WHOISSPECIAL", (f"restarts: {private.restarts}",)
    if private.modes:
        yield "RPL_WHOISMODES", (f"is using modes +{private.modes}",)
    if private.fingerprint:
        text = f"has client certificate fingerprint {private.fingerprint}"
        yield "RPL_WHOISCERTFP", (text,)
    if private.local_user:
        yield "RPL_WHOISHOST", (f"is {private.local_user} on the server's machine",)
