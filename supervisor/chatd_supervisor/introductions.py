"""Clients that have to introduce themselves (IRC: NICK, USER), and do not: they are let go."""

import asyncio

from chatd_supervisor.connections import PRESENT, Connection
from chatd_supervisor.switchboard import Switchboard


class Introductions:
    """Gives every such client its time."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, board: Switchboard, patience: float
    ) -> None:
        """``patience``: seconds."""
        self._loop = loop
        self._board = board
        self.patience = patience

    def expect(self, connection: Connection) -> None:
        """Let ``connection`` go if it has not introduced itself in time."""
        if not self._is_known(connection):
            # By its number: what is waited for must not keep alive those who have gone meanwhile.
            self._loop.call_later(self.patience, self._look, connection.session)

    def _is_known(self, connection: Connection) -> bool:
        session = self._board.hub.sessions.get(connection.session)
        return session is None or session.record.registered

    def _look(self, number: int) -> None:
        connection = self._board.connections.get(number)
        if connection is None:
            return
        if connection.state in PRESENT and not self._is_known(connection):
            reason = f"not introduced within {self.patience:g} s"
            self._board.leave(connection, reason, farewell=reason)
            self._board.commit()
