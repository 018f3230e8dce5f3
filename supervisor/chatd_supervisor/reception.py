"""Receiving clients: who is let in, who is told why not, and what a newcomer is given.

Everybody who connects gets a sentence, also those who are not let in. A connection that finds no
room for its worker makes its listener rest (see ``listeners``).
"""

import contextlib
import os
import socket
import time
from collections.abc import Sequence
from functools import partial
from typing import Final, NamedTuple

from chatd_supervisor import counts
from chatd_supervisor.births import Births
from chatd_supervisor.config import Config
from chatd_supervisor.connections import Connection, State, Worker, host_of
from chatd_supervisor.egress import NO_WAIT
from chatd_supervisor.hub.banning import sentence
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.listeners import Listener, prepare
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.origins import Origins
from chatd_supervisor.refusals import (
    FULL,
    NO_PROCESS,
    UNWRITABLE,
    Refusal,
)
from chatd_supervisor.staffing import pace_of
from chatd_supervisor.store import Store, session_name
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.timeouts import Timeouts
from chatd_supervisor.visitors import Gone, Visitor, arrive
from chatd_supervisor.work import Arriving
from chatd_workers.commands import Fresh, Proxied
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Closing
from chatd_workers.reports import MAX_USED, TOKEN
from chatd_workers.titles import format_address

QUIET: Final = 1.0
"""Seconds between log lines about refusals: a storm of the ones must not be one of the others."""


class Newcomer(NamedTuple):
    """Somebody who is let in, and not greeted yet."""

    visitor: Visitor
    connection: Connection
    worker: Worker | None
    """None: it is not born yet."""


