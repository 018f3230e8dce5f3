"""The master's side of its supervisor: what it asks of it, and what it does when that has died.

Nobody waits for the supervisor. It is asked for workers and answers later; if it does not answer
(somebody has stopped it), it is killed, as if it had died. When it dies, a guard takes its place in
the same millisecond, also while the master begins or is busy: that is done by the signal's handler
(``guard``). A guard forks no workers, so the master does that itself, until another program has
taken the place of both: a pristine pair again.
"""

import asyncio
import os
import signal
import socket
from collections.abc import Callable
from types import FrameType
from typing import Final, NamedTuple

import msgspec

from chatd_supervisor.logbook import note
from chatd_supervisor.supervise import guard, reserved
from chatd_supervisor.supervise.clone import send_when_parent_dies
from chatd_supervisor.supervise.records import (
    MAX_RECORD,
    Bear,
    Born,
    Exited,
    Failed,
    Kill,
    Ready,
    Request,
    Retire,
    Settings,
    Stopping,
    decode_answer,
    encode,
)
from chatd_workers.sandbox.walls import Wall

PATIENCE: Final = 2.0
"""Seconds without an answer, though one is due, after which the supervisor is done without."""

MANY: Final = reserved.BIRTHS
"""Births that it is asked for before newcomers wait outside: more at a time it cannot begin."""

Outcome = int | OSError | None
"""A worker's pid; why there is none; or None: that cannot be known."""


class Hearers(NamedTuple):
    """Who hears of what, in the master."""

    exited: Callable[[int, int], None]
    """Of the pid and exit code of a worker that has ended;"""
    orphaned: Callable[[], None]
    """that nobody will tell of those any more that the supervisor had forked;"""
    lost: Callable[[], None]
    """and that the pair is to be replaced."""


