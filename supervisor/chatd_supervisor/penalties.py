"""Places whose clients keep crashing workers: nobody new is let in from there for a while. Pure.

Each death costs a fork, and one client alone is let go after a few (``restarts``). Whoever comes
back each time, or with many at once, would have the server do nothing else.
"""

from collections import deque
from typing import Final

WINDOW: Final = 60.0
"""Seconds in which deaths are counted."""

KNOWN: Final = 10_000
"""Places that are remembered; beyond that, those are forgotten of which nothing is to be told."""


class Penalties:
    """Counts deaths by place."""

    def __init__(self) -> None:
        self._deaths: dict[str, deque[float]] = {}
        self._until: dict[str, float] = {}

    def blame(self, place: str, most: int, term: float, now: float) -> bool:
        """Count a death at ``now`` against ``place``; return whether it is kept out from here on.

        That is so for ``term`` seconds, if it were more than ``most`` in WINDOW. 0: never.
        """
        if not most or self.left(place, now):
            return False
        self._forget(now)
        deaths = self._deaths.setdefault(place, deque(maxlen=most + 1))
        if deaths.maxlen != most + 1:
            deaths = self._deaths[place] = deque(deaths, maxlen=most + 1)
        deaths.append(now)
        if len(deaths) <= most or now - deaths[0] > WINDOW:
            return False
        del self._deaths[place]
        self._until[place] = now + term
        return True

    def left(self, place: str, now: float) -> float:
        """Return for how many seconds ``place`` is kept out yet; 0: it is not."""
        until = self._until.get(place)
        if until is None:
            return 0.0
        if now >= until:
            del self._until[place]
            return 0.0
        return until - now

    def _forget(self, now: float) -> None:
        if len(self._deaths) >= KNOWN:
            self._deaths = {
                place: deaths for place, deaths in self._deaths.items() if now - deaths[-1] < WINDOW
            }
        if len(self._until) >= KNOWN:
            self._until = {place: until for place, until in self._until.items() if now < until}
