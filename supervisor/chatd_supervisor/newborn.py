"""How many workers are making ready at a time: few, for each keeps a CPU busy for milliseconds.

A hundred of them at once would leave the master a hundredth of a CPU, and everybody who is there
waits for the master. Those who come wait in the backlog instead. Pure; the clock is the caller's.
"""

from typing import Final

from chatd_supervisor.connections import Worker

ENOUGH: Final = 4
"""Workers that may be making ready at a time."""

GROWN: Final = 0.5
"""Seconds after which a worker is taken for one that is ready, though it has not said so: somebody
may have stopped it."""


class Newborn:
    """Workers that were born and are not ready yet."""

    def __init__(self) -> None:
        # The oldest first.
        self._workers: dict[Worker, None] = {}

    def add(self, worker: Worker) -> None:
        """Take note that ``worker`` was born."""
        self._workers[worker] = None

    def remove(self, worker: Worker) -> None:
        """Take note that ``worker`` is ready, or has ended."""
        self._workers.pop(worker, None)

    def are_enough(self, now: float) -> bool:
        """Return whether no more should be born ``now`` (seconds, as in ``Worker.born``)."""
        while self._workers and (oldest := next(iter(self._workers))).born < now - GROWN:
            del self._workers[oldest]
        return len(self._workers) >= ENOUGH
