"""What was said and what happened in one window, bounded, in its order: pure."""

import enum
import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

MOST: Final = 5000
"""Lines that a window keeps; the server has the rest."""


class Look(enum.StrEnum):
    """What a line is; a theme gives each its style."""

    MESSAGE = "message"
    ACTION = "action"
    NOTICE = "notice"
    EVENT = "event"
    INFO = "info"
    ERROR = "error"


class Line(Struct, frozen=True, kw_only=True):
    """One line of a window."""

    serial: int
    """Its own; a line that is changed gets another."""
    look: Look
    text: str
    nick: str = ""
    time: int = 0
    """Microseconds since the epoch."""
    msgid: str = ""
    sent: str = ""
    """The id of the order, as long as the server has not confirmed it."""
    own: bool = False
    mention: bool = False
    to: str = ""


class Transcript:
    """Lines by their time, then what is under way, which has no place yet."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._lines: list[Line] = []
        self._times: list[int] = []
        self._known: set[str] = set()
        self._under_way: dict[str, Line] = {}
        # Rises whenever something has changed.
        self.version = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._lines) + len(self._under_way)

    def __iter__(self) -> Iterator[Line]:
        yield from self._lines
        yield from self._under_way.values()

    def lines(self) -> Sequence[Line]:
        """Return all of it, the oldest first."""
        return [*self._lines, *self._under_way.values()] if self._under_way else self._lines

    def last_time(self) -> int:
        """Return the time of the last line that the server has, 0 if there is none."""
        return self._times[-1] if self._times else 0

    def add(self, line: Line) -> bool:
        """Add ``line`` where its time puts it, if it is not there; tell whether it was added."""
        if line.msgid and line.msgid in self._known:
            return False
        if line.sent:
            self._under_way[line.sent] = line
        else:
            place = len(self._lines)
            if self._times and line.time < self._times[-1]:
                place = bisect_right(self._times, line.time)
                if place == 0 and len(self._lines) >= self._most:
                    return False  # older than all of a full window
            self._lines.insert(place, line)
            self._times.insert(place, line.time)
            if line.msgid:
                self._known.add(line.msgid)
        self.version += 1
        self._shorten()
        return True

    def confirm(self, sent: str) -> Line | None:
        """Take out, and return, what was under way by the id ``sent``."""
        line = self._under_way.pop(sent, None)
        if line is not None:
            self.version += 1
        return line

    def under_way(self) -> int:
        """Return how many lines the server has not confirmed."""
        return len(self._under_way)

    def clear(self) -> None:
        """Forget all but what is under way."""
        self._lines.clear()
        self._times.clear()
        self.version += 1

    def _shorten(self) -> None:
        # A tenth at a time: a list that loses its head moves all the rest.
        excess = len(self._lines) - self._most
        if excess <= 0 or excess < self._most // 10:
            return
        for line in self._lines[:excess]:
            self._known.discard(line.msgid)
        del self._lines[:excess]
        del self._times[:excess]
        self.dropped += excess

    def find(self, what: str) -> list[int]:
        """Return the serials of the lines that ``what`` stands in, whatever its case."""
        wanted = re.compile(re.escape(what), re.IGNORECASE)
        return [line.serial for line in self if wanted.search(f"{line.nick} {line.text}")]
