"""SIGUSR1: where the master is, and how it stands, in the log.

The handler runs wherever the master is just then, for that is what it is to tell, above all when it
hangs. So it must not harm: it raises nothing, and one that comes while another is told, or right
after, is told no more. Ten thousand of them, each handled within the one before, would be deeper
than Python goes.
"""

import os
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

from chatd_supervisor.logbook import Field, note

REST: Final = 0.1
"""Seconds after a report until there is another one."""


class StackReport:
    """The handler."""

    def __init__(self, status: Callable[[], dict[str, Any]]) -> None:
        """``status`` returns how the server is."""
        self._status = status
        self._busy = False
        self._next = 0.0

    def __call__(self, _signal: int, frame: FrameType | None) -> None:
        """Report that the master is at ``frame``."""
        if self._busy:
            return
        self._busy = True
        try:
            if time.monotonic() >= self._next:
                self._report(frame)
                self._next = time.monotonic() + REST
        finally:
            self._busy = False

    def _report(self, frame: FrameType | None) -> None:
        stack = "".join(traceback.format_stack(frame))
        status: Field
        try:
            status = self._status()
        except Exception as error:  # noqa: BLE001  # it may be in the midst of changing
            status = f"not known now: {error!r}"
        note("master traced", pid=os.getpid(), status=status, stack=stack)
