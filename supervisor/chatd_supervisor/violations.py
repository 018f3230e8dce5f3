"""What is done about a worker that breaks the rules (``conduct``): it is logged and counted."""

from typing import Final

from chatd_supervisor.conduct import Violation
from chatd_supervisor.connections import Worker
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES

SHOWN: Final = 200
"""Characters that are shown of what a worker did wrong, which may quote it."""


def violated(worker: Worker, violation: Violation) -> None:
    """Log and count what ``worker`` has done wrong."""
    session = worker.connection.session if worker.connection is not None else None
    kind, how = violation
    note("worker broke the rules", session=session, pid=worker.pid, kind=kind, how=how[:SHOWN])
    MEASURES.violations[kind] += 1
