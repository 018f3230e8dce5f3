"""Stopping a running server, and being sure that it is gone."""

import contextlib
import os
import select
import signal
import time
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.asking import ControlError, ask
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.ledger import Ledger, LedgerError, Row
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import (
    AlreadyRunning,
    PidFile,
    found_at,
    holder,
    supervisor_of,
    sweep,
)
from chatd_supervisor.proc import parent_of, started

MARGIN: Final = 5.0
"""Seconds that are waited beyond the server's own stop_timeout."""

ANSWER: Final = 2.0
"""Seconds for the answer to the request; a signal after that asks for the same."""


SETTLING: Final = 1.0
"""Seconds in which another program serves, if one that has not answered was just passing it on."""

LOOK: Final = 0.02
"""Seconds between two looks whether it does."""


class Stopped(NamedTuple):
    """A server that has been stopped."""

    pid: int
    seconds: float


class _Ended(NamedTuple):
    pid: int
    asked: bool
    """Its master has said that it stops."""


class NotStopped(Exception):
    """The server still runs; ``str()`` says what to do."""


def stop(invocation: Invocation) -> Stopped | None:
    """Stop the server and wait until it is gone; None if there is none.

    Raises ConfigError, NotStopped, or OSError if we may not.
    """
    places = invocation.paths()
    begun = time.monotonic()
    patience = invocation.stop_timeout() + MARGIN
    ended = _end_server(places, patience)
    if ended is None:
        # Or it is just passed on: for an instant, nobody has the locks.
        ended = _end_other(places, patience) if places.supervisor_file.exists() else None
    elif not ended.asked:
        _end_what_is_left(places, patience)
    return Stopped(ended.pid, time.monotonic() - begun) if ended is not None else None


def _end_server(places: Paths, patience: float) -> _Ended | None:
    """End whoever serves in ``places``, within ``patience`` seconds; None: nobody does."""
    deadline = time.monotonic() + patience
    with contextlib.ExitStack() as stack:
        # The supervisor first: a master may come and go while it is there.
        pids: dict[int, int] = {}
        supervisor = _pin_supervisor(places, stack)
        if supervisor is not None:
            pids[supervisor[1]] = supervisor[0]
        for path in (places.pid_file, places.state_lock):
            found = _pin(path, stack, supervisor)
            if found is None or found[0] in pids.values():
                continue
            # Whoever has the state directory is meant only if the runtime directory is its own as
            # well, and nothing but its PID file was removed.
            if path != places.state_lock or _is_found_in(path, places.runtime_dir):
                pid, process = found
                pids[process] = pid
        if not pids:
            return None
        asked = True
        try:
            ask(places.control_socket, "stop", timeout=ANSWER)
        except ControlError:
            asked = False
            # It does not answer (hung, or its socket was removed), or there is only a supervisor
            # just now: a signal reaches them still.
            for process in pids:
                with contextlib.suppress(ProcessLookupError):
                    signal.pidfd_send_signal(process, signal.SIGTERM)
        # The master, if there is one, is whom the user knows.
        *_, stopped = pids.values()
        for process, pid in reversed(pids.items()):
            if not _wait(process, deadline):
                raise NotStopped(f"pid {pid} has not stopped within {patience:g} s; kill -9 {pid}")
        return _Ended(stopped, asked)


def _end_other(places: Paths, patience: float) -> _Ended | None:
    """End the program that everything is being passed on to, as soon as it serves; None: none."""
    deadline = time.monotonic() + SETTLING
    while time.monotonic() < deadline:
        if (ended := _end_server(places, patience)) is not None:
            return ended
        time.sleep(LOOK)
    return None


def _end_what_is_left(places: Paths, patience: float) -> None:
    """End what may be there still of a server of which nobody has answered.

    It may have been about to pass everything on to another program. And a supervisor without a
    master has left workers that wait for one.
    """
    if _end_other(places, patience) is None:
        with contextlib.suppress(LedgerError):  # then nobody knows who they are
            end_waiting(places)
        sweep(places.pid_file, places.supervisor_file, places.control_socket)


