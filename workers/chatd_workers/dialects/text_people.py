"""The text dialect, people: what ``/whois`` tells, in sentences. chatd-protocol(7)."""

import datetime as dt
from collections.abc import Iterator
from typing import Final

from chatd_workers import events as e

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)

_STATUSES: Final = {"o": "operator", "v": "voice"}

_SPANS: Final = (("day", 86400), ("hour", 3600), ("minute", 60))


def person_shown(event: e.PersonShown) -> list[str]:
    """Return ``event`` as lines that each begin with the nick."""
    nick = event.source.nick
    return [f"--- {nick} {said}" for said in _sentences(event)]


def shown_time(time: int) -> str:
    """Return a time in microseconds as people read it, to the minute, in UTC."""
    return str(_EPOCH + dt.timedelta(minutes=time // 60_000_000))[:16]


def _sentences(event: e.PersonShown) -> Iterator[str]:
    source = event.source
    realname = f", {source.realname}" if source.realname else ""
    yield f"is {source.user}@{source.host}{realname}"
    if event.rooms:
        yield "is in " + ", ".join(_room(name, status) for name, status in event.rooms)
    if event.away:
        yield f"is away: {event.away}"
    if source.account:
        yield f"is logged in as {source.account}"
    if event.operator:
        yield "is an operator of this server"
    if source.bot:
        yield "is a bot"
    if event.secured:
        yield "has an encrypted connection"
    if event.private is not None:
        yield from _private(event.private)
    yield f"came {shown_time(event.signon)} (UTC), and last spoke {_span(event.idle)} ago"


def _private(private: e.Private) -> Iterator[str]:
    if private.local_user:
        yield f"is {private.local_user} on the server's machine"
    if private.pid:
        times = f", restarted {_times(private.restarts)}" if private.restarts else ""
        yield f"is served by process {private.pid}{times}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _room(name: str, status: str) -> str:
    return f"{name} ({_STATUSES[status[0]]})" if status else name


def _span(seconds: int) -> str:
    """Return ``3 minutes`` and the like: the largest unit that fits, rounded down."""
    unit, size = next((one for one in _SPANS if seconds >= one[1]), ("second", 1))
    count = seconds // size
    return f"{count} {unit}{'' if count == 1 else 's'}"
