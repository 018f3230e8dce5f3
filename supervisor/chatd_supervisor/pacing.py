"""Importing without getting in anybody's way: for processes that are started while others serve.

Most of what it takes to start a master is Python's imports, 0.3 to 0.5 s of CPU. On a machine that
is busy, a line waits meanwhile for a slice of the scheduler (sched(7)) in every process that it
passes. Nobody waits for a master that is to stand by (``standby``), nor much for a nursery, so
they pause between one module and the next.

Imported before anything else, so it imports nothing but what is there.
"""

import sys
import time
from collections.abc import Callable
from typing import Final

SHARE: Final = 3.0
"""A pause is so many times as long as what it follows."""

LEAST: Final = 0.0005
"""Seconds of CPU that are worth a pause."""


class Pace:
    """The pauses of this process; as a finder of modules (``sys.meta_path``) it finds none."""

    def __init__(self, worked: Callable[[], float] = time.process_time) -> None:
        """Make no pause until told to; ``worked`` returns the seconds of CPU used so far."""
        self._worked = worked
        self._pause: Callable[[float], object] | None = None
        self._rested = 0.0

    def begin(self, pause: Callable[[float], object] = time.sleep) -> None:
        """Pause from now on, with ``pause``, which is told for how many seconds."""
        self._pause = pause
        sys.meta_path.insert(0, self)

    def find_spec(self, _name: str, _path: object, _target: object = None) -> None:
        """Pause: somebody is about to import a module."""
        self.rest()

    def rest(self) -> None:
        """Pause, if there was much to do since the last time."""
        if self._pause is None:
            return
        worked = self._worked() - self._rested
        if worked >= LEAST:
            self._pause(worked * SHARE)
            self._rested = self._worked()

    def end(self) -> None:
        """Pause no more; not to be called while a module is looked for."""
        self._pause = None
        if self in sys.meta_path:
            sys.meta_path.remove(self)


PACE: Final = Pace()
"""That of this process."""


def while_silent(channel: int) -> Callable[[float], object]:
    """Return a pause that ends when descriptor ``channel`` is readable; from then on it is none."""
    import select  # noqa: PLC0415  # a nursery must not carry it

    silence = select.poll()
    silence.register(channel, select.POLLIN)
    return lambda seconds: silence.poll(seconds * 1000)
