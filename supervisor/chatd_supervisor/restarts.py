"""When a dead worker gets a successor, and what becomes of the line it died on: pure policy.

The rules, in the order in which they are asked:

* A death by SIGKILL is somebody's doing, never the line's, so it condemns nothing: kill a worker
  as often as you like and no line is lost. Nor does a death of which nobody knows the cause: of a
  worker that was adopted from another master. (Memory is bounded by resource limits, which a line
  that blows up meets as MemoryError, an exit of the worker's own.)
* Any other death while a line was announced counts against that line. POISON_DEATHS at the same
  offset, and the line is dropped. Before that the successor is told to be careful: to announce
  each line before it parses it.
* CLOSING_DEATHS such deaths in a row at the same offset (a line that cannot even be framed is
  never announced) close the client, and so do CLOSING_LINES lines that were dropped one after the
  other, with nothing of use between them.
* A worker that had committed a report, or that had lived for STABLE seconds, is replaced at once.
  One that had done neither is replaced after a delay that doubles from FIRST_DELAY to LAST_DELAY,
  so that a fork that cannot work does not take the machine with it.

Across all workers, more than ``max_restarts`` in ``period`` seconds are more than an accident:
``Intensity`` tells the master, which says so wherever people look.
"""

from collections import deque
from typing import Final, NamedTuple

SIGKILL: Final = 9

POISON_DEATHS: Final = 3
CLOSING_DEATHS: Final = 5
CLOSING_LINES: Final = 5
FIRST_DELAY: Final = 0.1
LAST_DELAY: Final = 5.0
STABLE: Final = 5.0


class Death(NamedTuple):
    """How a worker ended."""

    exitcode: int | None
    """As in multiprocess: negative for a signal; None if another process was its parent."""
    offset: int
    """Bytes of the client's stream that were committed."""
    announced: int | None
    """Bytes in the socket of the line it was parsing, if it had announced one."""
    committed: bool
    """It had committed at least one report."""
    lived: float
    """Seconds from its birth."""


class Verdict(NamedTuple):
    """What to do about a death."""

    delay: float
    """Seconds until the successor is born."""
    careful: bool
    """The successor is to announce each line."""
    drop: int | None
    """Bytes of the socket to set aside: the line that killed POISON_DEATHS workers."""
    close: bool
    """Give up and close the client."""
    blamed: bool = False
    """It was of what the client sent, as far as can be known."""


class RestartPolicy:
    """One client's history of dead workers, as far as it matters."""

    __slots__ = ("_deaths", "_dropped", "_failures", "_offset")

    def __init__(self) -> None:
        self._failures = 0
        self._offset = -1
        self._deaths = 0
        self._dropped = 0

    def judge(self, death: Death) -> Verdict:
        """Return what follows from ``death``."""
        if death.committed:
            self._dropped = 0
        if death.committed or death.lived >= STABLE:
            self._failures = 0
            delay = 0.0
        else:
            delay = min(FIRST_DELAY * 2**self._failures, LAST_DELAY)
            # Bounded, so that the power above stays one.
            self._failures = min(self._failures + 1, 16)
        if death.exitcode in (-SIGKILL, None):
            return Verdict(delay, self._deaths > 0 and death.offset == self._offset, None, False)
        if death.offset != self._offset:
            self._offset = death.offset
            self._deaths = 0
        self._deaths += 1
        if self._deaths >= CLOSING_DEATHS:
            return Verdict(delay, True, None, True, blamed=True)
        dropped = death.announced if self._deaths >= POISON_DEATHS else None
        if dropped is not None:
            self._dropped += 1
        return Verdict(delay, True, dropped, self._dropped >= CLOSING_LINES, blamed=True)


class Intensity:
    """How often workers are replaced, against a limit."""

    def __init__(self, max_restarts: int, period: float) -> None:
        self.max_restarts = max_restarts
        self.period = period
        self._recent: deque[float] = deque()

    def note(self, now: float) -> None:
        """Count a restart at ``now`` (seconds on a monotonic clock)."""
        self._recent.append(now)
        if len(self._recent) > max(self.max_restarts, 0) + 1:
            self._recent.popleft()

    def exceeded(self, now: float) -> bool:
        """Tell whether there were more than ``max_restarts`` in the last ``period`` seconds.

        A limit of 0 is none.
        """
        return (
            self.max_restarts > 0
            and len(self._recent) > self.max_restarts
            and now - self._recent[0] <= self.period
        )

    def until_calm(self, now: float) -> float:
        """Return the seconds until ``exceeded`` is false again if nothing more happens."""
        if not self.exceeded(now):
            return 0.0
        return self.period - (now - self._recent[0])
