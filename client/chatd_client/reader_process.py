"""The reading process as its parent holds it: started again whenever it dies.

It is forked, so it is there at once; it asks the kernel to be killed with its parent (prctl(2),
PR_SET_PDEATHSIG), so it never outlives it, whatever it waits for; a terminal that its parent has
had until then it gives back before it ends. When it dies, what it has said
up to then is read, and another one is told where to go on (``Memory``): it reaches the server
anew, has what was missed fetched, and is given what the server has not acknowledged yet. One that
dies again and again has its successor wait for ever longer before it begins.
"""

import contextlib
import ctypes
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from typing import Final, NoReturn

import setproctitle

from chatd_client.channel import Channel, Gone
from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, AnyOrder, Phase, Resume, Status, Target
from chatd_client.exits import Exit
from chatd_client.memory import Memory
from chatd_client.restoring import Terminal
from chatd_workers.titles import clip, printable

__all__ = ["ReaderProcess"]

LIVED: Final = 5.0
"""Seconds after which the death of a reading process is no consequence of the last one's."""

MOST_DEATHS: Final = 8
"""Deaths within LIVED of each start, in a row, after which it is given up, unless it was killed."""

_KILLED: Final = frozenset((-signal.SIGKILL, -signal.SIGTERM))
"""Somebody has ended it; that says nothing about whether the next one would live."""

_PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h."""


class ReaderProcess(Companion):
    """A companion that is a process of its own."""

    def __init__(self, target: Target, title: str = "", terminal: Terminal | None = None) -> None:
        """Reach ``target``; ``title`` is how it is called in ``ps``, before `` (reading)``.

        ``terminal`` is given back by the reading process if this one is killed.
        """
        self._terminal = terminal
        self._memory = Memory(Resume(target=target))
        name = printable(target.nick) or "guest"
        self._title = clip(f"{title or f'chat-client: {name}'} (reading)")
        self._poller = select.epoll()
        self._pid = 0
        self._deaths = 0
        self._started = 0.0
        self._ended = False
        self._start()

    @property
    def pid(self) -> int:
        """The process that reads now; 0: none."""
        return self._pid

    def fileno(self) -> int:
        """Return a descriptor that is readable when ``receive`` has something."""
        return self._poller.fileno()

    def receive(self) -> list[AnyNews]:
        """Return what has come, without waiting."""
        if self._ended:
            return []
        self._flush()
        try:
            news = self._channel.receive()
        except Gone:
            return self._replace()
        self._hear(news)
        return news

    def order(self, order: AnyOrder) -> None:
        """Give ``order`` without waiting; it is kept as long as the process cannot take it."""
        self._memory.ordered(order)
        if not self._ended:
            self._channel.send([order])
            self._watch()

    def close(self) -> None:
        """End the reading process, whatever it does, and leave no zombie."""
        self._ended = True
        if self._pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._pid, signal.SIGKILL)
            self._bury()
        if not self._poller.closed:
            self._poller.close()

    # The process

    def _start(self, pause: float = 0.0) -> None:
        """Start one that does nothing for ``pause`` seconds."""
        ours, theirs = socket.socketpair()
        parent = os.getpid()
        # What stands in buffers would else be written by both.
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:  # it was closed when we were started
                stream.flush()
        # A signal between the fork and the child's own rules would be ours, in the child.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        pid = os.fork()
        if pid == 0:
            ours.close()
            _be_reader(theirs, parent, self._title, pause, self._terminal)
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        theirs.close()
        self._pid = pid
        self._started = time.monotonic()
        self._channel: Channel[AnyOrder, AnyNews] = Channel(ours, AnyNews)
        self._poller.register(ours, select.EPOLLIN)
        memory = self._memory
        orders: list[AnyOrder] = [memory.resume(), *memory.says.values()]
        if memory.quitting is not None:
            orders.append(memory.quitting)
        self._channel.send(orders)
        self._watch()

    def _flush(self) -> None:
        if self._channel.waiting:
            self._channel.flush()
            self._watch()

    def _watch(self) -> None:
        # Whoever waits for us is woken as well when there is room for what was ordered.
        events = select.EPOLLIN | (select.EPOLLOUT if self._channel.waiting else 0)
        self._poller.modify(self._channel.fileno(), events)

    def _hear(self, news: list[AnyNews]) -> None:
        for each in news:
            self._memory.heard(each)
            if isinstance(each, Status) and each.phase is Phase.ENDED:
                self._ended = True

    def _bury(self) -> int:
        """Let go of a process that has died, or is about to; return its exit code."""
        with contextlib.suppress(OSError):
            self._poller.unregister(self._channel.fileno())
        self._channel.close()
        _, status = os.waitpid(self._pid, 0)
        self._pid = 0
        return os.waitstatus_to_exitcode(status)

    def _replace(self) -> list[AnyNews]:
        """Start another one; it has died, and all that it has said has been read."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self._pid, signal.SIGKILL)  # it may only have closed its side
        code = self._bury()
        lived = time.monotonic() - self._started
        self._deaths = 1 if lived > LIVED else self._deaths + 1
        how = f"of signal {-code}" if code < 0 else f"with status {code}"
        if code not in _KILLED and self._deaths >= MOST_DEATHS:
            self._ended = True
            why = f"the reading process dies again and again, last {how}"
            return [Status(phase=Phase.ENDED, why=why, exit_code=Exit.SOFTWARE)]
        pause = 0.0 if self._deaths == 1 else min(0.1 * 2.0 ** (self._deaths - 2), 5.0)
        status = Status(
            phase=Phase.WAITING if pause else Phase.CONNECTING,
            why=f"the reading process has died {how}",
            retry=pause,
        )
        self._memory.heard(status)
        self._start(pause)
        return [status]


