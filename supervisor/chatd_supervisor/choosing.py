"""Which sessions ``chatd ps`` shows, and in which order: pure."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from chatd_supervisor.tables import COLUMNS

MOST_FIRST: Final = frozenset({"age", "idle", "lines", "restarts", "queue"})
"""Columns of which the largest is what one looks for."""

STATE: Final = "state"
"""Not a column, but what somebody may be looked for by."""

Session = Mapping[str, Any]


class Wanted(NamedTuple):
    """A session is wanted if its ``column`` looks like ``pattern``, as a shell has file names."""

    column: str
    pattern: str


def parse_wanted(text: str) -> Wanted:
    """Return ``room=#ops`` as what is wanted. Raises ValueError with a sentence."""
    column, equals, pattern = text.partition("=")
    if not equals or column not in (*COLUMNS, STATE):
        raise ValueError(f"{text}: is to be COLUMN=PATTERN, a column of {', '.join(COLUMNS)}")
    return Wanted(column, pattern)


def _text(session: Session, column: str) -> str:
    value = session[column]
    return "+".join(value) if isinstance(value, list) else "" if value is None else str(value)


def chosen(sessions: Iterable[Session], wanted: Sequence[Wanted]) -> list[Session]:
    """Return those of ``sessions`` that are all of what is ``wanted``; case does not matter."""
    return [
        session
        for session in sessions
        if all(
            fnmatch.fnmatchcase(_text(session, one.column).casefold(), one.pattern.casefold())
            for one in wanted
        )
    ]


def ordered(sessions: Iterable[Session], column: str | None, *, reverse: bool) -> list[Session]:
    """Return ``sessions`` by ``column``, the most of what is much first; None: as they came.

    What has no value comes last.
    """
    found = sorted(sessions, key=lambda session: session["session"])
    if column is None:
        return found[::-1] if reverse else found

    def value(session: Session) -> Any:
        told = session[column]
        return told if isinstance(told, int | float) else _text(session, column).casefold()

    known = [session for session in found if session[column] is not None]
    nothing = [session for session in found if session[column] is None]
    return sorted(known, key=value, reverse=(column in MOST_FIRST) != reverse) + nothing
