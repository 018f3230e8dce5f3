"""Stopping a running server, and being sure that it is gone."""

import contextlib
import os
import select
import signal
import time
from typing import Final, NamedTuple

from chatd_supervisor.asking import ControlError, ask
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.pidfile import holder

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
    pid = holder(places.pid_file)
    if pid is None:
        return None
    if pid <= 0:
        raise NotStopped(f"{places.pid_file} is held in another container or on another host")
    begun = time.monotonic()
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return Stopped(pid, 0.0)
    with contextlib.closing(os.fdopen(process, "rb", buffering=0)):
        # The pid is pinned now; if it still holds the lock, it is the server and nobody else.
        if holder(places.pid_file) != pid:
            return Stopped(pid, 0.0)
        try:
            ask(places.control_socket, "stop", timeout=ANSWER)
        except ControlError:
            # It does not answer (hung, or its socket was removed): a signal reaches it still.
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(process, signal.SIGTERM)
        patience = invocation.stop_timeout() + MARGIN
        gone = select.poll()
        gone.register(process, select.POLLIN)
        if not gone.poll((begun + patience - time.monotonic()) * 1000):
            raise NotStopped(f"pid {pid} has not stopped within {patience:g} s; kill -9 {pid}")
    return Stopped(pid, time.monotonic() - begun)
