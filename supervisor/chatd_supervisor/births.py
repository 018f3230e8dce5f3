"""Births and deaths of workers: who is due for a successor, and when.

A death is complete when both of its signs have come: the channel has ended (all the worker ever
said has been read) and the child is reaped (how it died is known). Only then is its successor
born, so that there is never more than one worker for a client, a zombie included.

Births are made one per turn of the loop: between two of them everybody else is served.
"""

import asyncio
import logging
import os
import signal
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.processes import give_birth, reap
from chatd_supervisor.restarts import Death, Intensity, Verdict
from chatd_workers.reports import Serve

log = logging.getLogger("chatd")

VIOLATION: Final = os.EX_PROTOCOL
"""Exit code put down for a worker that was ended because it broke the rules of the channel."""

RETRY: Final = 1.0
"""Seconds until a birth is tried again that the system had no room for."""


class Births:
    """All living workers, and the connections that wait for one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        intensity: Intensity,
        *,
        orders: Callable[[Connection], Serve],
        born: Callable[[Worker], None],
        judged: Callable[[Connection, Verdict], None],
    ) -> None:
        """``orders`` says what a new worker is told, ``born`` is called with each new one.

        ``judged`` is called after a death, before the successor is due.
        """
        self._loop = loop
        self._orders = orders
        self._born = born
        self._judged = judged
        self._due: deque[Connection] = deque()
        self.intensity = intensity
        self.children: dict[int, Worker] = {}
        self.births = 0
        self.deaths = 0
        self.restarts = 0

    def give(self, connection: Connection) -> Worker:
        """Give ``connection`` a worker now, and return it.

        Raises OSError if the system has no room for another process.
        """
        orders = self._orders(connection)
        pid, channel = give_birth(connection.socket, orders)
        worker = Worker(pid, channel, connection, orders.nick, orders.room)
        connection.worker = self.children[pid] = worker
        self.births += 1
        self._born(worker)
        return worker

    def dismiss(self, connection: Connection) -> None:
        """Let the worker of ``connection`` go: its channel ends, and so does it."""
        worker = connection.worker
        connection.worker = None
        if worker is not None:
            worker.connection = None
            self.end(worker)

    def end(self, worker: Worker) -> None:
        """End ``worker``: close its channel, and see that it is gone.

        Its client's bytes are safe in the socket, so there is nothing it could still save; and
        one that was stopped (SIGSTOP) would not notice the end of its channel.
        """
        worker.channel.close()
        worker.ended = True
        if worker.pid in self.children:
            # Not reaped, so the pid is still its own.
            os.kill(worker.pid, signal.SIGKILL)
        self._bury(worker)

    def reap(self) -> None:
        """Take note of all children that have died (on SIGCHLD)."""
        for pid, exitcode in reap():
            worker = self.children.pop(pid, None)
            if worker is None:
                continue
            if worker.exitcode is None:
                worker.exitcode = exitcode
            self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        connection = worker.connection
        if connection is None or not worker.ended or worker.exitcode is None:
            return
        if worker.pid in self.children:
            return  # ended for a violation, and not reaped yet
        connection.worker = None
        self.deaths += 1
        now = time.monotonic()
        death = Death(
            worker.exitcode,
            connection.offset,
            worker.announced,
            worker.committed,
            now - worker.born,
        )
        verdict = connection.policy.judge(death)
        connection.careful = verdict.careful
        log.warning(
            "session %d: worker %d %s; %s",
            connection.session,
            worker.pid,
            _how(worker.exitcode),
            "closing" if verdict.close else _when(verdict.delay),
        )
        self.intensity.note(now)
        self._judged(connection, verdict)
        if connection.state is not State.SERVED:
            return
        self.restarts += 1
        connection.restarts += 1
        if verdict.delay:
            self._loop.call_later(verdict.delay, self._request, connection)
        else:
            self._request(connection)

    def _request(self, connection: Connection) -> None:
        self._due.append(connection)
        if len(self._due) == 1:
            self._loop.call_soon(self._next)

    def _next(self) -> None:
        connection = self._due.popleft()
        if self._due:
            self._loop.call_soon(self._next)
        if connection.state is not State.SERVED:
            return
        try:
            self.give(connection)
        except OSError as error:
            log.error(
                "session %d: no new worker yet, trying again in %g s: %s",
                connection.session,
                RETRY,
                error.strerror,
            )
            self._loop.call_later(RETRY, self._request, connection)


def _how(exitcode: int) -> str:
    if exitcode < 0:
        return f"was killed by {signal.Signals(-exitcode).name}"
    if exitcode == VIOLATION:
        return "was ended for breaking the rules of the channel"
    return f"exited with status {exitcode}"


def _when(delay: float) -> str:
    return f"restarting in {delay:g} s" if delay else "restarting at once"
