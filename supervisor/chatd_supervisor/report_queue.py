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

_REFUSAL: Final = [Refuse("line-failed")]


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
        # It may be what it tells of its client that masters die of.
        return departing(work) if work.report.fresh else refused(work)


def refused(work: Reported) -> Reported | Departing:
    """Return what is to be done in the place of ``work``, at which chatd fails.

    Nothing of what was said, but that its client is told so; and if even that has failed, the
    client is let go. What the report tells of the client itself (``Report.fresh``) stays: it is
    told only once, and a client of which it is not known would have no bans and no limits.
    """
    if work.report.commands == _REFUSAL:
        return departing(work)
    return Reported(work.worker, msgspec.structs.replace(work.report, commands=_REFUSAL))


def departing(work: Reported) -> Departing:
    """Return the departure of the client of ``work``, at whose reports chatd fails."""
    connection = work.worker.connection
    assert connection is not None, "it was applied for somebody"
    farewell = "the server failed at your input"
    return Departing(connection, "the server failed at its input", farewell)
