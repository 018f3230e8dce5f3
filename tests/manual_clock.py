"""A clock that goes as it is told: the wall clock, and the one beside it that nobody sets."""

from chatd_supervisor.clock import MICROSECONDS, Clock

START = 1_700_000_000
"""Seconds since the epoch."""

DAY = 86400
YEAR = 365 * DAY


class ManualClock(Clock):
    """Time passes with ``go``; somebody sets the wall clock with ``set``."""

    def __init__(self) -> None:
        self.passed = 1000.0
        self.ahead = 0.0
        self.jumps: list[float] = []
        super().__init__(self._wall_time, lambda: self.passed, self.jumps.append)

    def _wall_time(self) -> int:
        return self.wall * 1000

    @property
    def wall(self) -> int:
        """What the wall clock says, in microseconds since the epoch."""
        return round((START - 1000 + self.passed + self.ahead) * MICROSECONDS)

    def go(self, seconds: float) -> None:
        """Let time pass."""
        self.passed += seconds

    def set(self, ahead: float) -> None:
        """Set the wall clock so many seconds ahead of what is right."""
        self.ahead = ahead
