"""The supervisor: the parent of master and workers, which shares the master's descriptor table.

A program of its own, ``python -m chatd_supervisor.supervise``. It imports all that a
master and a worker are made of, and opens nothing; then it clones the master (``clone``), and the
next one when that dies. What the master opens, the supervisor has in the same instant, for there is
one table, and it lives as long as either of them: no client is lost with a master. Nothing is done
here that would change its memory, so each master begins as new, without importing anything, and a
worker that is forked here owns nearly nothing (``rehearsal``).

=====================  ==================================  ===================================
the master is          when this happens                   then
=====================  ==================================  ===================================
new, never ready       it ends                             the supervisor ends with its status
                                                           (whoever started us has been told);
                                                           after an upgrade, the program before
                                                           goes on
starting, ready        SIGTERM, SIGINT, SIGQUIT            passed on; from now on its end is meant
starting, ready        it does not react to them           it is killed
starting, ready        it says Stopping                    from now on its end is meant
starting, ready        it ends as is meant, or status 0    the supervisor ends
starting, ready        SIGHUP, SIGUSR1, SIGUSR2            passed on
starting               it ends                             another one, after a delay
ready                  it ends                             another one, at once; after a delay if
                                                           it had only just begun, as the last
none                   its delay is over                   another one
none                   SIGTERM, SIGINT, SIGQUIT            the supervisor ends
ready                  it says Retire                      it stays as a parent (``retired``)
=====================  ==================================  ===================================

**It owns no descriptor.** What it opened would be in the master's table, which the next master goes
through. The few it needs are reserved (``reserved``): both ends of the channel to the master, of
which its own is what it waits for, and the other one is where signals are written to that come
meanwhile (``signal.set_wakeup_fd``). The log it opens for each line, while there is no master.
"""

import contextlib
import logging
import os
import select
import signal
import socket
import time
from collections import deque
from collections.abc import Iterator
from types import FrameType
from typing import Final, NoReturn

import msgspec
import setproctitle

from chatd_supervisor import serving
from chatd_supervisor.backoff import Backoff
from chatd_supervisor.exits import Exit
from chatd_supervisor.logbook import Field
from chatd_supervisor.obituaries import ending_of
from chatd_supervisor.processes import reap
from chatd_supervisor.supervise import guard, reserved
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.beginning import say
from chatd_supervisor.supervise.clone import (
    clone_sharing_table,
    leave_table,
)
from chatd_supervisor.supervise.fork_server import ForkServer, settle
from chatd_supervisor.supervise.records import (
    MAX_RECORD,
    Answer,
    Bear,
    Born,
    Exited,
    Failed,
    Kill,
    Ready,
    Retire,
    Settings,
    Stopping,
    decode_request,
    encode,
)
from chatd_supervisor.supervise.retired import be_parent
from chatd_supervisor.supervise.successor import Inheritance
from chatd_supervisor.titling import MASTER
from chatd_workers.channel import pair
from chatd_workers.sandbox.walls import Wall
from chatd_workers.signals import (
    BLOCK,
    MASTERS_SIGNALS,
    RESTORE,
    UNBLOCK,
    change_mask,
    handle,
)

ENDING: Final = frozenset({int(signal.SIGTERM), int(signal.SIGINT), int(signal.SIGQUIT)})

