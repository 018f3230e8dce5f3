"""What the administrator does from outside: ``chatd kick``, ``ban``, ``say``, ``announce``. Pure.

Written down like all that happens, and only then carried out, so that it is done once whatever is
killed meanwhile.
"""

from typing import Final

from msgspec import Struct

from chatd_supervisor.hub.banning import Enter, Strike, ban_objection, carry_out
from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.outcomes import Leaving
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Audience
from chatd_workers import events as e
from chatd_workers.names import fold, is_safe

LONGEST: Final = 350
"""Bytes of a text, so that it fits into a line of IRC beside the longest names."""


class Kick(Struct, frozen=True, tag="kick", tag_field="wish"):
    """Put off the server whoever is called ``nick``."""

    nick: str
    reason: str


class SayIn(Struct, frozen=True, tag="say", tag_field="wish"):
    """Say ``text`` in ``room``, as the server."""

    room: str
    text: str


class Announce(Struct, frozen=True, tag="announce", tag_field="wish"):
    """Tell ``text`` to everybody."""

    text: str


class Notify(Struct, frozen=True):
    """Tell session number ``session`` one of ``problems.NOTICES``."""

    session: int
    notice: str


Wish = Kick | SayIn | Announce | Enter | Strike

_BY_SERVER: Final = data_of({"server": "1"})
"""What a fact carries of who did it (``recalling.past_of``)."""


def objection(hub: Core, wish: Wish) -> str:
    """Return why ``wish`` cannot be carried out, as a sentence; "" if it can."""
    match wish:
        case Kick(nick, reason):
            there = hub.find(nick) is not None
            return _of_text(reason) or ("" if there else f"nobody here is called {nick}")
        case SayIn(room, text):
            there = fold(room) in hub.rooms
            return _of_text(text) or ("" if there else f"there is no room {room}")
        case Announce(text):
            return _of_text(text)
        case Enter():
            return (_of_text(wish.reason) if wish.reason else "") or ban_objection(hub, wish)
        case Strike():
            return ban_objection(hub, wish)


def _of_text(text: str) -> str:
    if not is_safe(text) or not text.strip():
        return "a text is one line without control characters"
    if (size := len(text.encode())) > LONGEST:
        return f"a text has at most {LONGEST} bytes, and this one {size}"
    return ""


def administer(hub: Core, wish: Wish | Notify) -> int:
    """Carry out ``wish``; return how many it concerns."""
    server = e.Source(hub.rules.server, server=True)
    if isinstance(wish, Enter | Strike):
        return carry_out(hub, wish)
    if isinstance(wish, Kick):
        return _kick(hub, wish, server)
    if isinstance(wish, SayIn):
        room = hub.rooms.get(fold(wish.room))
        if room is None:
            return 0
        stamp = hub.note(Fact(0, server.nick, room.name, "notice", wish.text, _BY_SERVER))
        hub.tell(room.audience(), e.Said(server, room.name, wish.text, "notice", stamp))
        return len(room.members)
    if isinstance(wish, Notify):
        return _notify(hub, wish)
    stamp = hub.note(Fact(0, server.nick, "", "announce", wish.text))
    hearers = [each for each in hub.sessions.values() if each.record.registered]
    hub.tell(Audience(hearers), e.Announced(wish.text, stamp=stamp))
    return len(hearers)


def _notify(hub: Core, wish: Notify) -> int:
    session = hub.state.sessions.get(wish.session)
    if session is None:
        return 0
    hub.deliver(session, e.Informed(wish.notice, to=session.to))
    return 1


def _kick(hub: Core, wish: Kick, server: e.Source) -> int:
    other = hub.find(wish.nick)
    if other is None:
        return 0
    stamp = hub.note(Fact(0, server.nick, "", "kill", f"{other.nick} {wish.reason}"))
    hub.deliver(other, e.Killed(server, other.nick, wish.reason, stamp))
    told = f"Killed ({server.nick} ({wish.reason}))"
    hub.then(Leaving(other.id, told, told, "put off by the administrator"))
    return 1
