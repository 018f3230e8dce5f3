"""Places whose clients keep crashing workers: nobody new is let in from there for a while. Pure.

Each death costs a fork, and one client alone is let go after a few (``restarts``). Whoever comes
back each time, or with many at once, would have the server do nothing else.
"""

from collections import deque
from typing import Final

from chatd_supervisor.recent import Recent

WINDOW: Final = 60.0
"""Seconds in which deaths are counted."""


class Penalties:
    """Counts deaths by place."""

    def __init__(self) -> None:
        self._deaths: Recent[str, deque[float]] = Recent()
        # Since when a place is kept out.
        self._since: Recent[str, float] = Recent()

    def blame(self, place: str, most: int, term: float, now: float) -> bool:
        """Count a death at ``now`` against ``place``; return whether it is kept out from here on.

        That is so for ``term`` seconds, if it were more than ``most`` in WINDOW. 0: never.
        """
        if not most or self.left(place, most, term, now):
            return False
        deaths = deque(self._deaths.pop(place) or (), maxlen=most + 1)
        deaths.append(now)
        if len(deaths) <= most or now - deaths[0] > WINDOW:
            self._deaths.set(place, deaths)
            return False
        self._since.set(place, now)
        return True

    def left(self, place: str, most: int, term: float, now: float) -> float:
        """Return for how many seconds ``place`` is kept out yet; 0: it is not.

        ``most`` and ``term`` are those of ``blame``, as they are now: a reload may let it in.
        """
        since = self._since.get(place)
        if since is None or not most:
            return 0.0
        left = since + term - now
        if left <= 0:
            self._since.pop(place)
            return 0.0
        return left
