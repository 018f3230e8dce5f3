"""Ending workers that compute for longer than they may (``cpu_account``).

One that does is ended like one that says what it may not, and its client gets another. What workers
have used is looked at when the kernel tells that one of them has used another STEP (``cpu_timer``),
and never otherwise: those that wait cost nothing.
"""

import errno
import time
from collections.abc import Callable, Iterable
from typing import Final

from chatd_supervisor import counts
from chatd_supervisor.conduct import Violation
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.cpu_account import CpuAccount
from chatd_supervisor.cpu_timer import CpuTimer
from chatd_supervisor.logbook import note

STEP: Final = 1.0
"""Seconds of processor time that a worker uses until its account is looked at."""


class CpuWatch:
    """Watches workers that compute."""

    def __init__(
        self,
        connections: Callable[[], Iterable[Connection]],
        condemn: Callable[[Worker, Violation], None],
    ) -> None:
        """``condemn`` ends a worker that has used too much."""
        self._connections = connections
        self._condemn = condemn
        self._impossible = False

    def watch(self, worker: Worker) -> None:
        """Begin to watch ``worker``, if the system can."""
        if self._impossible or worker.connection is None:
            return
        try:
            worker.timer = CpuTimer(worker.pid, STEP)
            figures = _figures(worker.connection, worker.timer)
            worker.account = CpuAccount(*figures, careful=worker.connection.careful)
        except OSError as error:
            if error.errno != errno.EINVAL:  # which means: it has died already
                self._impossible = True
                note("workers not watched", reason=error.strerror)

    def look(self) -> None:
        """See who has used too much: some worker has used another STEP."""
        for connection in list(self._connections()):
            worker = connection.worker
            if worker is None or worker.ended or worker.timer is None or worker.account is None:
                continue
            try:
                figures = _figures(connection, worker.timer)
            except OSError:
                continue  # it has died, and its channel will say so
            if not worker.account.charge(*figures):
                how = f"has computed for {figures[1]:.0f} s, longer than its client's bytes take"
                self._condemn(worker, Violation("cpu", how))


def _figures(connection: Connection, timer: CpuTimer) -> tuple[float, float, int, int]:
    told = 0
    if connection.way.is_relay and connection.client is not None:
        try:
            told = counts.written(connection.client)
        except OSError:
            told = 0  # nothing more can be written
    return time.monotonic(), timer.used(), connection.offset, told
