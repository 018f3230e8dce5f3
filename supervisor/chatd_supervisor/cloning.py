"""A fork whose child is the child of our parent: a sibling.

clone(2) with CLONE_PARENT, and nothing else that fork(2) does not do. ``os.fork`` has no flags, so
what it does around fork(2) is done here by the same functions, which Python offers for that
(C API, "Operating System Utilities"). The C library is not told: it would go on to believe that
the thread has the id of the one it is a copy of. Nothing in chatd asks it, and with one thread, at
the time, there are no locks that it would have to set free. (systemd has done the same for long,
``raw_clone``.)

The other way to have a process become its grandparent's child is a second fork, in between, that
ends (PR_SET_CHILD_SUBREAPER, prctl(2)): that is twice the price, 2 ms more until a worker can read.
"""

import ctypes
import os
import signal
from typing import Final

_CLONE_PARENT: Final = 0x00008000

_CLONE: Final = {"x86_64": 56, "aarch64": 220, "riscv64": 220}
"""The number of the system call, by machine (syscall_64.tbl, asm-generic/unistd.h)."""

_NUMBER: Final = _CLONE.get(os.uname().machine)

# With the interpreter's lock held throughout, as in os.fork.
_libc: Final = ctypes.PyDLL(None, use_errno=True)
_python: Final = ctypes.pythonapi


def can_fork_siblings() -> bool:
    """Tell whether it is known how, on such a machine."""
    return _NUMBER is not None


def fork_sibling() -> int:
    """Return the pid of the new process, and 0 in it, as ``os.fork`` does.

    To be called by the only thread. Raises OSError (EAGAIN, ENOMEM) if the system has no room.
    """
    assert _NUMBER is not None, "whoever asks looks first"
    _python.PyOS_BeforeFork()
    # In whatever order an architecture has the other four: they are all 0.
    pid: int = _libc.syscall(_NUMBER, _CLONE_PARENT | signal.SIGCHLD, 0, 0, 0, 0)
    if pid == 0:
        _python.PyOS_AfterFork_Child()
        return 0
    _python.PyOS_AfterFork_Parent()
    if pid < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return pid
