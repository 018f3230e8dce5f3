"""Births and deaths of workers: who is due for a successor, and when.

A death is complete when both of its signs have come: the channel has ended (all the worker ever
said has been read) and the child is reaped (how it died is known). Only then is its successor
born, so that there is never more than one worker for a client, a zombie included.

A worker that was adopted from a dead master is not our child: its death shows by the end of its
channel alone, and nobody tells of what it died.

A relay (``relaying``) has one worker in its life: with that it ends, one way or the other, and no
death of such a worker counts as one that was followed by a restart.

Newcomers come up to ``listeners.AT_ONCE`` together, successors one per turn of the loop: between
two turns everybody else is served.
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from chatd_supervisor.conduct import Violation
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.obituaries import Obituary, remembering
from chatd_supervisor.proc import is_alive
from chatd_supervisor.processes import give_birth, reap
from chatd_supervisor.relaying import Ends
from chatd_supervisor.restarts import Death, Verdict
from chatd_workers.reports import Serve, encode

VIOLATION: Final = os.EX_PROTOCOL
"""Exit code put down for a worker that was ended because it broke the rules of the channel."""

SHOWN: Final = 200
"""Characters that are shown of what a worker did wrong, which may quote it."""

RETRY: Final = 1.0
"""Seconds until a birth is tried again that the system had no room for."""

BREATH: Final = 0.5
"""Seconds before the first worker is replaced: what was said during the upgrade comes first."""

PACE: Final = 0.005
"""Seconds between one worker's replacement and the next one's."""


class Births:
    """All living workers, and the connections that wait for one."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ledger: Ledger,
        *,
        orders: Callable[[Connection], Serve],
        born: Callable[[Worker], None],
        judged: Callable[[Connection, Verdict], None],
        severed: Callable[[Connection, str], None],
    ) -> None:
        """``orders`` says what a new worker is told, ``born`` is called with each new one.

        ``judged`` is called after a death, before the successor is due; ``severed`` when there can
        be none, for the connection has ended with its worker, and with how that has ended.
        """
        self._loop = loop
        self._ledger = ledger
        self._orders = orders
        self._born = born
        self._judged = judged
        self._severed = severed
        self._due: deque[Connection] = deque()
        self._due_later: deque[Connection] = deque()
        self.children: dict[int, Worker] = {}
        # Children that are no workers, and who hears of their exit code.
        self.strangers: dict[int, Callable[[int], None]] = {}
        self._to_renew: deque[Worker] = deque()
        # Hears of each new one as well (``tracing``).
        self.noticed: Callable[[Worker], None] | None = None
        self.births = 0
        self.restarts = 0
        self.adopted = 0

    def give(self, connection: Connection, ends: Ends | None = None) -> Worker:
        """Give ``connection`` a worker now, and return it; that of a relay gets ``ends``, too.

        Raises OSError if the system has no room for another process.
        """
        orders = self._orders(connection)
        # Whoever offers this client to a later master must be this worker. Until its pid is
        # known, the token alone tells: the master may be killed right after the fork.
        self._ledger.employ(connection.session, connection.token, 0)
        more = ends.descriptors() if ends is not None else []
        pid, channel = give_birth(connection.attached(), orders, more)
        self._ledger.employ(connection.session, connection.token, pid)
        worker = _worker(pid, channel, connection, orders, child=True)
        connection.worker = self.children[pid] = worker
        self.births += 1
        self._welcome(worker)
        return worker

    def adopt(self, connection: Connection, pid: int, channel: socket.socket) -> None:
        """Take over worker ``pid`` of a dead master, which has offered itself on ``channel``."""
        orders = self._orders(connection)
        worker = _worker(pid, channel, connection, orders, child=False)
        worker.committed = True  # it has lived well enough
        connection.worker = worker
        self.adopted += 1
        MEASURES.adopted()
        self._ledger.employ(connection.session, connection.token, pid)
        # If it has died meanwhile, its channel will say so.
        with contextlib.suppress(OSError):
            channel.send(encode(orders), socket.MSG_DONTWAIT)
        self._welcome(worker)

    def take_over(self, worker: Worker) -> None:
        """Go on with ``worker``, which another program in this process has left to us."""
        assert worker.connection is not None, "it serves somebody"
        worker.connection.worker = worker
        worker.committed = True
        if worker.child:
            self.children[worker.pid] = worker
        self._welcome(worker)

    def _welcome(self, worker: Worker) -> None:
        self._born(worker)
        if self.noticed is not None:
            self.noticed(worker)

    def renew(self, workers: Iterable[Worker]) -> None:
        """Replace ``workers`` one after another by new ones, but for those of relays."""
        self._to_renew.extend(
            worker
            for worker in workers
            if worker.connection is not None and not worker.connection.way.is_relay
        )
        self._loop.call_later(BREATH, self._renew_next)

    def _renew_next(self) -> None:
        # Not while others wait for theirs, and among them the one before.
        while self._to_renew and not (self._due or self._due_later):
            worker = self._to_renew.popleft()
            connection = worker.connection
            if connection is not None and connection.worker is worker and not worker.ended:
                worker.renewing = True
                _kill(worker)
                break
        if self._to_renew:
            self._loop.call_later(PACE, self._renew_next)
        else:
            note("all workers are new")

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
        worker.ended = True
        # Whoever dies has its channel closed by the kernel, and is dying by then. Of one that is
        # dismissed it was we who closed it.
        if worker.connection is not None and worker.child and worker.exitcode is None:
            worker.hung_up = is_alive(worker.pid)
        # Before its channel is closed, or it would look for another master.
        if not worker.child or worker.pid in self.children:
            _kill(worker)
        worker.channel.close()
        self._bury(worker)

    def reap(self) -> None:
        """Take note of all children that have died (on SIGCHLD)."""
        for pid, exitcode in reap():
            worker = self.children.pop(pid, None)
            if worker is None:
                if (told := self.strangers.pop(pid, None)) is not None:
                    told(exitcode)
                continue
            if worker.exitcode is None:
                worker.exitcode = exitcode
                # Killed by us for that it closed its channel, it has done what no worker may.
                if worker.hung_up and exitcode == -signal.SIGKILL:
                    worker.exitcode = VIOLATION
                    violated(worker, Violation("hangup", "closed its channel, and lived"))
            self._bury(worker)

    def _bury(self, worker: Worker) -> None:
        connection = worker.connection
        if connection is None or not worker.ended:
            return
        # Also one that was ended for a violation is to be reaped first.
        if (worker.child and worker.exitcode is None) or worker.pid in self.children:
            return
        connection.worker = None
        if connection.way.is_relay:
            self._bury_relay(connection, worker)
            return
        MEASURES.deaths[_cause(worker.exitcode)] += 1
        if connection.state is not State.SERVED:
            return  # it was there to hold the socket, and the master holds it as well
        if worker.renewing:
            self.request(connection)
            return
        now = time.monotonic()
        death = Death(
            worker.exitcode,
            connection.offset,
            worker.conduct.announced,
            worker.committed,
            now - worker.born,
        )
        verdict = connection.policy.judge(death)
        connection.careful = verdict.careful
        how = _how(worker.exitcode)
        follows = "closing" if verdict.close else _when(verdict.delay)
        note("worker died", session=connection.session, pid=worker.pid, how=how, next=follows)
        connection.obituaries = remembering(
            connection.obituaries,
            Obituary(
                time.time(),
                worker.pid,
                how,
                death.exitcode,
                death.offset,
                death.announced,
                round(death.lived, 3),
                follows,
            ),
        )
        self._judged(connection, verdict)
        if connection.state is not State.SERVED:
            return
        self.restarts += 1
        connection.restarts += 1
        if verdict.delay:
            self._loop.call_later(verdict.delay, self.request, connection)
        else:
            self.request(connection)

    def _bury_relay(self, connection: Connection, worker: Worker) -> None:
        how = _how(worker.exitcode)
        if connection.state is State.SERVED:
            MEASURES.deaths[_cause(worker.exitcode)] += 1
            session = connection.session
            note("worker died", session=session, pid=worker.pid, how=how, next="closing")
        self._severed(connection, how)

    def request(self, connection: Connection) -> None:
        """Have ``connection`` given a worker as soon as it is its turn.

        A relay can be given none; it has ended.

        Those whose clients have said something come first: when all have died at once, or a master
        with them, the others do not miss theirs yet.
        """
        if connection.way.is_relay:
            self._severed(connection, "is gone")
            return
        if not self._due and not self._due_later:
            self._loop.call_soon(self._next)
        if connection.state is State.SERVED and connection.is_readable():
            self._due.append(connection)
        else:
            self._due_later.append(connection)

    def _next(self) -> None:
        connection = (self._due or self._due_later).popleft()
        if self._due or self._due_later:
            self._loop.call_soon(self._next)
        if connection.state is not State.SERVED or connection.worker is not None:
            return
        try:
            self.give(connection)
        except OSError as error:
            session = connection.session
            note("worker not started", session=session, reason=error.strerror, retry=RETRY)
            self._loop.call_later(RETRY, self.request, connection)


