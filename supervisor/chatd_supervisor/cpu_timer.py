"""A timer on the processor time of another process: a signal whenever it has used so much.

timer_create(2), on the clock of clock_getcpuclockid(3). The kernel counts while that process runs,
so watching one that sleeps costs nothing, and nobody has to look from time to time. Setting one up
takes 10 us. Timers are not inherited, and end with execve(2).

Rejected: RLIMIT_CPU. A process may block or catch the SIGXCPU of the soft limit; the hard limit is
for its whole life, and only root could raise it again.
"""

import contextlib
import ctypes
import os
import signal
import time
from typing import Final

SIGNAL: Final = signal.SIGXCPU
"""What is sent: to this process, not to the one that is watched."""

_SCHEDULED: Final = 2
"""CPUCLOCK_SCHED: the kind of clock, in its three lowest bits (linux/posix-timers.h)."""

_SIGEV_SIGNAL: Final = 0

_NANOSECONDS: Final = 1_000_000_000


class _SignalEvent(ctypes.Structure):
    """struct sigevent."""

    _fields_ = (
        ("value", ctypes.c_void_p),
        ("signo", ctypes.c_int),
        ("notify", ctypes.c_int),
        ("rest", ctypes.c_int * 12),
    )


class _TimerSpec(ctypes.Structure):
    """struct itimerspec: seconds and nanoseconds of the interval, and of the first time."""

    _fields_ = (
        ("interval", ctypes.c_long),
        ("interval_ns", ctypes.c_long),
        ("value", ctypes.c_long),
        ("value_ns", ctypes.c_long),
    )


_libc: Final = ctypes.CDLL(None, use_errno=True)


class CpuTimer:
    """Sends SIGNAL to this process, each time that process ``pid`` has used so many seconds."""

    def __init__(self, pid: int, seconds: float) -> None:
        """Raise OSError if the system has no such clock, or no room for another timer."""
        self._clock = (~pid << 3) | _SCHEDULED
        self._timer = ctypes.c_void_p()
        event = _SignalEvent(None, SIGNAL, _SIGEV_SIGNAL)
        _check(_libc.timer_create(self._clock, ctypes.byref(event), ctypes.byref(self._timer)))
        self._is_set = True
        whole, rest = int(seconds), int(seconds % 1 * _NANOSECONDS)
        spec = _TimerSpec(whole, rest, whole, rest)
        try:
            _check(_libc.timer_settime(self._timer, 0, ctypes.byref(spec), None))
        except OSError:
            self.close()
            raise

    def used(self) -> float:
        """Return the seconds of processor time that the process has used. Raises OSError."""
        return time.clock_gettime(self._clock)

    def close(self) -> None:
        """Send nothing more."""
        if self._is_set:
            self._is_set = False
            with contextlib.suppress(OSError):
                _check(_libc.timer_delete(self._timer))


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
