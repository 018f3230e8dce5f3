"""The rate at which the master takes what one client says: lines and bytes a second.

A worker keeps to the rate by itself, so that lines come one by one (``pace``). But a worker may be
taken over, and one that is killed is followed by one that knows nothing of what was said. So the
master counts as well: a report whose client has used up its budget waits here until it has some
again. Nothing has happened until then: the bytes are in the client's socket, the worker waits for
its acknowledgement, and TCP holds the client back.

A report is let through as soon as anything is left, and may overdraw; what it overdraws by must be
earned before the next. So the budget is kept in the long run, whatever one report holds.
"""

import asyncio
from collections.abc import Callable

from chatd_supervisor.budget import Budget, Rates
from chatd_supervisor.connections import Connection, Worker
from chatd_workers.reports import Report


class Throttle:
    """All reports that wait for their client's budget."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        rates: Callable[[Connection], Rates],
        through: Callable[[Worker, Report], None],
        commit: Callable[[], None],
    ) -> None:
        """``rates`` returns those of a client, ``through`` takes a report.

        ``commit`` is called when something was let through outside of a tick.
        """
        self._loop = loop
        self._rates = rates
        self._through = through
        self._commit = commit
        self._waiting: dict[Worker, tuple[Report, asyncio.TimerHandle]] = {}
        self._is_open = False

    def take(self, worker: Worker, report: Report) -> None:
        """Let ``report`` through, now or when its client's budget has something left."""
        connection = worker.connection
        assert connection is not None, "who reports serves somebody"
        now = self._loop.time()
        budget, rates = connection.budget, self._rates(connection)
        if budget is None or budget.rates != rates:
            budget = connection.budget = Budget(rates, now)
        wait = budget.wait(now)
        if self._is_open or not wait:
            self._let_through(worker, report)
            return
        self._waiting[worker] = report, self._loop.call_later(wait, self._due, worker)

    def _let_through(self, worker: Worker, report: Report) -> None:
        connection = worker.connection
        if connection is not None and connection.budget is not None:
            connection.budget.spend(len(report.commands), report.used)
        self._through(worker, report)

    def _due(self, worker: Worker) -> None:
        report, _ = self._waiting.pop(worker)
        self._let_through(worker, report)
        self._commit()

    def forget(self, worker: Worker) -> None:
        """Let go of what ``worker`` has reported."""
        waiting = self._waiting.pop(worker, None)
        if waiting is not None:
            waiting[1].cancel()

    def release(self) -> None:
        """Let everything through that waits."""
        waiting, self._waiting = self._waiting, {}
        for worker, (report, timer) in waiting.items():
            timer.cancel()
            self._let_through(worker, report)

    def open(self) -> None:
        """Let everything through, from now on: the server is stopping."""
        self._is_open = True
        self.release()

    def close(self) -> None:
        """Let go of everything."""
        for _, timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
