"""When the supervisor starts the next master. Pure: it has no clock."""

from typing import Final

DELAYS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Seconds until a master is started again: after the first failure in a row, the second, ..."""

CALM: Final = 1.0
"""Seconds that a master must have been ready for its death not to be one of a row."""

LONGEST: Final = 0.8
"""Seconds to wait at most after one that was ready, or was killed: clients are waiting, and it can
serve them."""

SPARED: Final = 5
"""Masters in a row that are followed at once, though they were killed before they were ready. It is
whoever kills them that cannot let them be; and each may have served clients by then."""


class Backoff:
    """The deaths of masters in a row."""

    def __init__(self) -> None:
        self._row = 0
        self._spared = False
        self._killed = 0

    def after(self, served: float | None, *, killed: bool = False) -> float:
        """Return the seconds to wait after a master that was ready for ``served`` seconds.

        None: it never was ready. ``killed``: by SIGKILL, which no master does to itself: it is
        followed at once, unless SPARED in a row were not even ready.
        """
        if killed:
            self._killed = self._killed + 1 if served is None else 0
            place = self._killed - SPARED - 1
            return min(DELAYS[min(place, len(DELAYS) - 1)], LONGEST) if place >= 0 else 0.0
        self._killed = 0
        if served is not None and served >= CALM:
            self._row, self._spared = 0, False
            return 0.0
        if served is not None and not self._spared:
            # One who served is worth an attempt at once, if it is the first to fall so early.
            self._spared = True
            return 0.0
        delay = DELAYS[min(self._row, len(DELAYS) - 1)]
        self._row += 1
        return delay if served is None else min(delay, LONGEST)