def end_waiting(places: Paths) -> int:
    """End the workers that a dead master has left waiting for another; return how many.

    Their clients are disconnected. Both directories are locked meanwhile: nothing of a server that
    lives is touched. Raises NotStopped if there is one, OSError if we may not, or if the ledger is
    damaged.
    """
    ended = 0
    with contextlib.ExitStack() as stack:
        if places.runtime_dir.exists():
            _take(places.pid_file, stack)
        if places.state_dir.exists() and _take_state(places, stack):
            ended = sum(map(_end, Ledger.read(places.ledger_file).values()))
            _clear(places.sessions_dir)
        for left in (
            places.control_socket,
            places.adoption_socket,
            places.state_link,
            places.supervisor_file,
        ):
            left.unlink(missing_ok=True)
    return ended


def _take_state(places: Paths, stack: contextlib.ExitStack) -> bool:
    """Lock the state directory, unless a server in another runtime directory uses it."""
    lock = places.state_lock
    if holder(lock) is not None and not _is_found_in(lock, places.runtime_dir):
        return False
    _take(lock, stack)
    return True


def _take(path: Path, stack: contextlib.ExitStack) -> None:
    """Lock the PID file at ``path`` until ``stack`` ends, and then remove it."""
    lock = PidFile(path)
    try:
        lock.acquire()
    except AlreadyRunning as error:
        raise NotStopped(f"nothing was stopped: {error}") from error
    stack.callback(lock.release)


def _clear(directory: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        for left in directory.iterdir():
            left.unlink(missing_ok=True)


def _end(row: Row) -> bool:
    """Kill the worker of ``row``; return whether it was there."""
    try:
        process = os.pidfd_open(row.pid)
    except (OSError, ValueError):
        return False
    try:
        # The pid is pinned now; it may have become another process's since it was noted. What it is
        # titled is no sign: a worker that was taken over calls itself what it likes.
        if not row.started or started(row.pid) != row.started:
            return False
        signal.pidfd_send_signal(process, signal.SIGKILL)
    except OSError:
        return False
    finally:
        os.close(process)
    return True


def _pin(
    path: Path, stack: contextlib.ExitStack, supervisor: tuple[int, int] | None
) -> tuple[int, int] | None:
    """Return the pid that holds the lock on ``path`` and a pidfd of it; None if nobody does.

    Under a ``supervisor`` the lock outlives the master that has taken it, until there is another:
    then it tells a pid that is nobody's, or by now somebody else's.
    """
    pid = holder(path)
    if pid is None:
        return None
    # The master is the supervisor's child; a guard, which may be in its place, is the master's.
    if supervisor and supervisor[0] != parent_of(pid) and pid != parent_of(supervisor[0]):
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


def _pin_supervisor(places: Paths, stack: contextlib.ExitStack) -> tuple[int, int] | None:
    """Return the supervisor's pid and a pidfd of it; None if there is none."""
    pid = supervisor_of(places)
    if not pid:
        return None
    try:
        process = os.pidfd_open(pid)
    except (OSError, ValueError):
        return None
    stack.callback(os.close, process)
    return (pid, process) if supervisor_of(places) == pid else None


def _is_found_in(lock: Path, runtime_dir: Path) -> bool:
    """Return whether the server that holds ``lock`` says that it is found in ``runtime_dir``."""
    return os.path.realpath(found_at(lock)) == os.path.realpath(runtime_dir)


def _wait(process: int, deadline: float) -> bool:
    """Wait until ``process``, a pidfd, has ended; False if it has not by ``deadline``."""
    gone = select.poll()
    gone.register(process, select.POLLIN)
    return bool(gone.poll(max(0.0, deadline - time.monotonic()) * 1000))
