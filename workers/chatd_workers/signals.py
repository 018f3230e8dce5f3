"""The signals that a master handles, and around which it and its workers must be careful.

Around a fork and in a worker they are handled by the functions beneath those of ``signal``, which
make an enum of every number that passes through them: in a worker, what that runs through would be
0.15 MB of memory of its own (``rehearsal``).
"""

import _signal  # type: ignore[import-not-found]
import signal
from collections.abc import Callable, Iterable
from types import FrameType
from typing import Final

MASTERS_SIGNALS: Final = tuple(
    int(number)
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
        signal.SIGQUIT,
        signal.SIGHUP,
        signal.SIGUSR1,
        signal.SIGUSR2,
        signal.SIGCHLD,
        signal.SIGXCPU,
    )
)
"""The master blocks them around a fork, and a worker lets them in when it is ready; and around an
upgrade, until the new program has its handlers."""

USR1: Final = int(signal.SIGUSR1)

BLOCK: Final = int(signal.SIG_BLOCK)
UNBLOCK: Final = int(signal.SIG_UNBLOCK)
RESTORE: Final = int(signal.SIG_SETMASK)

change_mask: Final[Callable[[int, Iterable[int]], set[int]]] = _signal.pthread_sigmask
"""Block or let in signals, by one of the three above; returns which were blocked before."""

handle: Final[Callable[[int, Callable[[int, FrameType | None], None]], object]] = _signal.signal
"""Have a signal handled by a function."""
