"""What one client may say: a budget of lines and one of bytes. Pure; the clock is the caller's."""

from typing import Final, NamedTuple

from chatd_workers.pace import AT_ONCE, Pace

LEAST_WAIT: Final = 0.001
"""Seconds that a client waits if it must: less is what a timer of the loop cannot tell."""


class Rates(NamedTuple):
    """What may be said a second; 0: any."""

    lines: int
    size: int
    """Bytes."""


class Budget:
    """What one client may still say."""

    __slots__ = ("_bytes", "_lines", "rates")

    def __init__(self, rates: Rates, now: float, at_once: float = AT_ONCE) -> None:
        """Begin with what may be said at once, in seconds' worth; ``now`` is in seconds."""
        self.rates = rates
        self._lines = Pace(rates.lines, now, at_once)
        self._bytes = Pace(rates.size, now, at_once)

    def wait(self, now: float) -> float:
        """Return the seconds from ``now`` until something may be said."""
        if self._lines.allows(now) > 0 < self._bytes.allows(now):
            return 0.0
        return max(self._lines.until_one(), self._bytes.until_one(), LEAST_WAIT)

    def spend(self, lines: int, size: int) -> None:
        """Take note that so many lines, of so many bytes in all, were said."""
        self._lines.spend(lines)
        self._bytes.spend(size)
