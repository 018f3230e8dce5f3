"""Who was called what, for WHOWAS: people who have left or taken another name, the last first.

It is in memory alone and bounded, so a new master begins with nobody. The journal keeps for good
who said what; this answers "who was that, just now?", and is not worth a place in the order of
everything.
"""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from chatd_workers.events import Source
from chatd_workers.names import fold


class Past(NamedTuple):
    """Somebody as it was, and until when (microseconds since the epoch)."""

    key: str
    """Its folded nick."""
    source: Source
    until: int


class Gone:
    """The last who were called otherwise or here."""

    def __init__(self) -> None:
        self._past: deque[Past] = deque()

    def remember(self, source: Source, now: int, most: int) -> None:
        """Remember ``source``, which is no more since ``now``; ``most`` are kept."""
        self._past.appendleft(Past(fold(source.nick), source, now))
        while len(self._past) > most:
            self._past.pop()

    def called(self, nick: str) -> Iterator[Past]:
        """Yield who was called ``nick``, the last first."""
        key = fold(nick)
        return (past for past in self._past if past.key == key)
