"""Going on where a dead master stopped: sessions, clients and workers are found again.

The journal says which sessions there were and how far each was read. Their clients' sockets, and
the channels to their workers, are at hand at once where somebody has shared the descriptor table,
or holds duplicates (``supervise.table``): the ledger says which is which. Such a worker is resumed
in its place, and does not even notice. Where only the workers have lived on they bring their
clients, each when it has noticed (``adoption``). Until then a session is ABSENT: the others see it
in its room, and what they say is queued for it.

When a socket has come, the kernel says how far it was read and written (``counts``). What the
journal has committed beyond what was taken from the socket is taken now; what was rendered beyond
what was written is sent now, from the byte on at which it stopped.
"""

import asyncio
import os
import socket
import time
from pathlib import Path
from typing import Final

from chatd_supervisor import counts
from chatd_supervisor.adoption import Offered, dismiss, objection
from chatd_supervisor.births import Births
from chatd_supervisor.conduct import Violation
from chatd_supervisor.config import Limits
from chatd_supervisor.connections import Connection, State, host_of, let_go, skip
from chatd_supervisor.hub.coming import secured_of
from chatd_supervisor.journal import Snapshot, StoredSession
from chatd_supervisor.ledger import Row
from chatd_supervisor.listeners import Listener
from chatd_supervisor.logbook import note
from chatd_supervisor.newborn_relays import NewbornRelays
from chatd_supervisor.outbox import Recovered
from chatd_supervisor.ports import Ports
from chatd_supervisor.processes import kill
from chatd_supervisor.reception import Reception
from chatd_supervisor.session_files import SessionFiles
from chatd_supervisor.staffing import pace_of
from chatd_supervisor.supervise.parent import Parent
from chatd_supervisor.supervise.table import Stock, is_waiting
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.ways import Way
from chatd_supervisor.work import AccountChanged
from chatd_supervisor.worker_resumption import WorkerResumption
from chatd_workers.reports import MAX_USED
from chatd_workers.titles import format_address

OFFER: Final = 1.0
"""Seconds from look to look whether a worker that has not offered itself still lives, when its
client has come from elsewhere."""

HELD_BACK: Final = 1.0
"""Seconds that newcomers wait, at the most, for the workers of those who were here."""

LOOKS: Final = 8
"""How often it is looked: on a busy machine a thousand workers take their time, and another
thousand births would not make it shorter."""


class Mismatch(Exception):
    """What the journal knows of a session and what its socket says do not fit."""


