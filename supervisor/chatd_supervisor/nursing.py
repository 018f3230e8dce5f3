"""The master's side of its nursery: starting it, asking it for workers, doing without it.

Nobody waits for it. What is asked of it is answered later; until it is ready, when it has died, or
does not answer (somebody has stopped it), the master forks workers itself, as it does where no
nursery is wanted. What it may have begun by then is nobody's: a worker whose channel has ended
looks for a master, and is sent away (``recovery``).
"""

import asyncio
import contextlib
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from chatd_supervisor.cloning import can_fork_siblings
from chatd_supervisor.connections import Connection
from chatd_supervisor.deferred_signals import DEFERRED
from chatd_supervisor.logbook import note
from chatd_supervisor.nursery import (
    MAX_RECORD,
    Bear,
    Born,
    Failed,
    Ready,
    command,
    decode_answer,
    encode,
)
from chatd_supervisor.obituaries import ending_of
from chatd_supervisor.relaying import Ends
from chatd_workers.channel import pair, send_with_descriptor
from chatd_workers.reports import Serve
from chatd_workers.sandbox.walls import Wall

LATER: Final = 0.5
"""Seconds until a master that has found clients starts one: until then it has enough to do. Less
than ``standby.LATER``, so that both do not import at once."""

RETRY: Final = 1.0
"""Seconds until there is another one in place of one that was not ready for as long; in place of
any other there is one at once."""

LAST_RETRY: Final = 60.0
"""The same at most, doubled for each in a row that was never ready."""

PATIENCE: Final = 2.0
"""Seconds without an answer, though one is due, after which it is done without."""

MANY: Final = 128
"""Births that it is asked for before newcomers wait outside; its channel holds about 270."""

Outcome = int | OSError | None
"""A worker's pid; why there is none; or None: that cannot be known."""


class Birth(NamedTuple):
    """What the nursery was asked for."""

    connection: Connection
    channel: socket.socket
    """Our end of what the worker is to have."""
    orders: Serve
    """What it finds in there."""
    ends: Ends | None
    """Our own duplicates."""
    refused: Callable[[OSError], None] | None
    """Who is told if there is no room."""

    def close(self) -> None:
        """Let go of the duplicates."""
        if self.ends is not None:
            self.ends.close()


def is_wanted(configured: bool | None, *, supervised: bool) -> bool:
    """Tell whether there is to be one, as ``configured``; None: it is left to us.

    Then only where there is more than the master and its workers anyway: somebody who holds its
    sockets beside it, a supervisor or the service manager.
    """
    return supervised if configured is None else configured


