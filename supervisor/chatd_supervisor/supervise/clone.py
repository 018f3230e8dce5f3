"""A fork that shares the descriptor table with its parent, and taking leave of such a table.

clone(2) with CLONE_FILES: what either process opens both have, what either closes is closed, and
the table lives for as long as one of them does. ``os.fork`` has no flags, so what it does around
fork(2) is done here by the same functions, which Python offers for that (C API, "Operating System
Utilities"). The C library is not told: it would go on to believe that the thread has the id of the
one it is a copy of. Nothing in chatd asks it, and with one thread, at the time, there are no locks
that it would have to set free. (systemd has done the same for long, ``raw_clone``.)
"""

import ctypes
import os
import signal
from typing import Final

_CLONE_FILES: Final = 0x00000400

_CLONE: Final = {"x86_64": 56, "aarch64": 220, "riscv64": 220}
"""The number of the system call, by machine (syscall_64.tbl, asm-generic/unistd.h)."""

_CLOSE_RANGE: Final = 436
"""The same on all machines (close_range(2), Linux 5.9)."""
_CLOSE_RANGE_UNSHARE: Final = 2
_LAST: Final = 2**32 - 1

_PR_SET_PDEATHSIG: Final = 1

_NUMBER: Final = _CLONE.get(os.uname().machine)

# With the interpreter's lock held throughout, as in os.fork.
_libc: Final = ctypes.PyDLL(None, use_errno=True)
_python: Final = ctypes.pythonapi


def can_share_tables() -> bool:
    """Return whether it is known how, on such a machine."""
    return _NUMBER is not None


def clone_sharing_table() -> int:
    """Return the pid of the new process, and 0 in it, as ``os.fork`` does.

    To be called by the only thread. Raises OSError (EAGAIN, ENOMEM) if the system has no room.
    """
    assert _NUMBER is not None, "whoever asks looks first"
    _python.PyOS_BeforeFork()
    # In whatever order an architecture has the other four: they are all 0.
    pid: int = _libc.syscall(_NUMBER, _CLONE_FILES | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid


def leave_table(first: int) -> None:
    """Leave the shared table for one of our own, with what is below ``first`` and nothing else.

    What is not kept is neither copied nor closed, however much it is. Raises OSError.
    """
    if _libc.syscall(_CLOSE_RANGE, first, ctypes.c_uint(_LAST), _CLOSE_RANGE_UNSHARE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def send_when_parent_dies(number: int) -> None:
    """Have signal ``number`` sent to this process when its parent dies (prctl(2)).

    Whoever calls this looks afterwards whether the parent has died already.
    """
    _libc.prctl(_PR_SET_PDEATHSIG, int(number), 0, 0, 0)
