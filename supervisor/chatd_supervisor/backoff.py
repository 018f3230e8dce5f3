"""When the supervisor starts the next master. Pure: it has no clock."""

from typing import Final

DELAYS: Final = (0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0)
"""Seconds until a master is started again: after the first failure in a row, the second, ..."""

CALM: Final = 1.0
"""Seconds that a master must have been ready for its death not to be one of a row."""

LONGEST_AFTER_SERVING: Final = 0.8
"""Seconds to wait at most after one that was ready: clients are waiting, and it can serve them."""


class Backoff:
    """The deaths of masters in a row."""

    def __init__(self) -> None:
        self._row = 0
        self._spared = False

    def after(self, served: float | None, *, killed: bool = False) -> float:
        """Return the seconds to wait after a master that was ready for ``served`` seconds.

        None: it never was ready. ``killed``: by SIGKILL, which no master does to itself: one that
        was ready is followed at once.
        """
        if served is not None and killed:
            return 0.0
        if served is not None and served >= CALM:
            self._row, self._spared = 0, False
            return 0.0
        if served is not None and not self._spared:
            # One who served is worth an attempt at once, if it is the first to fall so early.
            self._spared = True
            return 0.0
        delay = DELAYS[min(self._row, len(DELAYS) - 1)]
        self._row += 1
        return delay if served is None else min(delay, LONGEST_AFTER_SERVING)
