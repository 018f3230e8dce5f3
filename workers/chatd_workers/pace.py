"""How many lines a client may say by now: a bucket of tokens. Pure; the clock is the caller's."""

from typing import Final

AT_ONCE: Final = 4.0
"""Seconds' worth of lines that whoever was silent may say at once."""


class Pace:
    """The pace of one client. A successor of its worker begins with a full bucket."""

    def __init__(self, rate: int, now: float, at_once: float = AT_ONCE) -> None:
        """``rate``: lines a second, 0 for no limit. ``now`` in seconds, of any clock.

        ``at_once``: seconds' worth of them that may be said after a silence.
        """
        self.rate = rate
        self._most = rate * at_once
        self._left = self._most
        self._since = now

    def allows(self, now: float) -> int:
        """Return how many lines may be said ``now``; with no limit, more than there can be."""
        if not self.rate:
            return 1 << 30
        self._left = min(self._most, self._left + (now - self._since) * self.rate)
        self._since = now
        return int(self._left)

    def spend(self, lines: int) -> None:
        """Take note that so many were said."""
        self._left -= lines

    def until_one(self) -> float:
        """Return the seconds from the last ``allows`` until one may be said."""
        return max(0.0, (1 - self._left) / self.rate) if self.rate else 0.0


def go_on(pace: Pace | None, rate: int, now: float) -> Pace:
    """Return ``pace`` if it is of that ``rate``, else a new one.

    So a bucket is not filled by a reload, or by a master's death.
    """
    return pace if pace is not None and pace.rate == rate else Pace(rate, now)