def _be_reader(
    channel: socket.socket, parent: int, title: str, pause: float, terminal: Terminal | None
) -> NoReturn:
    """Be the reading process, in which nothing of the parent's goes on."""
    code: int = Exit.SOFTWARE
    try:
        # Ctrl-C and the like are the parent's business; it ends us, or we end with it.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGTSTP):
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGUSR1, signal.SIGUSR2, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGTERM, _end_by(parent, terminal))
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGWINCH, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        last = signal.SIGTERM if terminal else signal.SIGKILL
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, last)
        if os.getppid() != parent:  # it has died before it could be said
            os.kill(os.getpid(), last)
        kept = [terminal.descriptor] if terminal else []
        _close_others(channel.fileno(), *kept)
        setproctitle.setproctitle(title)
        # Only now: the parent need not know how to read IRC, and starts the faster.
        from chatd_client.reader import read  # noqa: PLC0415

        time.sleep(pause)
        read(channel)
        code = Exit.OK
        # The kernel closes what the parent had before it tells us of its death.
        if terminal is not None and _is_at_its_end(channel):
            terminal.restore()
    except BaseException:  # noqa: BLE001 - this process must never go on as if it were the other
        traceback.print_exc()
        sys.stderr.flush()
    os._exit(code)


def _end_by(parent: int, terminal: Terminal | None) -> Callable[[int, object], None]:
    """Return what to do when we are to end: by SIGTERM, which comes as well when ``parent`` dies.

    Then nobody else is left to give the terminal back.
    """

    def end(number: int, _: object) -> None:
        if terminal is not None and os.getppid() != parent:
            terminal.restore()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    return end


def _is_at_its_end(channel: socket.socket) -> bool:
    try:
        return not channel.recv(1, socket.MSG_PEEK)
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def _close_others(*kept: int) -> None:
    """Close everything but the standard streams and ``kept``: a terminal, logs, other companions.

    Of the standard streams only the third is kept as it is, for a last word: what is written to
    the others would stand among what the parent shows, and a pipe's end would not be seen.
    """
    empty = os.open(os.devnull, os.O_RDWR)
    os.dup2(empty, 0)
    os.dup2(empty, 1)
    first = 3
    for each in sorted(kept):
        os.closerange(first, each)
        first = each + 1
    os.closerange(first, os.sysconf("SC_OPEN_MAX"))
