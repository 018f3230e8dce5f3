"""Stopping a running server, and being sure that it is gone."""

import contextlib
import os
import select
import signal
import time
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor import segments
from chatd_supervisor.asking import ControlError, ask
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import holder, sweep

MARGIN: Final = 5.0
"""Seconds that are waited beyond the server's own stop_timeout."""

ANSWER: Final = 2.0
"""Seconds for the answer to the request; a signal after that asks for the same."""


class Stopped(NamedTuple):
    """A server that has been stopped."""

    pid: int
    seconds: float


class NotStopped(Exception):
    """The server still runs; ``str()`` says what to do."""


def stop(invocation: Invocation) -> Stopped | None:
    """Stop the server and wait until it is gone; None if there is none.

    Raises ConfigError, NotStopped, or OSError if we may not.
    """
    places = invocation.paths()
    begun = time.monotonic()
    with contextlib.ExitStack() as stack:
        # The supervisor first: a master may come and go while it is there.
        pids: dict[int, int] = {}
        for path in (places.supervisor_file, places.pid_file):
            found = _pin(path, stack)
            if found is not None:
                pid, process = found
                pids[process] = pid
        if not pids:
            return None
        try:
            ask(places.control_socket, "stop", timeout=ANSWER)
        except ControlError:
            # It does not answer (hung, or its socket was removed), or there is only a supervisor
            # just now: a signal reaches them still.
            for process in pids:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGTERM)
        patience = invocation.stop_timeout() + MARGIN
        # The master, if there is one, is whom the user knows.
        *_, stopped = pids.values()
        for process, pid in reversed(pids.items()):
            if not _wait(process, begun + patience):
                raise NotStopped(f"pid {pid} has not stopped within {patience:g} s; kill -9 {pid}")
    return Stopped(stopped, time.monotonic() - begun)


def end_waiting(places: Paths) -> int:
    """End the workers that a dead master has left waiting for another; return how many.

    Only with no master there; their clients are disconnected. Raises OSError if we may not, or if
    the ledger is damaged.
    """
    rows = Ledger.read(places.ledger_file)
    ended = 0
    for row in rows.values():
        with contextlib.ExitStack() as stack, contextlib.suppress(OSError):
            process = os.pidfd_open(row.pid)
            stack.callback(os.close, process)
            # The pid is pinned now; it may have become another process's since it was noted.
            if Path(f"/proc/{row.pid}/cmdline").read_bytes().startswith(b"chatd: "):
                signal.pidfd_send_signal(process, signal.SIGKILL)
                ended += 1
    outbox = [segments.path_of(places.runtime_dir, n) for n in segments.found(places.runtime_dir)]
    for left in (places.ledger_file, places.adoption_socket, *outbox):
        left.unlink(missing_ok=True)
    # If supervisor and master were killed together, neither has cleared up after the other.
    sweep(places.pid_file, places.control_socket)
    sweep(places.supervisor_file)
    return ended


def _pin(path: Path, stack: contextlib.ExitStack) -> tuple[int, int] | None:
    """Return the pid that holds the lock on ``path`` and a pidfd of it; None if nobody does."""
    pid = holder(path)
    if pid is None:
        return None
    if pid <= 0:
        raise NotStopped(f"{path} is held in another container or on another host")
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    stack.callback(os.close, process)
    # The pid is pinned now; if it still holds the lock, it is the server and nobody else.
    return (pid, process) if holder(path) == pid else None


def _wait(process: int, deadline: float) -> bool:
    """Wait until ``process``, a pidfd, has ended; False if it has not by ``deadline``."""
    gone = select.poll()
    gone.register(process, select.POLLIN)
    return bool(gone.poll(max(0.0, deadline - time.monotonic()) * 1000))
