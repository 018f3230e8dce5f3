"""Receiving clients: who is let in, who is told why not, and what a newcomer is given.

Everybody who connects gets a sentence, also those who are not let in. A connection that finds no
room for its worker makes its listener rest (see ``listeners``).
"""

import contextlib
import logging
import socket
import time
from collections import Counter
from typing import Final

from chatd_supervisor.births import Births
from chatd_supervisor.config import Limits
from chatd_supervisor.connections import Connection
from chatd_supervisor.listeners import Listener, prepare
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.commands import Arrive, Depart
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Closing

log = logging.getLogger("chatd")

QUIET: Final = 1.0
"""Seconds between log lines about refusals: a storm of the ones must not be one of the others."""


class Reception:
    """Turns accepted sockets into connections."""

    def __init__(self, board: Switchboard, births: Births, limits: Limits, room_for: int) -> None:
        """``room_for`` is how many clients the descriptors of this process suffice for."""
        self._board = board
        self._births = births
        self.limits = limits
        self.room_for = room_for
        self.served = 0
        self.refused = 0
        self._numbered = 0
        self._by_host: Counter[str] = Counter()
        self._quiet_until = 0.0

    def receive(self, listener: Listener, client: socket.socket, peer: str) -> None:
        """Let in the ``client`` that has come through ``listener``, or tell it why not."""
        try:
            prepare(client)
        except OSError:
            client.close()  # it has gone already
            return
        self._numbered += 1
        connection = Connection(
            self._numbered,
            client,
            peer,
            listener.listen.dialect,
            self._board.output(self._numbered, client),
        )
        reason = self._objection(connection)
        if reason:
            self._refuse(connection, reason)
            return
        error = self._admit(connection)
        if error is not None:
            self._refuse(connection, "the server has no room for another process, try again later")
            listener.rest(error)

    def see_off(self, connection: Connection) -> None:
        """Take note that ``connection`` is closed."""
        self._by_host[connection.host] -= 1
        if not self._by_host[connection.host]:
            del self._by_host[connection.host]

    def _objection(self, connection: Connection) -> str:
        limits = self.limits
        count = len(self._board.connections)
        if count >= self.room_for or (limits.max_clients and count >= limits.max_clients):
            return "the server is full, try again later"
        most = limits.max_clients_per_address
        if most and self._by_host[connection.host] >= most:
            return f"{most} connections from {connection.host} are the limit"
        return ""

    def _admit(self, connection: Connection) -> OSError | None:
        board = self._board
        welcome = board.hub.apply(connection.session, Arrive(connection.dialect))
        board.enter(connection)
        try:
            worker = self._births.give(connection)
        except OSError as error:
            # Nobody has been told of it yet, so nobody is told that it is gone.
            board.forget(connection)
            board.hub.apply(connection.session, Depart(""))
            return error
        self._by_host[connection.host] += 1
        self.served += 1
        log.info(
            "session %d: %s on %s, worker %d",
            connection.session,
            connection.peer,
            connection.dialect,
            worker.pid,
        )
        board.follow(connection, welcome)
        board.flush()
        return None

    def _refuse(self, connection: Connection, reason: str) -> None:
        self.refused += 1
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning("%s refused: %s (refusal %d)", connection.peer, reason, self.refused)
        with contextlib.suppress(OSError):
            connection.socket.send(DIALECTS[connection.dialect].write(Closing(reason)))
            connection.hang_up()
            # Mostly it has said nothing yet; what it has is taken, so that no reset overtakes
            # the reason.
            connection.discard()
        connection.socket.close()
