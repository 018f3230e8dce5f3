"""Births and deaths of workers: who is due for a successor, and when.

A death is complete when both of its signs have come: the channel has ended (all the worker ever
said has been read) and the child is reaped (how it died is known). Only then is its successor
born, so that there is never more than one worker for a client, a zombie included.

A worker that was adopted from a dead master, or whose supervisor has died, is nobody's child that
we hear of: its death shows by the end of its channel alone, and nobody tells of what it died.

A relay (``relaying``) has one worker in its life: with that it ends, one way or the other, and no
death of such a worker counts as one that was followed by a restart.

Newcomers come up to ``listeners.AT_ONCE`` together, successors one per turn of the loop
(``birth_queue``): between two turns everybody else is served; and only a few are making ready at a
time (``newborn``).
"""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import Callable
from functools import partial

from chatd_supervisor import counts
from chatd_supervisor.birth_queue import Birth, BirthQueue
from chatd_supervisor.conduct import Conduct, Violation
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.newborn import Newborn
from chatd_supervisor.obituaries import (
    VIOLATION,
    cause_of,
    ending_of,
    obituary_of,
    remembering,
    sequel_of,
)
from chatd_supervisor.proc import is_alive, started
from chatd_supervisor.processes import conceive, give_birth, kill, reap
from chatd_supervisor.relaying import Ends
from chatd_supervisor.restarts import Death, Verdict
from chatd_supervisor.supervise.parent import Outcome, Parent
from chatd_supervisor.violations import violated
from chatd_workers.reports import Limit, Order, Retitle, Serve, encode


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
        self._due = BirthQueue(loop, lambda: self.is_crowded, self.give)
        self.newborn = Newborn()
        self.children: dict[int, Worker] = {}
        # Of them, those that we have forked ourselves.
        self._ours: set[int] = set()
        # Children that are no workers, and who hears of their exit code.
        self.strangers: dict[int, Callable[[int], None]] = {}
        # Who forks workers for us, unless that is a guard; None: we do.
        self.parent: Parent | None = None
        # Hears of each new one as well (``tracing``).
        self.noticed: Callable[[Worker], None] | None = None
        self.births = 0
        self.restarts = 0
        self.adopted = 0

    @property
    def expecting(self) -> int:
        """How many births the supervisor was asked for, and has not told the end of."""
        return self.parent.expecting if self.parent else 0

    @property
    def is_crowded(self) -> bool:
        """Whether those who can wait should, for enough are being born."""
        crowded = self.parent is not None and self.parent.is_crowded
        return crowded or self.newborn.are_enough(time.monotonic())

    def give(
        self,
        connection: Connection,
        ends: Ends | None = None,
        refused: Callable[[OSError], None] | None = None,
    ) -> Worker | None:
        """Give ``connection`` a worker, and return it; that of a relay gets ``ends``, too.

        None: the supervisor was asked for it. If that has no room for another process, ``refused``
        is told, if anybody is, and else it is tried again.

        Raises OSError if the system has no room for another process.
        """
        orders = self._orders(connection)
        # Whoever offers this client to a later master must be this worker. Until its pid is
        # known, the token alone tells: the master may be killed right after the fork.
        more = ends.descriptors() if ends is not None else []
        channel, theirs = conceive(connection.attached(), orders, more)
        cookie = counts.cookie(channel)
        self._ledger.employ(connection.session, connection.token, 0, channel=cookie)
        if self.parent is not None:
            birth = Birth(connection, channel, orders, ends and ends.duplicates(), refused)
            if self.parent.ask(cookie, theirs, partial(self._delivered, birth)):
                connection.worker_asked = True
                return None
            birth.close()
        pid = give_birth(channel, theirs)
        self._ours.add(pid)
        return self._bring_up(pid, channel, connection, orders)

    def _bring_up(
        self, pid: int, channel: socket.socket, connection: Connection, orders: Serve
    ) -> Worker:
        """Begin with a worker that was just born."""
        self.employ(connection, pid, channel)
        worker = _worker(pid, channel, connection, orders, child=True)
        connection.worker = worker
        self.children[pid] = worker
        self.births += 1
        self.newborn.add(worker)
        self._welcome(worker)
        return worker

    def employ(self, connection: Connection, pid: int, channel: socket.socket) -> None:
        """Write down that ``pid``, at the other end of ``channel``, is the worker."""
        session, token = connection.session, connection.token
        self._ledger.employ(session, token, pid, started(pid), counts.cookie(channel))

    def _delivered(self, birth: Birth, outcome: Outcome) -> None:
        """Take from the supervisor what has become of a ``birth``."""
        connection, channel = birth.connection, birth.channel
        connection.worker_asked = False
        # Meanwhile it may have ended.
        wanted = connection.state is not State.CLOSED and connection.worker is None
        if not isinstance(outcome, int):
            channel.close()
            if wanted:
                self._not_delivered(birth, outcome)
        elif wanted:
            worker = self._bring_up(outcome, channel, connection, birth.orders)
            self._catch_up(worker, birth.orders)
        else:
            channel.close()
            if self.parent is not None:
                self.parent.kill(outcome)
        birth.close()

    def _not_delivered(self, birth: Birth, outcome: OSError | None) -> None:
        connection = birth.connection
        if outcome is None and birth.ends is None:
            self.request(connection)
            return
        if outcome is None:
            # That of a relay cannot be asked for later: this is all there is to give it.
            try:
                self.give(connection, birth.ends, birth.refused)
            except OSError as error:
                outcome = error
            else:
                return
        if birth.refused is not None:
            birth.refused(outcome)
        else:
            self._due.put_off(connection, outcome)

    def _catch_up(self, worker: Worker, told: Serve) -> None:
        """Tell ``worker`` what has changed since it was ``told`` whom to serve."""
        connection = worker.connection
        if connection is None or connection.state is not State.SERVED:
            return
        now = self._orders(connection)
        if (now.nick, now.room) != (told.nick, told.room):
            worker.nick, worker.room = now.nick, now.room
            _tell(worker, Retitle(now.nick, now.room))
        if (now.line_length, now.message_rate) != (told.line_length, told.message_rate):
            _tell(worker, Limit(now.line_length, now.message_rate))

    @property
    def at_rest(self) -> bool:
        """Tell whether nobody waits for a worker."""
        return not (self._due or self.expecting)

    def adopt(self, connection: Connection, pid: int, channel: socket.socket) -> None:
        """Take over worker ``pid`` of a dead master, which has offered itself on ``channel``."""
        orders = self._orders(connection)
        worker = _worker(pid, channel, connection, orders, child=False)
        worker.committed = True  # it has lived well enough
        connection.worker = worker
        self.adopted += 1
        MEASURES.adopted()
        self.employ(connection, pid, channel)
        _tell(worker, orders)
        self._welcome(worker)

    def take_over(
        self, connection: Connection, pid: int, channel: socket.socket, *, child: bool
    ) -> Worker:
        """Go on with worker ``pid`` of a dead master, where it is; return it.

        ``child``: its exit code will be told.
        """
        orders = self._orders(connection)
        worker = _worker(pid, channel, connection, orders, child=child)
        # It may be; the master before us has not said.
        worker.conduct = Conduct(careful=True)
        worker.committed = True
        connection.worker = worker
        if child:
            self.children[pid] = worker
        self._welcome(worker)
        return worker

    def _welcome(self, worker: Worker) -> None:
        self._born(worker)
        if self.noticed is not None:
            self.noticed(worker)

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
        if worker.ended:
            return  # what it had still said has let its client go
        worker.ended = True
        if worker.timer is not None:
            worker.timer.close()
        self.newborn.remove(worker)
        # Whoever dies has its channel closed by the kernel, and is dying by then. Of one that is
        # dismissed it was we who closed it.
        if worker.connection is not None and worker.child and worker.exitcode is None:
            worker.hung_up = is_alive(worker.pid)
        # Before its channel is closed, or it would look for another master.
        self.kill(worker)
        if worker.pid not in self.children or worker.pid in self._ours:
            worker.channel.close()
        # Else when the supervisor has told of its death: it kills when it comes to that.
        self._bury(worker)

    def kill(self, worker: Worker) -> None:
        """Kill ``worker``, whose channel is open, unless it has died and was reaped already."""
        pid = worker.pid
        if pid in self._ours:
            os.kill(pid, signal.SIGKILL)  # not reaped, so it is its own
        elif pid not in self.children or self.parent is None or not self.parent.kill(pid):
            kill(pid, worker.channel)

    def reap(self) -> None:
        """Take note of all children that have died (on SIGCHLD)."""
        for pid, exitcode in reap():
            self.exited(pid, exitcode)

    def exited(self, pid: int, exitcode: int) -> None:
        """Take note that ``pid`` has died, which was reaped."""
        self._ours.discard(pid)
        worker = self.children.pop(pid, None)
        if worker is None:
            if (told := self.strangers.pop(pid, None)) is not None:
                told(exitcode)
            return
        if worker.ended:
            worker.channel.close()
        if worker.exitcode is None:
            worker.exitcode = exitcode
            # Killed by us for that it closed its channel, it has done what no worker may.
            if worker.hung_up and exitcode == -signal.SIGKILL:
                worker.exitcode = VIOLATION
                violated(worker, Violation("hangup", "closed its channel, and lived"))
        self._bury(worker)

    def orphaned(self) -> None:
        """Take note that of workers whose supervisor has died no exit code is told any more."""
        for pid in self.children.keys() - self._ours:
            worker = self.children.pop(pid)
            worker.child = False
            if worker.ended:
                kill(pid, worker.channel)  # perhaps nobody has come to that
                worker.channel.close()
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
        MEASURES.deaths[cause_of(worker.exitcode)] += 1
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
        how = ending_of(worker.exitcode)
        follows = "closing" if verdict.close else sequel_of(verdict.delay)
        note("worker died", session=connection.session, pid=worker.pid, how=how, next=follows)
        obituary = obituary_of(worker.pid, death, follows)
        connection.obituaries = remembering(connection.obituaries, obituary)
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
        how = ending_of(worker.exitcode)
        if connection.state is State.SERVED:
            MEASURES.deaths[cause_of(worker.exitcode)] += 1
            session = connection.session
            note("worker died", session=session, pid=worker.pid, how=how, next="closing")
        self._severed(connection, how)

    def request(self, connection: Connection) -> None:
        """Have ``connection`` given a worker as soon as it is its turn.

        A relay can be given none; it has ended.
        """
        if connection.way.is_relay:
            self._severed(connection, "is gone")
        else:
            self._due.add(connection)


def _worker(
    pid: int, channel: socket.socket, connection: Connection, orders: Serve, *, child: bool
) -> Worker:
    nick, room, careful = orders.nick, orders.room, orders.careful
    return Worker(pid, channel, connection, nick, room, child=child, careful=careful)


def _tell(worker: Worker, order: Order) -> None:
    # If it has died meanwhile, its channel will say so.
    with contextlib.suppress(OSError):
        worker.channel.send(encode(order), socket.MSG_DONTWAIT)
