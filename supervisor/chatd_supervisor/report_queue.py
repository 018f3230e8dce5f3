"""What clients have said and is not applied yet: in turns by address, without what masters died of.

Joins ``fair_queue`` (whose turn it is) and ``crash_mark`` (what the last master died of).
"""

import time
from collections.abc import Callable, Generator
from typing import Final

import msgspec

from chatd_supervisor.connections import Connection
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.fair_queue import FairQueue
from chatd_supervisor.logbook import note
from chatd_supervisor.work import Departing, Reported
from chatd_workers.commands import Refuse

TURN: Final = 0.003
"""Seconds after which no further work is taken in one tick."""


class ReportQueue:
    """Reports, and ends of streams, that wait for the turn of the address they come from."""

    def __init__(self, mark: CrashMark, quarantine: Callable[[Connection, int], None]) -> None:
        """``quarantine`` keeps so many next bytes of a connection, of which a master has died."""
        self.mark: Final = mark
        self._quarantine = quarantine
        self._queue: FairQueue[Reported | Departing] = FairQueue()

    def __len__(self) -> int:
        """Return how much waits."""
        return len(self._queue)

    def add(self, work: Reported | Departing) -> None:
        """Append ``work`` to what has come from its address."""
        connection = work.worker.connection if isinstance(work, Reported) else work.connection
        assert connection is not None, "who reports serves somebody"
        self._queue.add(connection.place, work)

    def turn(self) -> Generator[Reported | Departing, None, None]:
        """Take work out, whose turn it is, until TURN is over; at least one piece, if there is any.

        A piece that would probably last longer than that is not begun after others: they are
        written first. The time until the next one is asked for is charged to its address.
        """
        over = time.perf_counter() + TURN
        while self._queue:
            begun = time.perf_counter()
            place, work = self._queue.take()
            try:
                yield self._admitted(work)
            finally:
                now = time.perf_counter()
                self._queue.charge(place, now - begun)
            if self._queue and now + self._queue.expected() > over:
                return

    def _admitted(self, work: Reported | Departing) -> Reported | Departing:
        """Return ``work``, or what is to be done in its place if masters have died of it."""
        if type(work) is not Reported:
            return work
        connection = work.worker.connection
        if connection is None or not self.mark.condemns(connection.session, connection.offset):
            return work
        note("report set aside", session=connection.session, deaths=self.mark.deaths)
        self._quarantine(connection, work.report.used)
        return refused(work)


def refused(work: Reported) -> Reported:
    """Return ``work`` with nothing of what was said but that it could not be done."""
    report = msgspec.structs.replace(work.report, commands=[Refuse("line-failed")])
    return Reported(work.worker, report)
