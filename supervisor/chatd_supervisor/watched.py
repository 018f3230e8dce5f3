"""The master, as its supervisor knows it."""

import contextlib
import os
import signal
import socket
from collections import deque


class Watched:
    """The process, and our end of the channel to it."""

    def __init__(self, pid: int, channel: socket.socket, process: int | None = None) -> None:
        self.pid = pid
        self.channel = channel
        self.process = process
        """A pidfd of it, if it is no child of ours: pidfd_open(2)."""
        self.ready_since: float | None = None
        self.owed: deque[str] | None = None
        """Names of what is still to be passed to it; None if it has not asked, or has all."""

    def send(self, number: signal.Signals) -> None:
        """Send it a signal; nothing, if it has ended."""
        if self.process is None:
            # Not reaped, so the pid is still its own.
            os.kill(self.pid, number)
            return
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.process, number)