def _worker(
    pid: int, channel: socket.socket, connection: Connection, orders: Serve, *, child: bool
) -> Worker:
    nick, room, careful = orders.nick, orders.room, orders.careful
    return Worker(pid, channel, connection, nick, room, child=child, careful=careful)


def violated(worker: Worker, violation: Violation) -> None:
    """Log and count what ``worker`` has done wrong."""
    session = worker.connection.session if worker.connection is not None else None
    kind, how = violation
    note("worker broke the rules", session=session, pid=worker.pid, kind=kind, how=how[:SHOWN])
    MEASURES.violations[kind] += 1


def _kill(worker: Worker) -> None:
    """Kill ``worker``, and nobody else who may have got its pid since."""
    if worker.child:
        # Not reaped, so the pid is its own.
        os.kill(worker.pid, signal.SIGKILL)
        return
    try:
        process = os.pidfd_open(worker.pid)
    except OSError:
        return  # gone
    with contextlib.closing(os.fdopen(process, "rb", buffering=0)):
        # Its channel is open still, so it lives, and the pid is its own.
        poll = select.poll()
        poll.register(worker.channel, 0)
        if not poll.poll(0):
            signal.pidfd_send_signal(process, signal.SIGKILL)


def _how(exitcode: int | None) -> str:
    if exitcode is None:
        return "is gone"
    if exitcode == -signal.SIGSYS:
        return "was killed by SIGSYS: it tried what its sandbox forbids"
    if exitcode < 0:
        return f"was killed by {_signal(-exitcode)}"
    if exitcode == VIOLATION:
        return "was ended for breaking the rules of the channel"
    return f"exited with status {exitcode}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one has no name


def _cause(exitcode: int | None) -> str:
    """Return what a worker has died of, in a word."""
    if exitcode is None:
        return "unknown"  # an adopted one is not our child
    if exitcode < 0:
        return _signal(-exitcode)
    return "violation" if exitcode == VIOLATION else "exit"


def _when(delay: float) -> str:
    return f"restarting in {delay:g} s" if delay else "restarting at once"
