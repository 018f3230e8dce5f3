"""Clients that do not say in time what they should: who they are (IRC: NICK, USER), or anything."""

import asyncio
from typing import Final

from chatd_supervisor.config import Limits
from chatd_supervisor.connections import PRESENT, Connection
from chatd_supervisor.switchboard import Switchboard

LOOKS: Final = 20
"""How often all are looked at while ``idle_timeout`` passes: nobody stays a twentieth longer."""

LONGEST_LOOK: Final = 60.0
"""Seconds between looks at most, so that a limit that is reloaded holds soon."""


class Timeouts:
    """Gives clients their time, and lets them go when it is over."""

    def __init__(self, loop: asyncio.AbstractEventLoop, board: Switchboard, limits: Limits) -> None:
        self._loop = loop
        self._board = board
        self.limits = limits
        # Who has spoken last is no part of what is written down, so nobody has been silent for
        # longer than this master knows of.
        self._began = loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self.live_by(limits)

    def live_by(self, limits: Limits) -> None:
        """Go by ``limits`` from now on."""
        self.limits = limits
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._look_later()

    # Introducing oneself

    def expect(self, connection: Connection) -> None:
        """Let ``connection`` go if it has not introduced itself in time."""
        if not self._is_known(connection):
            # By its number: what is waited for must not keep alive those who have gone meanwhile.
            patience = self.limits.registration_timeout
            self._loop.call_later(patience, self._look, connection.session, patience)

    def expect_all(self) -> None:
        """Do so with everybody who is there."""
        for connection in self._board.connections.values():
            self.expect(connection)

    def _is_known(self, connection: Connection) -> bool:
        session = self._board.hub.sessions.get(connection.session)
        return session is None or session.record.registered

    def _look(self, number: int, patience: float) -> None:
        connection = self._board.connections.get(number)
        if connection is None:
            return
        if connection.state in PRESENT and not self._is_known(connection):
            reason = f"not introduced within {patience:g} s"
            self._board.leave(connection, reason, farewell=reason)
            self._board.commit()

    # Saying anything

    def _look_later(self) -> None:
        if self.limits.idle_timeout:
            wait = min(self.limits.idle_timeout / LOOKS, LONGEST_LOOK)
            self._timer = self._loop.call_later(wait, self._look_at_all)

    def _look_at_all(self) -> None:
        board, limits = self._board, self.limits
        latest = self._loop.time() - limits.idle_timeout
        for session in list(board.hub.sessions.values()):
            spoke_at = self._began if session.spoke_at is None else session.spoke_at
            silent = spoke_at < latest
            connection = board.connections.get(session.id)
            if not silent or connection is None or connection.state not in PRESENT:
                continue
            if session.record.registered and not board.hub.is_operator(session):
                reason = f"you have said nothing for {limits.idle_timeout} s"
                board.leave(connection, "said nothing for long", farewell=reason)
        board.commit()
        self._look_later()
