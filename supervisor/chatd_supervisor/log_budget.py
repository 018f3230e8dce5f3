"""How much may be logged of what others can cause: a budget for each event. Pure.

A worker that is taken over, or whoever sends what kills workers, must not fill the disk, nor have
the log lose what matters. So of each limited event (``log_events``) BURST units are logged at once
and A_SECOND for long, a unit being a record or PIECE characters of its stack. When they are used
up, there is silence about it for PAUSE seconds; then it is told how many records were left out.
"""

import math
from typing import Final, NamedTuple

BURST: Final = 10_000
"""Units: a thousand workers may die, and tell their stacks, at once."""

A_SECOND: Final = 10
"""Units: 36,000 short records, or 7 MB of stacks, an hour."""

PIECE: Final = 200
"""Characters of a stack that cost one unit."""

PAUSE: Final = 60.0
"""Seconds."""


class LeftOut(NamedTuple):
    """Records that were not logged."""

    of: str
    """The event."""
    times: int


class LogBudget:
    """What is left of the budget of each event."""

    def __init__(self) -> None:
        # By event: units left, and when that was so, in seconds.
        self._left: dict[str, tuple[float, float]] = {}
        # By event that is not logged: when it is again, and how many were left out.
        self._silent: dict[str, tuple[float, int]] = {}
        self.due = math.inf
        """When it is time to ask for ``left_out``."""

    def admits(self, event: str, characters: int, now: float) -> bool:
        """Return whether ``event`` may be logged ``now`` (seconds), with so long a stack."""
        if event in self._silent:
            until, count = self._silent[event]
            self._silent[event] = until, count + 1
            return False
        left, since = self._left.get(event, (float(BURST), now))
        left = min(float(BURST), left + (now - since) * A_SECOND) - 1 - characters // PIECE
        self._left[event] = max(left, 0.0), now
        if left >= 0:
            return True
        self._silent[event] = now + PAUSE, 1
        self.due = min(self.due, now + PAUSE)
        return False

    def left_out(self, now: float) -> list[LeftOut]:
        """Return what was left out, of the events that may be logged again ``now``."""
        over = [event for event, (until, _) in self._silent.items() if until <= now]
        found = [LeftOut(event, self._silent.pop(event)[1]) for event in over]
        self.due = min((until for until, _ in self._silent.values()), default=math.inf)
        return found
