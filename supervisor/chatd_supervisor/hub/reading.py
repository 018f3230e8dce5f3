"""Up to when somebody has read what: kept for the clients of one person, told to nobody else.

An account's marks are kept for good and told to all its sessions; those of a client that is logged
in to none are its own, and gone with it. A mark only moves on (IRCv3 read-marker).
"""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.journal import Fact, JournalError
from chatd_supervisor.journal.strands import reader_of
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Audience, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import READ_MARKER
from chatd_workers.names import fold, is_nick, is_room

MAX_MARKS: Final = 1000
"""Targets of one reader."""


def show_marker(hub: Core, session: Session, target: str) -> None:
    """Tell ``session`` up to when ``target`` is read, if it wants to know such.

    For whoever comes into a room: after it is told of its coming, before the end of the names.
    """
    if not session.view & READ_MARKER:
        return
    try:
        time = min(hub.past.marked(_reader(session), target), hub.now)
    except JournalError:
        time = 0
    hub.reply(session, e.ReadMarked(target, time))


def _mark(hub: Core, session: Session, entry: c.Markread) -> None:
    target = entry.target
    if not (is_room(target) or is_nick(target)):
        hub.refuse(session, "markread-invalid", target)
        return
    try:
        _move(hub, session, target, entry.time)
    except JournalError:
        hub.refuse(session, "markread-failed", target)


def _move(hub: Core, session: Session, target: str, time: int | None) -> None:
    reader = _reader(session)
    known = hub.past.marked(reader, target)
    if known > hub.now:
        known = 0  # it was set while the clock was ahead
    # Nobody has read what is still to come.
    wanted = min(time or 0, hub.now)
    if wanted <= known:
        hub.reply(session, e.ReadMarked(target, known))
        return
    if not known and hub.past.marks(reader) >= MAX_MARKS:
        hub.refuse(session, "markread-failed", target)
        return
    data = data_of({"reader": reader, "time": wanted})
    hub.note(Fact(session.id, session.nick, target, "read", "", data))
    marked = e.ReadMarked(target, wanted)
    hub.reply(session, marked)
    hub.tell(_others(hub, session), marked)


def _reader(session: Session) -> str:
    return reader_of(session.id, session.record.account)


def _others(hub: Core, session: Session) -> Audience:
    """Return the other clients of the same account that want to be told of marks."""
    account = fold(session.record.account)
    return Audience(
        other
        for other in (hub.sessions.values() if account else ())
        if other is not session
        and other.view & READ_MARKER
        and fold(other.record.account) == account
    )


ACTIONS: Final[dict[type, Action]] = {
    c.Markread: _mark,
}
