"""How a connection is closed politely (``connections``: LEAVING, LINGERING).

What is queued is written first; then our half is shut down; what still comes in is discarded until
the client has shut down its half as well, or its time is up.
"""

import asyncio
import select
from collections.abc import Callable
from typing import Final

from chatd_supervisor.connections import Connection, State
from chatd_supervisor.logbook import note
from chatd_supervisor.work import Departing

FAREWELL: Final = 5.0
"""Seconds a closed client has to take what is queued, and then to close its half."""


class Closing:
    """Closes connections."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, close: Callable[[Connection], None]
    ) -> None:
        """``close`` closes a connection at once."""
        self._loop = loop
        self._close = close

    def part(self, departing: Departing) -> None:
        """Log that a session has ended, as is written down, and let its connection go."""
        connection = departing.connection
        if connection.opening_unlogged:
            connection.log_opening(None)
        note(
            "session ended",
            session=connection.session,
            pid=connection.worker.pid if connection.worker is not None else None,
            nick=departing.nick,
            reason=departing.cause or departing.reason,
        )
        if connection.state is State.ABSENT:
            self._close(connection)
        else:
            self.begin(connection)

    def begin(self, connection: Connection) -> None:
        """Close ``connection`` as soon as what is queued has been sent."""
        connection.state = State.LEAVING
        connection.deadline = self._loop.call_later(FAREWELL, self._close, connection)
        self._hang_up_when_written(connection)

    def go_on(self, connection: Connection) -> None:
        """Go on with ``connection``, which is LEAVING or LINGERING, and whose socket is ready."""
        if connection.state is State.LINGERING:
            if connection.discard():
                self._close(connection)
            return
        connection.output.drain()
        self._hang_up_when_written(connection)

    def _hang_up_when_written(self, connection: Connection) -> None:
        output = connection.output
        if output.queue and not output.broken:
            return
        if not output.broken:
            connection.hang_up()
        if output.broken or connection.discard():
            self._close(connection)
        elif not connection.way.is_relay:  # of a relay its worker tells, by ending
            output.watch(select.EPOLLIN | select.EPOLLRDHUP)
