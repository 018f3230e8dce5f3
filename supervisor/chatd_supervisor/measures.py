"""What the master counts while it works, for ``chatd metrics``: cheap, and of fixed size.

One per process, as there is one master per process: whoever counts does it in a line, and needs to
be given nothing. An upgrade begins anew, which Prometheus understands as a restart. Histograms have
fixed bounds; to observe is a bisection and two additions, and no memory is taken after the start.
"""

import time
from bisect import bisect_left
from collections import Counter
from typing import Any, Final

from chatd_supervisor.conduct import KINDS
from chatd_supervisor.refusals import REASONS

SHORT: Final = (
    *(0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01),
    *(0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5),
)
"""Seconds: from the shortest tick to what people notice."""

LONG: Final = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Seconds that a client may have to wait for its next master."""

CAUSES: Final = ("SIGKILL", "SIGSEGV", "exit", "violation", "unknown")
"""What workers die of, mostly; any other signal may come."""


class Histogram:
    """How often values up to each bound have been seen."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        """Of values up to each bound and above the one before; the last, above all."""
        self.total = 0.0

    def observe(self, value: float) -> None:
        """Count ``value``."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def shown(self) -> dict[str, Any]:
        """Return it as JSON can have it."""
        return {"bounds": self.bounds, "counts": self.counts, "sum": self.total}


class Measures:
    """Everything that is counted and has no better place; times in seconds."""

    def __init__(self) -> None:
        self.begun = time.perf_counter()
        self.opened = 0
        # What is usual is there from the start, as 0, so that the first one is seen as a change.
        self.refused = Counter[str](dict.fromkeys(REASONS, 0))
        self.deaths = Counter(dict.fromkeys(CAUSES, 0))
        self.violations = Counter(dict.fromkeys(KINDS, 0))
        self.ticks = Histogram(SHORT)
        self.commits = Histogram(SHORT)
        self.lags = Histogram(SHORT)
        self.adoptions = Histogram(LONG)

    def committed(self, begun: float, since: float) -> None:
        """Count a commit that has begun at ``begun``, of work the first of which came ``since``."""
        now = time.perf_counter()
        self.commits.observe(now - begun)
        self.lags.observe(now - since)

    def ticked(self, begun: float) -> None:
        """Count a tick that has begun at ``begun`` and is over."""
        self.ticks.observe(time.perf_counter() - begun)

    def adopted(self) -> None:
        """Count a worker of a dead master, and how long after our start it was taken over."""
        self.adoptions.observe(time.perf_counter() - self.begun)


MEASURES: Final = Measures()
"""Of this process."""
