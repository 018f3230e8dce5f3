"""What was said before: questions that the journal answers."""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.outcomes import Lookup
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers.events import RecallKind
from chatd_workers.names import is_safe

DEFAULT_HISTORY: Final = 20
"""Lines that /history shows if not told how many."""


def show_past(hub: Core, session: Session, room: Room) -> None:
    """Show ``session``, which comes into ``room``, the last lines."""
    count = hub.rules.history_on_join
    if count:
        hub.then(Lookup(session, "joined", room.name, "", count))


def _history(hub: Core, session: Session, entry: c.History) -> None:
    _look_up(hub, session, "history", "", entry.count or DEFAULT_HISTORY)


def _search(hub: Core, session: Session, entry: c.Search) -> None:
    if not is_safe(entry.words):
        hub.refuse(session, "text-unsafe")
        return
    _look_up(hub, session, "search", entry.words, DEFAULT_HISTORY)


def _missed(hub: Core, session: Session, _: c.Missed) -> None:
    if not session.named:
        hub.refuse(session, "not-named", session.nick)
        return
    _look_up(hub, session, "missed", "", hub.rules.history_lines)


def _look_up(hub: Core, session: Session, kind: RecallKind, words: str, count: int) -> None:
    most = min(count, hub.rules.history_lines)
    hub.then(Lookup(session, kind, session.room.name, words, most))


ACTIONS: Final[dict[type, Action]] = {
    c.History: _history,
    c.Search: _search,
    c.Missed: _missed,
}
