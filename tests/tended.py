"""A journal that nobody leaves alone until nothing is to be done for now."""

from chatd_supervisor.journal import Journal
from chatd_supervisor.pauses import FAR


def tended(journal: Journal) -> float | None:
    """Tend it; return the seconds until something is to be done again by itself; None: never."""
    while (delay := journal.tend()) is not None and delay <= FAR:
        pass
    return delay
