"""Receiving clients: who is let in, who is told why not, and what a newcomer is given.

Everybody who connects gets a sentence, also those who are not let in. A connection that finds no
room for its worker makes its listener rest (see ``listeners``).
"""

import contextlib
import logging
import os
import socket
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from chatd_supervisor.births import Births
from chatd_supervisor.config import Limits
from chatd_supervisor.connections import Connection, State, Worker, host_of, session_name
from chatd_supervisor.introductions import Introductions
from chatd_supervisor.keeping import Keeper
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.listeners import Listener, prepare
from chatd_supervisor.rates import Rates
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.visitors import Gone, Visitor, arrive
from chatd_supervisor.ways import Way
from chatd_supervisor.work import Arriving
from chatd_workers.commands import Fresh, Proxied
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Closing
from chatd_workers.reports import MAX_USED, TOKEN
from chatd_workers.titles import format_address

log = logging.getLogger("chatd")

UNWRITABLE: Final = "the server cannot write its journal, try again later"

QUIET: Final = 1.0
"""Seconds between log lines about refusals: a storm of the ones must not be one of the others."""


class Reception:
    """Turns accepted sockets into connections."""

    def __init__(
        self,
        board: Switchboard,
        births: Births,
        ledger: Ledger,
        keeper: Keeper | None,
        introductions: Introductions,
        *,
        limits: Limits,
        room_for: int,
    ) -> None:
        """``room_for`` is how many clients the descriptors of this process suffice for."""
        self._board = board
        self._births = births
        self._ledger = ledger
        self._keeper = keeper
        self._introductions = introductions
        self._rates = Rates()
        self.limits = limits
        self.room_for = room_for
        # The number of the last session; the numbers never come again.
        self.numbered = 0
        self.served = 0
        self.refused = 0
        self._by_host: Counter[str] = Counter()
        self._quiet_until = 0.0

    def receive(self, listener: Listener, client: socket.socket) -> None:
        """Let in the ``client`` that has come through ``listener``, or tell it why not."""
        try:
            visitor = arrive(listener, client)
        except Gone:
            client.close()
            return
        except OSError as exhausted:
            client.close()
            listener.rest(exhausted)
            return
        error = self._admit(visitor)
        if visitor.ends is not None:
            visitor.ends.close()
        if error is not None:
            listener.rest(error)

    def admit(self, client: socket.socket, dialect: str, way: Way) -> None:
        """Let in ``client``, which a dead master had accepted and not greeted."""
        try:
            peer = format_address(client.getpeername())
        except OSError:
            client.close()  # it has gone
            return
        self._admit(Visitor(client, peer, dialect, way))

    def _admit(self, visitor: Visitor) -> OSError | None:
        """Let in ``visitor``, or tell it why not; return what the system has no room for, if so."""
        self.numbered += 1
        number = self.numbered
        client, _, dialect, way, ends = visitor[:5]
        # Before anything else: from here on the client survives us. (A relay does not, until it
        # has its worker, and its end alone would be no client.)
        name = session_name(number, dialect, way)
        if ends is None:
            self._hold(name, client)
        try:
            prepare(client)
        except OSError:
            client.close()  # it has gone already
            self.release(name)
            return None
        connection = Connection(number, visitor.peer, dialect, self._board.output(number), way)
        connection.local_user = visitor.local_user
        connection.token = os.urandom(TOKEN)
        error = None
        reason = visitor.objection or self._objection(connection)
        if not reason:
            self.count(connection)
            board = self._board
            place = board.commits.outbox.place
            self._ledger.enter(number, connection.token, place, way)
            board.enter(connection)
            board.attach(connection, client, [])
            connection.state = State.SERVED
            try:
                worker = self._births.give(connection, ends)
            except OSError as failed:
                error = failed
                reason = "the server has no room for another process, try again later"
            else:
                if ends is not None:
                    self._hold(name, client)
                reason = self._greet(connection, worker)
            if reason:
                board.forget(connection)
                self._ledger.leave(number)
                self.uncount(connection)
        if reason:
            self._refuse(visitor, reason)
            self.release(name)
        return error

    def _hold(self, name: str, client: socket.socket) -> None:
        if self._keeper is not None:
            self._keeper.hold(name, client.fileno())

    def learn(self, connection: Connection, fresh: Sequence[Fresh]) -> None:
        """Take note of what a worker has told of ``connection``, and is written down."""
        for known in fresh:
            if type(known) is Proxied:
                self._move(connection, format_address((known.host, known.port)))

    def _move(self, connection: Connection, peer: str) -> None:
        self.uncount(connection)
        connection.peer, connection.host = peer, host_of(peer)
        reason = self._crowded(connection)
        self.count(connection)
        if reason:
            self._board.leave(connection, reason, farewell=reason)

    def count(self, connection: Connection) -> None:
        """Count ``connection`` among those of its address."""
        self._by_host[connection.host] += 1

    def uncount(self, connection: Connection) -> None:
        """Undo ``count``."""
        self._by_host[connection.host] -= 1
        if not self._by_host[connection.host]:
            del self._by_host[connection.host]

    def see_off(self, connection: Connection) -> None:
        """Take note that ``connection`` is closed."""
        self.uncount(connection)
        self._ledger.leave(connection.session)
        self.release(connection.name)

    def release(self, name: str) -> None:
        """Have the supervisor let go of what it holds by ``name``."""
        if self._keeper is not None:
            self._keeper.release(name)

    def _objection(self, connection: Connection) -> str:
        limits = self.limits
        if self._board.commits.stuck:
            return UNWRITABLE
        count = len(self._board.connections)
        if count >= self.room_for or (limits.max_clients and count >= limits.max_clients):
            return "the server is full, try again later"
        return self._crowded(connection)

    def _crowded(self, connection: Connection) -> str:
        limits = self.limits
        if not connection.host:
            return ""  # its proxy has not said yet who it is
        most = limits.max_clients_per_ip
        if most and self._by_host[connection.host] >= most:
            return f"{most} connections from {connection.host} are the limit"
        if not self._rates.admits(connection.host, limits.connect_rate, time.monotonic()):
            return (
                f"{limits.connect_rate} connections a minute from {connection.host} are the limit"
            )
        return ""

    def _greet(self, connection: Connection, worker: Worker) -> str:
        """Have the arrival of ``connection`` written down and told; return why not, if not."""
        board = self._board
        if not board.commits.stuck:
            board.commits.add(Arriving(connection))
        board.commit()
        if connection.session not in board.hub.sessions:
            return UNWRITABLE
        self.served += 1
        self._introductions.expect(connection)
        log.info(
            "session %d: %s on %s, worker %d",
            connection.session,
            connection.peer,
            connection.dialect,
            worker.pid,
        )
        return ""

    def _refuse(self, visitor: Visitor, reason: str) -> None:
        self.refused += 1
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning("%s refused: %s (refusal %d)", visitor.peer, reason, self.refused)
        client = visitor.client if visitor.ends is None else visitor.ends.outer
        with contextlib.suppress(OSError):
            # One that expects TLS could not read it; that would take a worker.
            if not visitor.way & Way.TLS:
                client.send(DIALECTS[visitor.dialect].write(Closing(reason), 0))
            client.shutdown(socket.SHUT_WR)
            # Mostly it has said nothing yet; what it has is taken, so that no reset overtakes
            # the reason.
            client.recv(MAX_USED, socket.MSG_DONTWAIT)
        visitor.client.close()
