"""The next master, in reserve: a process that has imported all it needs, and waits for its turn.

Of the quarter of a second that it takes until another master serves, most is Python's imports. So a
supervisor has them done in advance, when a master has been ready for a while; when that one dies,
the one that stands by is told to go on, and another is started in its place. It has done nothing
yet that a master does: it has opened, read and locked nothing, and its configuration is the one of
the moment when its turn comes.

It is of the program that the master is of: after an upgrade there is another one.
"""

import contextlib
import os
import signal
import time
from collections.abc import Callable
from typing import Final

from chatd_supervisor.holding import Go, encode
from chatd_supervisor.logbook import note
from chatd_supervisor.watched import Watched

LATER: Final = 2.0
"""Seconds after a master is ready: until then it, and its workers, have enough to do."""

RETRY: Final = 10.0
"""Seconds until there is another one in place of one that has died."""


class Standby:
    """The process that stands by, if there is one, and when there is to be one."""

    def __init__(self, start: Callable[[list[str]], Watched], *, wanted: bool) -> None:
        """``start`` runs a command as a master that stands by; raises OSError."""
        self._start = start
        self._wanted = wanted
        self._command: list[str] = []
        self._process: Watched | None = None
        self._due: float | None = None

    def want(self, command: list[str]) -> None:
        """Have one that runs ``command``, before long.

        A master has become ready. If somebody stands by all the same, it is of the program before
        an upgrade, and is ended.
        """
        self.dismiss()
        self._command = command
        if self._wanted:
            self._due = time.monotonic() + LATER

    def seconds(self) -> float | None:
        """Return in how many seconds ``tend`` is to be called; None: not at all."""
        return None if self._due is None else max(0.0, self._due - time.monotonic())

    def tend(self) -> None:
        """Start one, if it is time."""
        if self._due is None or time.monotonic() < self._due:
            return
        self._due = None
        try:
            self._process = self._start(self._command)
        except OSError as error:
            note("nobody stands by", reason=error.strerror)
            self._due = time.monotonic() + RETRY

    def take(self) -> Watched | None:
        """Tell it that it is its turn, and return it; None if nobody stands by."""
        process, self._process, self._due = self._process, None, None
        if process is None:
            return None
        try:
            process.channel.send(encode(Go()))
        except OSError:
            # It has just died; whoever reaps it finds nothing more to do.
            process.channel.close()
            return None
        # Somebody may have stopped it, and not be there any more.
        process.send(signal.SIGCONT)
        return process

    def has_died(self, pid: int) -> bool:
        """Take note that a child of ours has; return whether it was the one that stood by."""
        if self._process is None or pid != self._process.pid:
            return False
        self._process.channel.close()
        self._process = None
        self._due = time.monotonic() + RETRY
        return True

    def dismiss(self) -> None:
        """End it, and see that it has ended."""
        process, self._process, self._due = self._process, None, None
        if process is not None:
            process.channel.close()
            process.send(signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(process.pid, 0)
