"""Going on with the workers of a dead master, which have not noticed anything.

Those that have reported, or whose client has said something, come first. The others may wait for an
acknowledgement, which died with their master; they are asked a few at a time, and last of all told
what they are called and what the limits are now, for that may have been lost as well.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.reports import Limit, Retitle

AT_ONCE: Final = 20
"""Workers that are asked, or told, in one turn: each is a process that wakes up."""

MOMENT: Final = 0.01
"""Seconds between two turns in which they are told."""

LATER: Final = 1.0
"""Seconds until the first are: until then there is enough to do."""


class WorkerResumption:
    """The workers that are still to be asked, and to be told."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        board: Switchboard,
        pace: Callable[[Connection], Limit],
    ) -> None:
        """``pace`` returns the limits that hold for a connection."""
        self._loop = loop
        self._board = board
        self._pace = pace
        self._unasked: deque[Worker] = deque()
        self._untold: deque[Worker] = deque()

    def add(self, worker: Worker) -> None:
        """Go on with ``worker``, which the board attends to."""
        connection = worker.connection
        assert connection is not None, "it serves somebody"
        self._untold.append(worker)
        if not self._board.hear_out(worker):
            return
        if connection.unread():
            self._board.ask_to_resume(worker)
        else:
            # Not heard before it is asked: what it says meanwhile it says again.
            self._unasked.append(worker)

    def begin(self) -> None:
        """Ask and tell the rest, beside everything else."""
        if self._unasked:
            self._loop.call_soon(self._ask)
        if self._untold:
            self._loop.call_later(LATER, self._tell)

    def _ask(self) -> None:
        for _ in range(min(AT_ONCE, len(self._unasked))):
            self._board.ask_to_resume(self._unasked.popleft())
        if self._unasked:
            self._loop.call_soon(self._ask)

    def _tell(self) -> None:
        for _ in range(min(AT_ONCE, len(self._untold))):
            worker = self._untold.popleft()
            connection = worker.connection
            if connection is not None and not worker.ended:
                self._board.order(worker, self._pace(connection))
                self._board.order(worker, Retitle(worker.nick, worker.room))
        if self._untold:
            self._loop.call_later(MOMENT, self._tell)
