"""Signals as callbacks of the loop, as many at once as there are workers.

``loop.add_signal_handler`` is told of signals through a socket pair, which is full after 278
bytes, one for each signal; what comes then is lost. When a thousand clients leave in one tick, a
thousand SIGCHLD come before the loop looks, and a SIGTERM among them would be for nothing. Here
the pipe does no more than wake the loop; which signals have come is a set.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from types import FrameType
from typing import Final

_come: Final[set[int]] = set()
"""Signals that have come, and no handler was called yet: beside the pipe, which may be full."""


def unheeded() -> set[int]:
    """Return which signals have come that no handler was called for."""
    pending: set[int] = signal.sigpending()
    return _come | pending


class Signals:
    """Calls a handler from the loop for each kind of signal that has come."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, handlers: Mapping[int, Callable[[], object]]
    ) -> None:
        """``handlers`` says what is called for which signal; once, however often it came."""
        self._loop = loop
        self._handlers = handlers
        self._come, self._told = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in handlers:
            signal.signal(number, self._note)
            # Calls that a signal interrupts go on, as with the loop's own handlers.
            signal.siginterrupt(number, False)
        signal.set_wakeup_fd(self._told, warn_on_full_buffer=False)
        loop.add_reader(self._come, self._call)

    def _call(self) -> None:
        os.read(self._come, 65536)
        pending = set(_come)
        _come.clear()
        for number in pending:
            self._handlers[number]()

    def _note(self, number: int, _frame: FrameType | None) -> None:
        """Note what has come: by now its number is in the pipe, or that is full and wakes us."""
        _come.add(number)

    def close(self) -> None:
        """Call no more; what still comes is ignored, also while the interpreter ends."""
        for number in self._handlers:
            # Not left as it is: at its end Python sets its own handlers back to the default, and
            # a second SIGTERM would turn a clean exit into a death.
            signal.signal(number, signal.SIG_IGN)
        signal.set_wakeup_fd(-1)
        self._loop.remove_reader(self._come)
        os.close(self._come)
        os.close(self._told)
