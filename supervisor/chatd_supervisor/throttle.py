"""The rate at which the master takes what clients say: lines and bytes a second.

A worker keeps to its client's rate by itself, so that lines come one by one (``pace``). But a
worker may be taken over, and one that is killed is followed by one that knows nothing of what was
said. So the master counts as well: by client, and by the place that clients come from
(``origins``). Those of one place may together say as much as SHARES clients: each line costs CPU
that all share, in the worker that reads it above all, and nobody types for a hundred.

A report whose budget is used up waits here until there is some again. Nothing has happened until
then: the bytes are in the client's socket, the worker sleeps until its acknowledgement, and TCP
holds the client back. A report is let through as soon as anything is left, and may overdraw; what
it overdraws by must be earned before the next. So the budget is kept in the long run, whatever one
report holds. Clients of one place have their turns in the order in which they came.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from chatd_supervisor.budget import Budget, Rates
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.recent import Recent
from chatd_workers.reports import Report

SHARES: Final = 10
"""Clients' rates that all clients of one place have together."""

AT_ONCE: Final = 1.0
"""Seconds' worth that a place which was silent may say at once."""


class _Place:
    """A place, its budget, and whose reports wait for it."""

    __slots__ = ("budget", "name", "rates", "timer", "waiting")

    def __init__(self, name: str, rates: Rates, now: float) -> None:
        self.name = name
        self.live_by(rates, now)
        self.waiting: deque[Worker] = deque()
        self.timer: asyncio.TimerHandle | None = None

    def live_by(self, rates: Rates, now: float) -> None:
        """Begin with a full budget, of SHARES times the ``rates`` of a client."""
        lines, size = rates
        self.rates = rates
        self.budget = Budget(Rates(SHARES * lines, SHARES * size), now, AT_ONCE)


class Throttle:
    """All reports that wait for a budget."""

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
        self._waiting: dict[Worker, Report] = {}
        # Of those that wait for their own client's budget.
        self._timers: dict[Worker, asyncio.TimerHandle] = {}
        # Places of which something waits, and others, whose budgets are remembered.
        self._busy: dict[str, _Place] = {}
        self._silent: Recent[str, _Place] = Recent()
        self._is_open = False

    def take(self, worker: Worker, report: Report) -> None:
        """Let ``report`` through, now or when its client and its place have something left."""
        connection = worker.connection
        assert connection is not None, "who reports serves somebody"
        rates = self._rates(connection)
        if self._is_open or rates == (0, 0):
            self._through(worker, report)
            return
        now = self._loop.time()
        budget = connection.budget
        if budget is None or budget.rates != rates:
            budget = connection.budget = Budget(rates, now)
        wait = budget.wait(now)
        self._waiting[worker] = report
        if wait:
            self._timers[worker] = self._loop.call_later(wait, self._due, worker)
        else:
            self._come_to(self._place(connection.place, rates, now), worker)

    def _due(self, worker: Worker) -> None:
        del self._timers[worker]
        connection = worker.connection
        if connection is not None:
            place = self._place(connection.place, self._rates(connection), self._loop.time())
            self._come_to(place, worker)
            self._commit()

    def _place(self, name: str, rates: Rates, now: float) -> _Place:
        place = self._busy.get(name)
        if place is None:
            place = self._silent.get(name) or _Place(name, rates, now)
            self._silent.set(name, place)
        if place.rates != rates:
            place.live_by(rates, now)
        return place

    def _come_to(self, place: _Place, worker: Worker) -> None:
        place.waiting.append(worker)
        if place.timer is None:
            self._serve(place)

    def _serve(self, place: _Place) -> None:
        """Let through what waits of ``place``, as far as its budget goes."""
        while place.waiting:
            wait = place.budget.wait(self._loop.time())
            if wait:
                place.timer = self._loop.call_later(wait, self._serve_later, place)
                self._silent.pop(place.name)
                self._busy[place.name] = place
                return
            self._let_through(place.waiting.popleft(), place)
        if self._busy.pop(place.name, None) is not None:
            self._silent.set(place.name, place)

    def _serve_later(self, place: _Place) -> None:
        place.timer = None
        self._serve(place)
        self._commit()

    def _let_through(self, worker: Worker, place: _Place | None = None) -> None:
        report = self._waiting.pop(worker, None)
        if report is None:
            return  # it was forgotten meanwhile
        lines = max(1, len(report.commands))
        connection = worker.connection
        if connection is not None and connection.budget is not None:
            connection.budget.spend(lines, report.used)
        if place is not None:
            place.budget.spend(lines, report.used)
        self._through(worker, report)

    def forget(self, worker: Worker) -> None:
        """Let go of what ``worker`` has reported."""
        self._waiting.pop(worker, None)
        timer = self._timers.pop(worker, None)
        if timer is not None:
            timer.cancel()

    def renew(self) -> None:
        """Have everything wait by the rates there are now, which a reload may have changed."""
        waiting = list(self._waiting.items())
        self._stop_timers()
        self._waiting.clear()
        for worker, report in waiting:
            self.take(worker, report)
        self._commit()

    def release(self) -> None:
        """Let everything through that waits."""
        self._stop_timers()
        for worker in list(self._waiting):
            self._let_through(worker)

    def open(self) -> None:
        """Let everything through, from now on: the server is stopping."""
        self._is_open = True
        self.release()

    def close(self) -> None:
        """Let go of everything."""
        self._stop_timers()
        self._waiting.clear()

    def _stop_timers(self) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        for place in self._busy.values():
            place.waiting.clear()
            if place.timer is not None:
                place.timer.cancel()
                place.timer = None
            self._silent.set(place.name, place)
        self._busy.clear()
