"""Bringing workers into the world, and taking note when they leave it.

``multiprocess`` with the fork context, because it alone keeps n+1 processes (spawn adds one,
forkserver two), and with a Popen of our own: the usual one keeps two pipes per process in the
parent; here the sentinel is the master's end of the channel, which ends when the worker does.
"""

import contextlib
import os
import select
import signal
import socket
from collections.abc import Callable, Iterator, Sequence

from multiprocess import process as multiprocess_process
from multiprocess.context import ForkProcess
from multiprocess.popen_fork import Popen

from chatd_workers import channel as channels
from chatd_workers.main import serve
from chatd_workers.reports import Serve, encode
from chatd_workers.signals import BLOCK, MASTERS_SIGNALS, RESTORE, change_mask


def fork(live: Callable[[], int]) -> int:
    """Fork a process that runs ``live``, exits with what it returns, and does nothing else.

    Return its pid. Raises OSError if the system has no room for another process.
    """
    # A signal that came between fork and the child's own handlers would run the master's: its
    # wakeup descriptor is shared, so `kill CHILD` would stop the master. The child unblocks.
    blocked = change_mask(BLOCK, MASTERS_SIGNALS)
    try:
        pid = os.fork()
        if pid == 0:
            code = os.EX_SOFTWARE
            try:
                code = live()
            finally:
                os._exit(code)
    finally:
        change_mask(RESTORE, blocked)
    return pid


class WorkerPopen(Popen):  # type: ignore[misc]  # multiprocess has no types
    """A forked worker, whose sentinel is the master's end of its channel."""

    def __init__(self, process: "WorkerProcess") -> None:
        # Not the parent's: that flushes the standard streams, which a fork that never returns to
        # Python's exit does not write again.
        self.returncode: int | None = None
        self.finalizer = None
        assert process.master_end is not None, "the master starts it"
        self.sentinel = process.master_end.fileno()
        self._launch(process)

    def _launch(self, process: "WorkerProcess") -> None:
        self.pid = fork(process.live)


class WorkerProcess(ForkProcess):  # type: ignore[misc]  # multiprocess has no types
    """A process that serves one client."""

    _Popen = staticmethod(WorkerPopen)

    def __init__(self, master_end: socket.socket | None, worker_end: socket.socket) -> None:
        """``master_end``: None where somebody else has it, and ``live`` is all that is asked."""
        super().__init__(target=serve, args=(worker_end,), name="worker")
        self.master_end = master_end
        self.worker_end = worker_end

    def start(self) -> None:
        """Fork. Raises OSError if the system has no room for another process.

        Without multiprocess's round of waitpid(2) over all children at every start, which at
        5,000 of them costs more than the fork; the master reaps on SIGCHLD.
        """
        self._popen = self._Popen(self)
        self._sentinel = self._popen.sentinel

    def live(self) -> int:
        """Run in the child: multiprocess's ``_bootstrap``, less what a worker has no use for.

        That closes and reopens standard input, runs hooks of queues and managers, and looks up
        modules: 0.5 MB of pages written to in every worker, and a third of its birth.
        """
        # As the original does, for multiprocess.current_process().
        multiprocess_process._current_process = self  # noqa: SLF001
        serve(self.worker_end)


def conceive(
    client: socket.socket, orders: Serve, more: Sequence[int] = ()
) -> tuple[socket.socket, socket.socket]:
    """Return both ends, ours first, of a channel in which a worker finds ``client`` and ``orders``.

    ``more`` are further descriptors that it gets. They pass through the channel (SCM_RIGHTS) and
    in no other way: all is sent before the fork, so the worker need not wait, and the worker closes
    whatever else it inherited. Raises OSError (EMFILE, ENOBUFS) if the system cannot give what is
    needed.
    """
    ours, theirs = channels.pair()
    try:
        channels.send_with_descriptor(ours, encode(orders), client.fileno(), *more)
    except BaseException:
        ours.close()
        theirs.close()
        raise
    return ours, theirs


def give_birth(ours: socket.socket, theirs: socket.socket) -> int:
    """Fork a worker for a channel that was conceived; return its pid.

    Closes ``theirs``, and ``ours`` as well if there can be no worker: raises OSError (EAGAIN,
    ENOMEM) then.
    """
    try:
        process = WorkerProcess(ours, theirs)
        process.start()
    except BaseException:
        ours.close()
        raise
    finally:
        theirs.close()
    pid: int = process.pid
    return pid


def reap() -> Iterator[tuple[int, int]]:
    """Collect all dead children: (pid, exit code as in multiprocess, negative for a signal).

    One is reaped when it is asked for, so that what follows from its death is done before the next
    one's pid is free: it may end that one as well, which must be ours to kill until then.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        yield pid, os.waitstatus_to_exitcode(status)


def kill(pid: int, channel: socket.socket) -> None:
    """Kill worker ``pid``, which is no child of ours, and nobody else who may have got its pid.

    ``channel`` is that to it, open.
    """
    try:
        process = os.pidfd_open(pid)
    except (OSError, ValueError):
        return  # gone, or not known
    with contextlib.closing(os.fdopen(process, "rb", buffering=0)):
        # Its channel is open still, so it lives, and the pid is its own.
        poll = select.poll()
        poll.register(channel, 0)
        if not poll.poll(0):
            signal.pidfd_send_signal(process, signal.SIGKILL)
