"""When the journal is tended: in the pauses between commits.

While nothing is said it is not, but at the one time at which the oldest entry becomes too old.
"""

import asyncio
from typing import Final

from chatd_supervisor.journal import Journal, JournalError
from chatd_supervisor.logbook import note

PAUSE: Final = 0.02
"""Seconds after a commit until the journal is tended: not in the middle of a burst."""

SHARE: Final = 0.05
"""The part of its time that the master has for tending while lines keep coming,"""

URGENT_SHARE: Final = 0.5
"""and if so much is left undone that it must not become more."""

FAR: Final = 1.0
"""Seconds beyond which it is not waited for if something is said."""

UNTENDED: Final = 10.0
"""Seconds until it is tried again if it has failed."""


class Pauses:
    """Calls ``Journal.tend`` when there is time for it."""

    def __init__(self, loop: asyncio.AbstractEventLoop, journal: Journal) -> None:
        self._loop = loop
        self._journal = journal
        self._timer: asyncio.TimerHandle | None = None
        self._not_before = 0.0
        # The timer is not for what is left undone, but for what is to be done when its time comes.
        self._is_far = False
        # Since the timer was set.
        self._commits = 0
        # Why it could not be tended the last time; empty if it could.
        self._failure = ""

    def committed(self) -> None:
        """Take note that there was a commit."""
        self._commits += 1
        if self._timer is not None and self._is_far:
            # What was to be done when nobody speaks is seen to on the way.
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._call(PAUSE)

    def begin(self) -> None:
        """See for the first time whether there is anything to do."""
        self._call(PAUSE)

    def _call(self, delay: float) -> None:
        self._commits = 0
        self._is_far = delay > FAR
        when = max(self._loop.time() + delay, self._not_before)
        self._timer = self._loop.call_at(when, self._tend)

    def _tend(self) -> None:
        self._timer = None
        begun = self._loop.time()
        try:
            delay = self._journal.tend()
        except JournalError as error:
            # Nobody is kept from talking by it, and it is said once.
            if str(error) != self._failure:
                note("journal not tended", reason=error, retry=UNTENDED)
            self._failure = str(error)
            self._call(UNTENDED)
            return
        if self._failure:
            note("journal tended again")
            self._failure = ""
        now = self._loop.time()
        # Whoever speaks goes first: the rest can be done when nobody does.
        share = URGENT_SHARE if delay == 0 else SHARE
        wait = (now - begun) * (1 / share - 1)
        self._not_before = now + wait if self._commits > 1 else now
        if delay is not None:
            self._call(delay)

    def close(self) -> None:
        """Call no more."""
        if self._timer is not None:
            self._timer.cancel()
