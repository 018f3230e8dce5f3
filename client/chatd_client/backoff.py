"""How long to wait before a server is reached for again: pure."""

import random
from typing import Final

FIRST: Final = 0.25
LONGEST: Final = 60.0

LASTED: Final = 30.0
"""Seconds online after which a connection counts as a good one: the next wait is a short one."""

LEAST: Final = 2.0
"""Seconds to which the longest wait is cut, at the most, by one that did not last that long."""


class Backoff:
    """Waits that double, each cut short by chance, so that many clients do not come at once."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._longest = FIRST

    def next(self) -> float:
        """Return the seconds to wait now: from half of the longest wait to all of it."""
        longest = self._longest
        self._longest = min(longest * 2, LONGEST)
        return longest * (0.5 + self._dice.random() / 2)

    def succeeded(self, lasted: float) -> None:
        """Note that one was online for ``lasted`` seconds: so long a wait is enough, then."""
        if lasted >= LASTED:
            self._longest = FIRST
        elif lasted > 0:
            self._longest = min(self._longest, max(LEAST, lasted))