class Nursery:
    """The process, if there is one, and what it has been asked for."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        strangers: dict[int, Callable[[int], None]],
        walls: Wall,
        memory_mb: int,
    ) -> None:
        """``strangers``: who hears of the exit codes of children. The rest: ``nursery.command``."""
        self._loop = loop
        self._strangers = strangers
        self._walls = walls
        self._memory_mb = memory_mb
        # Who waits for an answer, by ticket, oldest first.
        self._asked: dict[int, Callable[[Outcome], None]] = {}
        self._ticket = 0
        self._channel: socket.socket | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._starting: asyncio.TimerHandle | None = None
        self._retry = RETRY
        self._ready_since: float | None = None
        # There are clients, who are not to notice that it starts.
        self._busy = False
        # Until it is ready nothing is asked of it.
        self.is_ready = False
        self.pid: int | None = None

    @property
    def expecting(self) -> int:
        """How many births it was asked for and has not answered."""
        return len(self._asked)

    @property
    def is_crowded(self) -> bool:
        """Tell whether nobody who can wait should ask it for more."""
        return len(self._asked) >= MANY

    @property
    def is_coming(self) -> bool:
        """Tell whether it is not ready, and will be before long."""
        return not self.is_ready and (self.pid is not None or self._starting is not None)

    def begin(self, *, busy: bool) -> None:
        """Start it, at once or, if the master is ``busy`` with those who were there, later."""
        if not can_fork_siblings():
            note("nursery not started", reason="chatd does not know how, on such a machine")
            return
        self._busy = busy
        self._starting = self._loop.call_later(LATER if busy else 0.0, self._start)

    def ask(self, worker_end: socket.socket, told: Callable[[Outcome], None]) -> bool:
        """Have a worker born that gets ``worker_end``, and close that; False: it cannot be asked.

        ``told`` is called with its pid later, or with why there is none. Nothing waits here to be
        sent: what the nursery has been asked for it does, whether this process lives or not.
        """
        if self._channel is None or not self.is_ready:
            return False
        try:
            record = encode(Bear(self._ticket + 1))
            send_with_descriptor(self._channel, record, worker_end.fileno())
        except OSError:
            # It has just ended, which is heard elsewhere; or its channel is full.
            return False
        worker_end.close()
        self._ticket += 1
        self._asked[self._ticket] = told
        if self._deadline is None:
            self._deadline = self._loop.call_later(PATIENCE, self._give_up)
        return True

    def settle(self) -> None:
        """Wait until nothing is expected: before this program goes, which alone knows of it."""
        deadline = time.monotonic() + PATIENCE
        while self._channel is not None and self._asked:
            look = select.poll()
            look.register(self._channel, select.POLLIN)
            if not look.poll(max(0.0, deadline - time.monotonic()) * 1000):
                self._give_up()
                return
            self._hear()

    def _start(self) -> None:
        with contextlib.ExitStack() as unwanted:
            try:
                ours, theirs = map(unwanted.enter_context, pair())
                theirs.set_inheritable(True)
                program = command(
                    theirs.fileno(), int(self._walls), self._memory_mb, gently=self._busy
                )
                self.pid = os.posix_spawn(program[0], program, os.environ, setsigmask=DEFERRED)
            except OSError as error:
                note("nursery not started", reason=error.strerror, retry=self._put_off())
                return
            unwanted.pop_all()
        theirs.close()
        ours.setblocking(False)
        self._channel = ours
        self._strangers[self.pid] = self._died
        self._loop.add_reader(ours, self._hear)

    def _hear(self) -> None:
        while (channel := self._channel) is not None:
            try:
                record = channel.recv(MAX_RECORD)
            except BlockingIOError:
                return
            except ConnectionResetError:
                continue  # told once, before what is left to be read (unix(7), SEQPACKET)
            try:
                answer = decode_answer(record) if record else None
            except msgspec.DecodeError:
                answer = None
            if answer is None:
                self._let_go()
                return
            self._take(answer)

    def _take(self, answer: Ready | Born | Failed) -> None:
        if isinstance(answer, Ready):
            self.is_ready = True
            self._retry = RETRY
            self._ready_since = self._loop.time()
            note("nursery ready", pid=self.pid)
            return
        told = self._asked.pop(answer.ticket, None)
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        if self._asked:
            self._deadline = self._loop.call_later(PATIENCE, self._give_up)
        if told is None:
            return
        if isinstance(answer, Born):
            told(answer.pid)
        else:
            told(OSError(answer.errno, os.strerror(answer.errno)))

    def _give_up(self) -> None:
        """Do without it: it does not answer."""
        self._deadline = None
        note("nursery does not answer", pid=self.pid, expected=len(self._asked))
        if self.pid is not None:
            os.kill(self.pid, signal.SIGKILL)  # not reaped, so it is its own
        self._let_go()

    def _let_go(self) -> None:
        """Close the channel, and tell all who wait that nothing is known of theirs."""
        self.is_ready = False
        if self._channel is not None:
            self._loop.remove_reader(self._channel)
            self._channel.close()
            self._channel = None
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
        asked, self._asked = self._asked, {}
        for told in asked.values():
            told(None)

    def _died(self, exitcode: int) -> None:
        pid, self.pid = self.pid, None
        # What it had still said comes first.
        self._hear()
        self._let_go()
        note("nursery ended", pid=pid, how=ending_of(exitcode), retry=self._put_off())

    def _put_off(self) -> float:
        """Have another one started; return in how many seconds."""
        self._busy = True
        since, self._ready_since = self._ready_since, None
        if since is not None and self._loop.time() - since >= RETRY:
            delay = 0.0
        else:
            delay, self._retry = self._retry, min(self._retry * 2, LAST_RETRY)
        self._starting = self._loop.call_later(delay, self._start)
        return delay

    def close(self) -> None:
        """Let it end, and ask it for nothing any more."""
        if self._starting is not None:
            self._starting.cancel()
        if self.pid is not None:
            self._strangers.pop(self.pid, None)
            os.kill(self.pid, signal.SIGKILL)  # not reaped, so it is its own
            os.waitpid(self.pid, 0)
            self.pid = None
        self._let_go()
