"""Signals that would end a process by default, though they ask a server for something else.

SIGHUP asks for a reload, SIGUSR1 for a stack, and so on (chatd(8), SIGNALS). Until there are
handlers, whoever sends one early would kill the server: a log rotation, or an operator who has just
read the PID file. So they are blocked, from the first line of a program that is to serve, and in
what it starts (a signal mask outlives execve(2) and is inherited); they wait, and are let in with
the handlers. SIGTERM and SIGINT mean what they do by default.
"""

import signal
from typing import Final

DEFERRED: Final = frozenset({signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2})


def defer_signals() -> None:
    """Block them until there are handlers."""
    signal.pthread_sigmask(signal.SIG_BLOCK, DEFERRED)
    # Not Python's handler, which would show where the interruption was.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def let_in() -> None:
    """Unblock them: there are handlers now. Signals that have come are handled at once."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, DEFERRED)