PASSED_ON: Final = ENDING | {
    int(number) for number in (signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
}

NEXT: Final = "chatd: next supervisor"
"""The title of one that waits for the table of another."""

REACTION: Final = 5.0
"""Seconds in which a master must have begun to end when it is told to; then it is killed."""

_come: Final[set[int]] = set()
"""Signals that have come."""


class Supervisor:
    """What one supervisor process knows."""

    def __init__(self, asked: Asked, inheritance: Inheritance) -> None:
        self._asked = asked
        self._inheritance = inheritance
        self._pid = os.getpid()
        self._master = 0
        # Workers that are not reaped: pids by ticket, and the other way round.
        self._workers: dict[int, int] = {}
        self._tickets: dict[int, int] = {}
        # What the channel did not take.
        self._owed: deque[Answer] = deque()
        self._fork_server = ForkServer()
        self._since: float | None = None
        self._due = 0.0
        self._backoff = Backoff()
        self._served = inheritance.handover is not None
        self._stopping = False
        self._reacts_by: float | None = None
        # What is to be our exit code, if nothing goes wrong.
        self._meant = Exit.OK
        self._retired = False
        self._status: int | None = None
        self._poll = select.poll()

    def run(self) -> int:
        """Supervise until the end; return the exit code."""
        for number in MASTERS_SIGNALS:
            handle(number, _noted)
        self._begin()
        change_mask(UNBLOCK, MASTERS_SIGNALS)
        while self._status is None:
            self._turn()
        return self._status

    def _turn(self) -> None:
        """Wait for something to happen, and do what it asks for."""
        until = self._until()
        milliseconds = None if until is None else max(0.0, until - time.monotonic()) * 1000
        self._poll.register(
            reserved.SUPERVISOR, select.POLLIN | (select.POLLOUT if self._owed else 0)
        )
        self._poll.poll(milliseconds)
        self._hear()
        self._take_signals()
        self._reap()
        self._pay()
        if self._retired:
            self._status = be_parent(PASSED_ON)
            return
        until = self._until()
        if self._status is not None or until is None or time.monotonic() < until:
            return
        if self._master:
            self._reacts_by = None
            os.kill(self._master, signal.SIGKILL)  # not reaped, so it is its own
        else:
            self._begin()

    def _until(self) -> float | None:
        """Return when something is to be done unless something happens before, if anything is."""
        return self._reacts_by if self._master else self._due

    # The master's life

    def _begin(self) -> None:
        """Have a master begin, at the other end of a new channel."""
        before = change_mask(BLOCK, MASTERS_SIGNALS)
        try:
            ours, theirs = pair()
            for end, number in ((ours, reserved.SUPERVISOR), (theirs, reserved.MASTER)):
                end.setblocking(False)
                reserved.put(end.fileno(), number)
                end.close()
            signal.set_wakeup_fd(reserved.MASTER, warn_on_full_buffer=False)
            # What was not told to the last one the next one sees by itself.
            self._owed.clear()
            marks = self._inheritance.marks
            with marks.passed_on() if marks is not None else contextlib.nullcontext():
                pid = clone_sharing_table()
        except OSError as error:
            self._ended(0, f"cannot be cloned: {error.strerror}", Exit.SOFTWARE)
            return
        finally:
            if os.getpid() == self._pid:
                change_mask(RESTORE, before)
        if pid == 0:
            self._be_master()
        self._master, self._since = pid, None

    def _be_master(self) -> NoReturn:
        """Be the master, in this clone, and nothing else."""
        code: int = Exit.SOFTWARE
        try:
            signal.set_wakeup_fd(-1)
            setproctitle.setproctitle(MASTER.rstrip())
            code = serving.serve_shared(
                self._inheritance, self._pid, self._workers, served=self._served
            )
        finally:
            logging.shutdown()
            os._exit(code)

    def _bury(self, code: int) -> None:
        """Do what the end of the master asks for; ``code`` as multiprocess has it."""
        pid, self._master = self._master, 0
        if self._retired:
            return
        how = ending_of(code)
        if code == Exit.OK or self._stopping:
            if code not in (Exit.OK, -signal.SIGTERM, -signal.SIGINT, self._meant):
                self._say("master died", pid=pid, how=f"{how} while it stopped", next="the end")
            self._status = max(code, self._meant)
            return
        self._ended(pid, how, code)

    def _ended(self, pid: int, how: str, code: int) -> None:
        """Have another master begin, now or later, after one that has ended as nobody meant."""
        served = time.monotonic() - self._since if self._since is not None else None
        if served is None and code > 0:
            self._go_back()
        if served is None and not self._served:
            # Whoever started us has been told why, or will be told that it was killed.
            self._status = code if code > 0 else Exit.SOFTWARE
            return
        delay = self._backoff.after(served, killed=code == -signal.SIGKILL)
        self._due = time.monotonic() + delay
        before = "" if served is not None else " before it was ready"
        when = f"in {delay:g} s" if delay else ""
        again = f"starting it again {when}".rstrip()
        self._say("master died", pid=pid, how=f"{how}{before}", next=again)

    def _go_back(self) -> None:
        """Give the table to the program before us, if there is one that this has replaced."""
        handover = self._inheritance.handover
        if handover is None or not handover.before:
            return
        back = handover.back(self._inheritance.complaint())
        self._say("upgrade undone", reason=back.failure)
        guard.take_charge(guard.Plan(handover.before, back.encoded(), self._say))

    # Signals

    def _take_signals(self) -> None:
        while _come:
            number = _come.pop()
            if number not in PASSED_ON:
                continue
            if number in ENDING:
                if not self._stopping:
                    self._reacts_by = time.monotonic() + REACTION
                self._stopping = True
                if number == signal.SIGQUIT:
                    self._meant = Exit.STEPPED_ASIDE
                if not self._master:
                    name = signal.Signals(number).name
                    self._say("stopping", on=f"{name}; no master runs")
                    self._status = self._meant
            if self._master:
                os.kill(self._master, number)  # not reaped, so it is its own

    def _reap(self) -> None:
        for pid, code in reap():
            # From here on that is nobody's pid, or somebody else's.
            ticket = self._tickets.pop(pid, None)
            if not self._retired:
                self._fork_server.has_ended(pid)
            # All that the master had asked for comes before its end.
            self._hear()
            if ticket is not None:
                del self._workers[ticket]
                self._owed.append(Exited(pid, code))
            if pid == self._master:
                self._bury(code)

    # What the master asks for

    def _hear(self) -> None:
        """Do all that the master has asked for."""
        if self._retired:
            return
        with _borrowed(reserved.SUPERVISOR) as channel:
            while True:
                try:
                    record = channel.recv(MAX_RECORD, socket.MSG_DONTWAIT)
                except BlockingIOError:
                    return
                if len(record) <= 1:
                    continue  # a signal's number
                try:
                    request = decode_request(record)
                except msgspec.DecodeError as error:
                    self._say("bad request from master", pid=self._master, reason=error)
                    continue
                match request:
                    case Settings(walls, memory_mb):
                        settle(Wall(walls), memory_mb)
                    case Bear(ticket, descriptor):
                        self._owed.append(self._bear(ticket, descriptor))
                        # At once: it may go on with asking for as long as there is something.
                        self._pay()
                    case Kill(pid):
                        if pid in self._tickets:
                            os.kill(pid, signal.SIGKILL)  # not reaped, so it is its own
                    case Ready():
                        self._since, self._served = time.monotonic(), True
                        self._inheritance.told()
                    case Stopping():
                        self._stopping, self._reacts_by = True, None
                    case Retire():
                        self._retired = True
                        signal.set_wakeup_fd(-1)
                        leave_table(reserved.SUPERVISOR)
                        return

    def _bear(self, ticket: int, descriptor: int) -> Answer:
        """Fork a worker whose channel is ``descriptor``, which stays the master's to close."""
        try:
            pid = self._fork_server.fork(descriptor)
        except OSError as error:
            return Failed(ticket, error.errno or 0)
        self._workers[ticket], self._tickets[pid] = pid, ticket
        return Born(ticket, pid)

    def _pay(self) -> None:
        """Tell the master what it is owed, as far as the channel takes it."""
        if self._retired:
            return
        with _borrowed(reserved.SUPERVISOR) as channel, contextlib.suppress(BlockingIOError):
            while self._owed:
                channel.send(encode(self._owed[0]))
                self._owed.popleft()

    def _say(self, event: str, **fields: Field) -> None:
        say(self._asked, event, **fields)


@contextlib.contextmanager
def _borrowed(number: int) -> Iterator[socket.socket]:
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, number)
    try:
        yield channel
    finally:
        channel.detach()


def _noted(number: int, _frame: FrameType | None) -> None:
    """Note what has come; the number is in the channel as well, which ends the wait."""
    _come.add(number)
