"""Telling the service manager of a server that has outlived the process it had started.

When a supervisor is killed the service manager sees its main process die, and starts the unit
again. But master and workers have lived on, and have another supervisor by then, or soon. So
nothing is begun: whoever was started says which process is to be watched from now on (MAINPID,
sd_notify(3)), and ends. Nobody is disconnected, nobody even waits.

That process must be a child of the manager by then: systemd does not wait for the end of any other
one, and a stop would kill it at once.

A master that has not seen to another supervisor is none that could go on. It is ended, and what the
manager has started begins where it has left everything, as after any death.
"""

import contextlib
import os
import signal
import sys
import time
from typing import Final

from chatd_supervisor import notify, proc
from chatd_supervisor.exits import Exit
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import holder, written_pid

ENDING: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)

PATIENCE: Final = 5.0
"""Seconds in which a master has seen to somebody in place of a supervisor that has died."""

LOOK: Final = 0.05
"""Seconds between two looks."""


def stand_in(places: Paths) -> Exit | None:
    """Tell the service manager of the server in ``places``; return the exit code then.

    None: no server of our unit is there, or no manager. A signal that comes meanwhile is meant for
    the server. Raises OSError.
    """
    if not notify.address_of(os.environ):
        return None
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            master = holder(places.pid_file) or 0
            is_late = time.monotonic() > deadline
            if master > 0 and _is_of_another_unit(master):
                return None
            if master <= 0 and (is_late or not _is_handed_over()):
                return None
            supervisor = written_pid(places.supervisor_file)
            if _is_followed(master, supervisor):
                notify.tell(notify.assignment("MAINPID", supervisor), "READY=1")
                return Exit.OK
            alive = supervisor > 0 and proc.is_alive(supervisor)
            if master > 0 and is_late and not alive:
                _end(places, master)
            ending = signal.sigtimedwait(ENDING, LOOK)
            if ending is not None:
                return _pass_on(ending.si_signo, supervisor if alive else master, places)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _is_of_another_unit(pid: int) -> bool:
    """Return whether ``pid`` is there, and was started by somebody else: cgroups(7)."""
    is_other = proc.control_group(pid) != proc.control_group(os.getpid())
    return is_other and proc.is_alive(pid)  # in this order: a dead one is in none any more


def _is_handed_over() -> bool:
    """Return whether a supervisor of our unit is there: one that is just beginning."""
    return any(
        proc.name(pid).startswith(proc.SUPERVISORS) and not _is_of_another_unit(pid)
        for pid in map(int, filter(str.isdecimal, os.listdir("/proc")))
    )


def _is_followed(master: int, supervisor: int) -> bool:
    """Return whether ``supervisor`` is that of ``master``, and a child of our own parent."""
    return proc.parent_of(master) == supervisor and proc.parent_of(supervisor) == os.getppid()


def _pass_on(number: int, pid: int, places: Paths) -> Exit:
    """Send signal ``number`` to ``pid``, and wait until no server is there."""
    if pid > 0:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    while holder(places.pid_file) is not None:
        time.sleep(LOOK)
    return Exit.STEPPED_ASIDE if number == signal.SIGQUIT else Exit.OK


def _end(places: Paths, master: int) -> None:
    print(f"chatd: pid {master} is killed: a master without a supervisor", file=sys.stderr)
    with contextlib.suppress(OSError):
        process = os.pidfd_open(master)
        try:
            # The pid is pinned now; if it still holds the lock, it is the master.
            if holder(places.pid_file) == master:
                signal.pidfd_send_signal(process, signal.SIGKILL)
        finally:
            os.close(process)
