"""The graceful stop: what has arrived is still said, everybody is told, everything is let go.

It looks every POLL seconds at how far things are, rather than being told of each of thousands of
steps; a server that is stopping is not idle.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from chatd_supervisor.births import Births
from chatd_supervisor.connections import Connection, State
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.work import Departing

POLL: Final = 0.02

FAREWELL: Final = "the server is stopping"
"""What everybody is told; and nobody is told of the others' leaving."""


async def wind_down(board: Switchboard, births: Births, timeout: float) -> None:
    """End all connections and workers within ``timeout`` seconds; nobody new may come any more.

    Half of the time is for what has arrived to be said, the rest for clients to read it.
    """
    loop = asyncio.get_running_loop()
    begun = loop.time()
    board.throttle.open()
    board.commit()
    for connection in board.connections.values():
        if connection.worker is not None:
            board.drain(connection.worker)
    await _until(lambda: all(map(_is_drained, board.connections.values())), begun + timeout / 2)
    for connection in board.connections.values():
        board.commits.add(Departing(connection, FAREWELL, FAREWELL, quiet=True))
    board.commit()

    def all_delivered() -> bool:
        # Whoever keeps the connection open at the other end has still been told everything.
        for connection in list(board.connections.values()):
            if connection.state is State.LINGERING and connection.is_delivered():
                board.close(connection)
        return not board.connections

    await _until(all_delivered, begun + timeout)
    for connection in list(board.connections.values()):
        board.close(connection)
    board.settle()  # that they are closed, for the journal is closed next
    while births.children or births.expecting:
        births.reap()
        await asyncio.sleep(POLL / 2)


def _is_drained(connection: Connection) -> bool:
    if connection.state is not State.SERVED:
        return True
    return connection.worker is not None and connection.worker.conduct.drained


async def _until(reached: Callable[[], bool], deadline: float) -> None:
    """Wait until ``reached``, or the loop's clock has come to ``deadline``."""
    loop = asyncio.get_running_loop()
    while not reached() and loop.time() < deadline:
        await asyncio.sleep(POLL)