class Recovery:
    """Finds again what a dead master has left."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        board: Switchboard,
        births: Births,
        reception: Reception,
        *,
        files: SessionFiles,
        snapshot: Snapshot,
    ) -> None:
        """``files`` are as the dead master left them."""
        self._loop = loop
        self._board = board
        self._births = births
        self._reception = reception
        self._recovered: Recovered | None = files.take_recovered()
        self._rows = dict(files.rows)
        # Who the workers of the dead master were, by their pids.
        self._workers = {row.pid for row in self._rows.values() if row.pid}
        self._leaving: set[int] = set()
        # Sessions whose worker lives, and is on its way to us.
        self._awaited: set[int] = set()
        # Where newcomers wait meanwhile.
        self._held_back: Ports | None = None
        self._ports: Ports | None = None
        self._snapshot = snapshot

    def begin(self, stock: Stock, parent: Parent | None, limits: Limits, ports: Ports) -> None:
        """Take up all sessions, with what there is of them in ``stock``.

        ``parent`` is the supervisor, which knows the pids of workers. Sessions whose client has not
        come in the time that ``limits`` give it are closed. Those who were here come first: while
        their workers are on their way, newcomers wait at the ``ports``, for HELD_BACK seconds at
        most.
        """
        now, grace = time.time(), limits.adoption_timeout
        self._resumption = WorkerResumption(
            self._loop, self._board, lambda connection: pace_of(connection, limits)
        )
        self._ports = ports
        for stored in self._snapshot.sessions:
            row = self._rows.get(stored.arrival.session)
            self._take_up(stored, Way(row.way) if row is not None else Way.PLAIN, now)
        at_hand, resumed = 0, 0
        newcomers: list[tuple[Listener, socket.socket]] = []
        for number, row in list(self._rows.items()):
            connection = self._board.connections.get(number)
            client = _taken(stock, row.cookie)
            channel = _taken(stock, row.channel)
            if connection is None:
                newcomers += self._forget(number, client, channel, parent)
                continue
            if client is not None:
                at_hand += 1
                self._attach(connection, client)
            if channel is not None:
                resumed += self._resume_worker(connection, row, channel, parent)
        relays = NewbornRelays(self._board.connections.values(), self._births, stock)
        for listener, accepted in [*newcomers, *stock.take_accepted(ports.accepting)]:
            if not (listener.way.is_relay and relays.take(listener, accepted)):
                self._reception.receive(listener, [accepted])
        for connection in list(self._board.connections.values()):
            self._provide(connection, grace)
        self._resumption.begin()
        if self._awaited:
            self._held_back = ports
            ports.hold_back(HELD_BACK)
        self._loop.call_later(grace, self._end)
        # What was done to them while there was no master, nobody could be told.
        for name in self._board.hub.stale_accounts():
            self._board.commits.add(AccountChanged(name))
        self._board.commit()
        if self._snapshot.sessions:
            sessions = len(self._snapshot.sessions)
            note("sessions found", sessions=sessions, at_hand=at_hand, workers=resumed)

    def _forget(
        self,
        number: int,
        client: socket.socket | None,
        channel: socket.socket | None = None,
        parent: Parent | None = None,
    ) -> list[tuple[Listener, socket.socket]]:
        """Forget a session that is not in the journal; return its client, if it is to come in.

        Either it was accepted and not greeted, or it is over and was not let go of yet. One that is
        over was shut down before anything else.
        """
        if client is None and channel is None:
            return []  # its worker may bring it
        row = self._rows.pop(number)
        self._reception.leave(number)
        if channel is not None:
            # It may have begun to read what its successor is to read.
            pid = parent.workers.get(row.channel, row.pid) if parent is not None else row.pid
            kill(pid, channel)
            channel.close()
        if client is None:
            return []
        assert self._ports is not None, "begun"
        listener = self._ports.accepting(client)
        is_new = number > self._snapshot.last_session and not Way(row.way).is_relay
        if is_new and listener is not None and is_waiting(client):
            return [(listener, client)]
        # Or the pair of a relay; its real socket, if it is here, is greeted by itself.
        client.close()
        return []

    def _resume_worker(
        self,
        connection: Connection,
        row: Row,
        channel: socket.socket,
        parent: Parent | None,
    ) -> bool:
        """Go on with the worker at the other end of ``channel``; False if that cannot be."""
        known = parent.workers.get(row.channel) if parent is not None else None
        pid = known or row.pid
        if not pid or connection.client is None or connection.state is State.CLOSED:
            channel.close()
            return False
        if row.pid != pid:
            # It was just being born.
            self._births.employ(connection, pid, channel)
        worker = self._births.take_over(connection, pid, channel, child=known is not None)
        self._resumption.add(worker)
        return True

    def _take_up(self, stored: StoredSession, way: Way, now: float) -> None:
        arrival, stream = stored.arrival, stored.stream
        number = arrival.session
        output = self._board.output(number)
        connection = Connection(number, arrival.peer, arrival.dialect, output, way)
        connection.since = time.monotonic() - max(0.0, now - arrival.since / 1e6)
        connection.offset = stream.offset
        connection.discarding = stream.discarding
        connection.carry = stream.carry
        connection.lines = stream.lines
        if not connection.is_beginning:
            connection.host = host_of(connection.peer)  # its proxy, if any, has said it
        if number in self._rows:
            connection.token = self._rows[number].token
        if stored.record is None:
            self._leaving.add(number)
        else:
            connection.secured = secured_of(self._board.hub.sessions[number].record)
        self._board.enter(connection)
        self._reception.recognize(connection)

    def _provide(self, connection: Connection, grace: float) -> None:
        """See that ``connection`` gets its worker, or its client, or its end."""
        row = self._rows.get(connection.session)
        if connection.worker is not None:
            return
        if row is not None and _lives(row.pid):
            self._awaited.add(connection.session)
        if connection.state is State.SERVED:
            if connection.session in self._awaited:
                self._loop.call_later(OFFER, self._replace, connection)
            else:
                self._births.request(connection)
        elif connection.state is State.ABSENT:
            if row is None:
                self._lose(connection)
            else:
                self._loop.call_later(grace, self._lose, connection)

    def _replace(self, connection: Connection, looks: int = LOOKS) -> None:
        """Have ``connection`` given a worker, unless its old one still is on its way to us."""
        if connection.state is not State.SERVED or connection.worker is not None:
            return
        row = self._rows.get(connection.session)
        if looks and row is not None and _lives(row.pid):
            self._loop.call_later(OFFER, self._replace, connection, looks - 1)
        else:
            self._births.request(connection)

    def _lose(self, connection: Connection) -> None:
        if connection.state is not State.ABSENT:
            return
        if connection.session in self._leaving:
            self._board.close(connection)
        else:
            self._board.leave(connection, "connection lost", farewell=None)
            self._board.commit()

    def _end(self) -> None:
        """Let go of what nobody will ask for any more.

        Sessions that the journal does not know (accepted, never written down) have rows in the
        ledger, and a row keeps all that was put into the outbox since.
        """
        for number in self._rows:
            if number not in self._board.connections:
                self._reception.leave(number)
        self._rows = {}
        self._recovered = None
        self._held_back = None

    # Clients

    def _attach(self, connection: Connection, client: socket.socket) -> bool:
        """Go on with ``client``; False if that cannot be, or not for long: it was let go."""
        number = connection.session
        try:
            rest = self._resume(connection, client)
        except (OSError, Mismatch) as error:
            note("session not resumed", session=number, reason=error)
            let_go(client)
            self._lose(connection)
            return False
        self._board.attach(connection, client, rest)
        if number in self._leaving:
            self._board.closing.begin(connection)
        else:
            connection.state = State.SERVED
        return number in self._board.connections

    def _resume(self, connection: Connection, client: socket.socket) -> list[memoryview]:
        client.setblocking(False)
        rest: list[memoryview] = []
        try:
            peer = format_address(client.getpeername())
            written = counts.written(client)
        except OSError:
            # It has been reset: nothing more can be sent, but what it had said is still there.
            connection.output.drop()
        else:
            # What is shown of a relay, or told by a proxy, is not the address of this socket.
            if not connection.way and peer != connection.peer:
                raise Mismatch(f"the socket is that of {peer}, not of {connection.peer}")
            assert self._recovered is not None, "absent sessions end before"
            rest = self._recovered.rest(connection.session, written)
        ahead = connection.offset - counts.consumed(client)
        if not 0 <= ahead <= MAX_USED:
            raise Mismatch(f"the journal is {ahead} bytes ahead of what was read from the socket")
        skip(client, ahead)
        return rest

    # Workers

    def offered(self, offered: Offered) -> None:
        """Take the client and the worker that are ``offered``, if they are ours."""
        served = (connection.worker for connection in self._board.connections.values())
        worker = next((each for each in served if each and each.pid == offered.pid), None)
        if worker is not None:
            offered.refuse("it has a master")
            # What it had sent before it was ended is not another fault.
            if not worker.ended:
                how = "offered its client to its own master"
                self._board.condemn(worker, Violation("state", how))
            return
        self._take(offered)
        self._awaited.discard(offered.offer.session)
        if self._held_back is not None and not self._awaited:
            self._held_back.go_on()
            self._held_back = None

    def pestered(self, pid: int, channel: socket.socket) -> None:
        """Kill ``pid``, which has connected ``channel`` and offers without end, if it is a worker.

        One of a master that is dead: it was sent away before.
        """
        if pid in self._workers:
            kill(pid, channel)

    def _take(self, offered: Offered) -> None:
        offer = offered.offer
        connection = self._board.connections.get(offer.session)
        row = self._rows.get(offer.session)
        why = objection(offered, row)
        if row is None or why is not None:
            offered.refuse(why or "nothing is known of it")
            return
        if connection is None:
            self._readmit(offered)
            return
        if connection.worker is not None or connection.token != row.token:
            offered.refuse("it has got another worker")
            return
        if connection.state is State.ABSENT:
            if not self._attach(connection, offered.client):
                dismiss(offered.channel)
                return
        else:
            offered.client.close()
        self._births.adopt(connection, offered.pid, offered.channel)

    def _readmit(self, offered: Offered) -> None:
        # It holds the client until we do for certain.
        for listener, client in self._forget(offered.offer.session, offered.client):
            self._reception.receive(listener, [client])
        dismiss(offered.channel)


def _taken(stock: Stock, cookie: int) -> socket.socket | None:
    descriptor = stock.take(cookie) if cookie else None
    return socket.socket(fileno=descriptor) if descriptor is not None else None


def _lives(pid: int) -> bool:
    """Tell whether there is a process ``pid`` that runs: no zombie, and not stopped (proc(5))."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes()
    except OSError:
        return pid > 0 and _is_hidden(pid)
    return pid > 0 and stat.rpartition(b")")[2].split()[0] not in (b"Z", b"X", b"T")


def _is_hidden(pid: int) -> bool:
    """Tell whether ``pid`` is there although /proc does not show it (hidepid, proc(5))."""
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