class Parent:
    """The supervisor, or the guard in its place."""

    def __init__(self, supervisor: int, workers: dict[int, int], plan: guard.Plan) -> None:
        """``workers`` are the pids of its children, by ticket: as it was when it cloned us."""
        self.workers = workers
        self.pid = supervisor
        """Who has the table beside us."""
        self.forks = True
        """It is a supervisor, and forks workers."""
        self._plan = plan
        self._watched = True
        # Supervisors that have died, and nobody was told.
        self._dead: list[int] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._hearers: Hearers | None = None
        self._strangers: dict[int, Callable[[int], None]] = {}
        self._channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET, 0, reserved.MASTER)
        # Who waits for an answer, by ticket.
        self._asked: dict[int, Callable[[Outcome], None]] = {}
        self._deadline: asyncio.TimerHandle | None = None
        signal.signal(guard.PARENT_DIED, self._signalled)
        signal.siginterrupt(guard.PARENT_DIED, False)
        send_when_parent_dies(guard.PARENT_DIED)
        if os.getppid() != supervisor:
            self._replace()

    @property
    def expecting(self) -> int:
        """How many births it was asked for and has not answered."""
        return len(self._asked)

    @property
    def is_crowded(self) -> bool:
        """Return whether nobody who can wait should ask it for more."""
        return len(self._asked) >= MANY

    def attach(
        self,
        loop: asyncio.AbstractEventLoop,
        hearers: Hearers,
        strangers: dict[int, Callable[[int], None]],
    ) -> None:
        """Hear from ``loop`` what it says; ``strangers``: who hears of exit codes of children."""
        self._loop, self._hearers = loop, hearers
        strangers |= self._strangers
        self._strangers = strangers
        loop.add_reader(self._channel, self._hear)
        if self._dead:
            self._tell_lost()

    def settle(self, walls: Wall, memory_mb: int) -> None:
        """Say what workers are to be like."""
        self._send(Settings(int(walls), memory_mb))

    def ask(self, ticket: int, worker_end: socket.socket, told: Callable[[Outcome], None]) -> bool:
        """Have a worker forked that gets ``worker_end``; False: it cannot be asked.

        ``ticket`` is the cookie of the other end. ``told`` is called with its pid later, or with
        why there is none, and then ``worker_end`` is closed.
        """
        if not self.forks or not self._send(Bear(ticket, worker_end.fileno())):
            return False

        def answered(outcome: Outcome) -> None:
            worker_end.close()
            told(outcome)

        self._asked[ticket] = answered
        if self._deadline is None and self._loop is not None:
            self._deadline = self._loop.call_later(PATIENCE, self._give_up)
        return True

    def kill(self, pid: int) -> bool:
        """Have it kill its child ``pid``, unless that was reaped; False: it cannot be asked."""
        return self.forks and self._send(Kill(pid))

    def ready(self) -> None:
        """Say that clients can connect."""
        self._send(Ready())

    def stopping(self) -> None:
        """Say that this master is to end, so that its death from now on is no accident."""
        self._send(Stopping())
        if not self.forks:
            self.dismiss()

    def dismiss(self, *, retire: bool = False) -> None:
        """Have nobody share the table any more; ``retire``: a supervisor is to live on."""
        self._watched = False
        if retire and self.forks:
            self._send(Retire())
            return
        self._strangers[self.pid] = lambda _code: None
        os.kill(self.pid, signal.SIGKILL)  # our parent, or not reaped: so it is its own

    def replace_soon(self) -> None:
        """Do without it: another program is to take our place, and that of a guard."""
        if self.forks and self._watched:
            os.kill(self.pid, signal.SIGKILL)

    def _send(self, request: Request) -> bool:
        if not self.forks:
            return False
        try:
            self._channel.send(encode(request))
        except OSError:
            return False  # it is stopped, and its channel is full
        return True

    def _hear(self) -> None:
        while True:
            try:
                record = self._channel.recv(MAX_RECORD, socket.MSG_DONTWAIT)
            except OSError:
                return
            if not record:
                return
            try:
                answer = decode_answer(record)
            except msgspec.DecodeError as error:
                note("supervisor not understood", reason=error)
                continue
            if isinstance(answer, Exited):
                assert self._hearers is not None, "attached before anything is heard"
                self._hearers.exited(answer.pid, answer.exitcode)
            else:
                self._take(answer)

    def _take(self, answer: Born | Failed) -> None:
        told = self._asked.pop(answer.ticket, None)
        self._cancel()
        if self._asked and self._loop is not None:
            self._deadline = self._loop.call_later(PATIENCE, self._give_up)
        if told is None:
            return
        if isinstance(answer, Born):
            told(answer.pid)
        else:
            told(OSError(answer.errno, os.strerror(answer.errno)))

    def _give_up(self) -> None:
        self._deadline = None
        note("supervisor does not answer", pid=self.pid, expected=len(self._asked))
        self.replace_soon()

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    # Its death

    def _signalled(self, _signal: int, _frame: FrameType | None) -> None:
        if self._watched and self.forks and os.getppid() != self.pid:
            self._replace()

    def _guard_died(self, _exitcode: int) -> None:
        if self._watched:
            self._replace()

    def _replace(self) -> None:
        """Have a guard at once, whatever this process is in the middle of."""
        dead, self.forks = self.pid, False
        self.pid = guard.post(self._plan)
        self._strangers[self.pid] = self._guard_died
        self._dead.append(dead)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._tell_lost)

    def _tell_lost(self) -> None:
        """Do what follows, outside of whatever was interrupted."""
        while self._dead:
            note("supervisor died", pid=self._dead.pop(), next=f"pid {self.pid} takes its place")
        # What it had still said comes first.
        self._hear()
        self._cancel()
        for number in range(reserved.FIRST_BIRTH, reserved.FREE):
            reserved.clear(number)
        asked, self._asked = self._asked, {}
        for told in asked.values():
            told(None)
        assert self._hearers is not None, "attached"
        self._hearers.orphaned()
        self._hearers.lost()