class Reception:
    """Turns accepted sockets into connections."""

    def __init__(
        self,
        board: Switchboard,
        births: Births,
        ledger: Ledger,
        store: Store | None,
        timeouts: Timeouts,
        *,
        config: Config,
        room_for: int,
    ) -> None:
        """``room_for`` is how many clients the descriptors of this process suffice for."""
        self._board = board
        self._births = births
        self._ledger = ledger
        self._store = store
        self._timeouts = timeouts
        self.origins = Origins(config.limits, config.exempt, self._is_let_off)
        self.limits = config.limits
        self.room_for = room_for
        # The number of the last session; the numbers never come again.
        self.numbered = 0
        self._quiet_until = 0.0

    def receive(self, listener: Listener, clients: Sequence[socket.socket]) -> None:
        """Let in the ``clients`` that have come through ``listener``, or tell them why not."""
        visitors = []
        for client in clients:
            try:
                visitors.append(arrive(listener, client, self.limits.keepalive))
            except Gone:
                client.close()
            except OSError as exhausted:
                client.close()
                listener.rest(exhausted)
        error = self._admit(visitors)
        for visitor in visitors:
            if visitor.ends is not None:
                visitor.ends.close()
        if error is not None:
            listener.rest(error)
        elif self._births.is_crowded:
            listener.hold_back()

    def _admit(self, visitors: Sequence[Visitor]) -> OSError | None:
        """Let in ``visitors``, or tell them why not; return what the system has no room for, if so.

        Step by step with all of them: what is written to between two forks is copied, page by page,
        and belongs to one more process; between forks that follow each other that is next to
        nothing.
        """
        expected = [
            (visitor, connection)
            for visitor in visitors
            if (connection := self._take_up(visitor)) is not None
        ]
        error = None
        newcomers: list[Newcomer] = []
        for visitor, connection in expected:
            try:
                refused = partial(self._let_down, connection)
                worker = self._births.give(connection, visitor.ends, refused)
            except OSError as failed:
                error = failed
                self._turn_away(visitor, connection, NO_PROCESS)
            else:
                newcomers.append(Newcomer(visitor, connection, worker))
        for visitor, connection, _ in newcomers:
            if visitor.ends is not None:
                self._hold(connection.name, visitor.client)
        self._greet(newcomers)
        return error

    def _take_up(self, visitor: Visitor) -> Connection | None:
        """Make a connection of ``visitor``, which is to get a worker; None: it is not let in."""
        self.numbered += 1
        number = self.numbered
        client, _, dialect, way, ends = visitor[:5]
        # A relay is held when it has its worker: its end alone would be no client.
        name = session_name(number)
        if ends is None:
            self._hold(name, client)
        try:
            prepare(client, self.limits.keepalive)
            cookie = counts.cookie(client)
        except OSError:
            client.close()  # it has gone already
            self.release(name)
            return None
        connection = Connection(number, visitor.peer, dialect, self._board.output(number), way)
        connection.local_user = visitor.local_user
        connection.token = os.urandom(TOKEN)
        self.origins.place(connection)
        refusal = visitor.refusal or self._objection(connection)
        if refusal is not None:
            self._refuse(visitor, refusal)
            self.release(name)
            return None
        self.origins.count(connection)
        board = self._board
        place = board.commits.outbox.place
        self._ledger.enter(number, connection.token, place, way, cookie)
        board.enter(connection)
        board.attach(connection, client, [])
        connection.state = State.SERVED
        return connection

    def _turn_away(self, visitor: Visitor, connection: Connection, refusal: Refusal) -> None:
        """Undo ``_take_up``, and tell ``visitor`` why."""
        self._board.forget(connection)
        self.origins.uncount(connection)
        self._refuse(visitor, refusal)
        self.leave(connection.session)

    def _hold(self, name: str, client: socket.socket) -> None:
        if self._store is not None:
            self._store.hold(name, client.fileno())

    def learn(self, connection: Connection, fresh: Sequence[Fresh]) -> None:
        """Take note of what a worker has told of ``connection``, and is written down."""
        for known in fresh:
            if type(known) is Proxied:
                named = connection.peer
                if known.host is not None:
                    named = format_address((known.host, known.port))
                    note("session proxied", session=connection.session, peer=named)
                self._move(connection, named)

    def _move(self, connection: Connection, peer: str) -> None:
        origins = self.origins
        origins.uncount(connection)
        connection.peer, connection.host = peer, host_of(peer)
        origins.place(connection)
        refusal = self._ban_of(connection) or origins.objection(connection, time.monotonic())
        origins.count(connection)
        worker = connection.worker
        if connection.exempt and self.limits.message_rate and worker is not None:
            self._board.order(worker, pace_of(connection, self.limits))
        if refusal is not None:
            self._board.leave(connection, refusal.sentence, farewell=refusal.sentence)

    def recognize(self, connection: Connection) -> None:
        """Count ``connection``, which another master has let in."""
        self.origins.place(connection)
        self.origins.count(connection)

    def see_off(self, connection: Connection) -> None:
        """Take note that ``connection`` is closed."""
        self.origins.uncount(connection)
        self.leave(connection.session)

    def leave(self, session: int) -> None:
        """Free the row of ``session``, and have its socket no longer held."""
        # In this order: whoever finds the row lets the service manager know again.
        self.release(session_name(session))
        self._ledger.leave(session)

    def release(self, name: str) -> None:
        """Ask the service manager to close what it holds by ``name``."""
        if self._store is not None:
            self._store.release(name)

    def _objection(self, connection: Connection) -> Refusal | None:
        limits = self.limits
        if self._board.commits.stuck:
            return UNWRITABLE
        count = len(self._board.connections)
        if count >= self.room_for or (limits.max_clients and count >= limits.max_clients):
            return FULL
        return self._ban_of(connection) or self.origins.objection(connection, time.monotonic())

    def _is_let_off(self, host: str) -> bool:
        return self._board.hub.state.bans.is_exempt("address", host, time.time_ns() // 1000)

    def _ban_of(self, connection: Connection) -> Refusal | None:
        """Return the refusal of ``connection``, if its address is banned."""
        bans = self._board.hub.state.bans
        now = time.time_ns() // 1000
        ban = bans.of_address(connection.host, now)
        if ban is None:
            return None
        # Who can log in before coming in is met by it then, if the account is not let off.
        if bans.lets_off_accounts(now) and not DIALECTS[connection.dialect].one_room:
            return None
        return Refusal("banned", sentence(ban))

    def _greet(self, newcomers: Sequence[Newcomer]) -> None:
        """Have the arrival of ``newcomers`` written down and told, or turn them away."""
        board = self._board
        if not board.commits.stuck:
            for _, connection, _ in newcomers:
                board.commits.add(Arriving(connection))
        board.commit()
        for visitor, connection, worker in newcomers:
            if connection.state is State.SERVED and connection.session not in board.hub.sessions:
                self._turn_away(visitor, connection, UNWRITABLE)
                continue
            MEASURES.opened += 1
            if connection.state is not State.SERVED:
                continue  # let in and put off at once, and told why: its account is banned
            self._timeouts.expect(connection)
            connection.opening_unlogged = True
            if worker is not None:
                connection.log_opening(worker.pid)

    def _let_down(self, connection: Connection, _: OSError) -> None:
        """End ``connection``, which was greeted before it was known that it can have no worker."""
        if connection.state is not State.SERVED:
            return
        MEASURES.refused[NO_PROCESS.reason] += 1
        self._board.leave(connection, NO_PROCESS.sentence, farewell=NO_PROCESS.sentence)
        self._board.commit()

    def _refuse(self, visitor: Visitor, refusal: Refusal) -> None:
        MEASURES.refused[refusal.reason] += 1
        reason = refusal.sentence
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            note("client refused", peer=visitor.peer, reason=reason, count=MEASURES.refused.total())
        client = visitor.client if visitor.ends is None else visitor.ends.outer
        with contextlib.suppress(OSError):
            # One that expects TLS could not read it; that would take a worker.
            if not visitor.way.is_secure:
                client.send(DIALECTS[visitor.dialect].write(Closing(reason), 0), NO_WAIT)
            client.shutdown(socket.SHUT_WR)
            # Mostly it has said nothing yet; what it has is taken, so that no reset overtakes
            # the reason.
            client.recv(MAX_USED, socket.MSG_DONTWAIT)
        visitor.client.close()
