"""Who waits for a worker, and whose turn it is.

Those whose clients have said something come first: when all workers have died at once, the others
do not miss theirs yet. One is given in each turn of the loop, so that everybody else is served
between two of them.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Final, NamedTuple

from chatd_supervisor.connections import Connection, State
from chatd_supervisor.logbook import note
from chatd_supervisor.relaying import Ends
from chatd_workers.reports import Serve

MOMENT: Final = 0.01
"""Seconds until there may be another birth, when there are enough at a time."""

RETRY: Final = 1.0
"""Seconds until a birth is tried again that the system had no room for."""


class Birth(NamedTuple):
    """What the supervisor was asked for."""

    connection: Connection
    channel: socket.socket
    """Our end of what the worker is to have."""
    orders: Serve
    """What it finds in there."""
    ends: Ends | None
    """Our own duplicates."""
    refused: Callable[[OSError], None] | None
    """Who is told if there is no room."""

    def close(self) -> None:
        """Close the duplicates."""
        if self.ends is not None:
            self.ends.close()


class BirthQueue:
    """Connections that are due for a worker."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        is_crowded: Callable[[], bool],
        give: Callable[[Connection], object],
    ) -> None:
        """``is_crowded``: enough are being born; ``give`` gives one, and raises OSError."""
        self._loop = loop
        self._is_crowded = is_crowded
        self._give = give
        self._due: deque[Connection] = deque()
        self._due_later: deque[Connection] = deque()

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._due) + len(self._due_later)

    def add(self, connection: Connection) -> None:
        """Add ``connection`` to those that get a worker, each in its turn."""
        if not self:
            self._loop.call_soon(self._next)
        if connection.state is State.SERVED and connection.is_readable():
            self._due.append(connection)
        else:
            self._due_later.append(connection)

    def put_off(self, connection: Connection, error: OSError) -> None:
        """Try it again later: the system has no room."""
        session = connection.session
        note("worker not started", session=session, reason=error.strerror, retry=RETRY)
        self._loop.call_later(RETRY, self.add, connection)

    def _next(self) -> None:
        if self._is_crowded():
            self._loop.call_later(MOMENT, self._next)
            return
        connection = (self._due or self._due_later).popleft()
        if self:
            self._loop.call_soon(self._next)
        if connection.state is not State.SERVED or connection.worker or connection.worker_asked:
            return
        try:
            self._give(connection)
        except OSError as error:
            self.put_off(connection, error)
