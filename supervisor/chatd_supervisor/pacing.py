"""Importing without getting in anybody's way: what a master does that is to stand by (``standby``).

Most of what it takes to start a master is Python's imports: 0.12 s of CPU, and three times that
on a machine that is busy. There a line waits meanwhile for a slice of the scheduler (sched(7)) in
every process that it passes. Nobody waits for one that is to stand by, so it makes a pause between
one module and the next. When it is its turn already, it makes none any more.

Imported before anything else, so it imports nothing but what is there.
"""

import select
import sys
import time
from typing import Final

SHARE: Final = 3.0
"""A pause is so many times as long as what it follows."""

LEAST: Final = 0.0005
"""Seconds of CPU that are worth a pause."""


class Pace:
    """The pauses of this process; as a finder of modules (``sys.meta_path``) it finds none."""

    def __init__(self) -> None:
        """Make no pause until told to."""
        self._turn: select.poll | None = None
        self._rested = 0.0

    def begin(self, channel: int) -> None:
        """Pause from now on, until descriptor ``channel`` is readable: then it is our turn."""
        self._turn = select.poll()
        self._turn.register(channel, select.POLLIN)
        sys.meta_path.insert(0, self)

    def find_spec(self, _name: str, _path: object, _target: object = None) -> None:
        """Pause: somebody is about to import a module."""
        self.rest()

    def rest(self) -> None:
        """Pause, if there was much to do since the last time."""
        if self._turn is None:
            return
        worked = time.process_time() - self._rested
        if worked >= LEAST:
            # Once it is our turn this returns at once.
            self._turn.poll(worked * SHARE * 1000)
            self._rested = time.process_time()

    def end(self) -> None:
        """Pause no more; not to be called while a module is looked for."""
        self._turn = None
        if self in sys.meta_path:
            sys.meta_path.remove(self)


PACE: Final = Pace()
"""That of this process."""
