"""Going on where a dead master stopped: sessions, clients and workers are found again.

The journal says which sessions there were and how far each was read. Their clients' sockets come
from two sides: from the supervisor, at once and all together, and from the workers, each when it
has noticed. Until then a session is ABSENT: the others see it in its room, and what they say is
queued for it.

When a socket has come, the kernel says how far it was read and written (``counts``). What the
journal has committed beyond what was taken from the socket is taken now; what was rendered beyond
what was written is sent now, from the byte on at which it stopped.
"""

import asyncio
import os
import socket
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from chatd_supervisor import counts
from chatd_supervisor.adoption import Offered, dismiss, objection
from chatd_supervisor.births import Births
from chatd_supervisor.conduct import Violation
from chatd_supervisor.connections import (
    Connection,
    State,
    Worker,
    host_of,
    let_go,
    session_name,
    skip,
)
from chatd_supervisor.handover import Channel
from chatd_supervisor.hub.coming import secured_of
from chatd_supervisor.journal import Snapshot, StoredSession
from chatd_supervisor.logbook import note
from chatd_supervisor.outbox import Recovered
from chatd_supervisor.ports import Ports
from chatd_supervisor.processes import kill
from chatd_supervisor.reception import Reception
from chatd_supervisor.session_files import SessionFiles
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.ways import Way, read_kind
from chatd_supervisor.work import AccountChanged
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


class Held:
    """Descriptors that the supervisor has held for us, by what they are."""

    def __init__(self, named: Mapping[str, int]) -> None:
        """``named`` are descriptors by the names under which they were given to it."""
        # Kind and descriptor, by session.
        self.sessions: dict[int, tuple[str, int]] = {}
        self.others: dict[str, int] = {}
        for name, descriptor in named.items():
            kind, _, rest = name.partition(" ")
            if kind == "session":
                number, _, kind = rest.partition(" ")
                self.sessions[int(number)] = (kind, descriptor)
            else:
                self.others[name] = descriptor


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
        self._ledger = files.ledger
        self._recovered: Recovered | None = files.take_recovered()
        self._rows = dict(files.rows)
        # Who the workers of the dead master were, by their pids.
        self._workers = {row.pid for row in self._rows.values() if row.pid}
        self._leaving: set[int] = set()
        # Sessions whose worker lives, and is on its way to us.
        self._awaited: set[int] = set()
        self._ports: Ports | None = None
        self._snapshot = snapshot

    def begin(
        self,
        held: Mapping[int, tuple[str, int]],
        channels: Iterable[Channel],
        grace: float,
        ports: Ports,
    ) -> None:
        """Take up all sessions, with the client sockets that are ``held``, and their ``channels``.

        ``held`` are kind and descriptor by session. Sessions whose client has not come after
        ``grace`` seconds are closed. Those who were here come first: while their workers are on
        their way, newcomers wait at the ``ports``, for HELD_BACK seconds at most.
        """
        now = time.time()
        ways = {number: read_kind(kind)[1] for number, (kind, _) in held.items()}
        ways |= {number: Way(row.way) for number, row in self._rows.items()}
        for stored in self._snapshot.sessions:
            way = ways.get(stored.arrival.session, Way.PLAIN)
            self._take_up(stored, way, now)
        strangers = []
        for number, (kind, descriptor) in held.items():
            client = socket.socket(fileno=descriptor)
            connection = self._board.connections.get(number)
            if connection is not None:
                self._attach(connection, client)
            else:
                strangers.append((number, *read_kind(kind), client))
        for number, dialect, way, client in strangers:
            # Its worker, if it has one, is not to bring it a second time.
            self._rows.pop(number, None)
            self._ledger.leave(number)
            self._meet(number, dialect, way, client)
            self._reception.release(session_name(number, dialect, way))
        for channel in channels:
            self._take_over(channel)
        for connection in list(self._board.connections.values()):
            self._provide(connection, grace)
        if self._awaited:
            self._ports = ports
            ports.hold_back(HELD_BACK)
        self._loop.call_later(grace, self._end)
        # What was done to them while there was no master, nobody could be told.
        for name in self._board.hub.stale_accounts():
            self._board.commits.add(AccountChanged(name))
        self._board.commit()
        if self._snapshot.sessions:
            note("sessions found", sessions=len(self._snapshot.sessions), at_hand=len(held))

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
                self._ledger.leave(number)
        self._rows = {}
        self._recovered = None
        self._ports = None

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

    def _meet(self, number: int, dialect: str, way: Way, client: socket.socket) -> None:
        """Do with ``client`` what is to be done with one whose session is not in the journal."""
        if self._is_here(client):
            # It was greeted under a new number by a master that died before it could let go of
            # the old one.
            client.close()
        elif number > self._snapshot.last_session and not way.is_relay:
            # Accepted, and not yet written down: it has not been greeted, and is now.
            self._reception.admit(client, dialect, way)
        else:
            # Its session is over; only that its socket is to be let go had not been heard of. Not
            # shut down: a session that it is now of may not have been brought to us yet. Or it is
            # a relay that was not yet written down, which cannot be given another worker; it ends
            # before it was greeted.
            client.close()

    def _is_here(self, client: socket.socket) -> bool:
        """Tell whether ``client`` is a duplicate of a socket that some connection has."""
        inode = os.fstat(client.fileno()).st_ino
        return any(
            os.fstat(connection.client.fileno()).st_ino == inode
            for connection in self._board.connections.values()
            if connection.client is not None
        )

    # Workers

    def _take_over(self, channel: Channel) -> None:
        connection = self._board.connections.get(channel.session)
        ours = socket.socket(fileno=channel.descriptor)
        if connection is None or connection.client is None:
            ours.close()
            return
        worker = Worker(
            channel.pid,
            ours,
            connection,
            channel.nick,
            channel.room,
            child=channel.child,
            # It may be; the program before us has not said.
            careful=True,
        )
        worker.exitcode = channel.exitcode
        worker.owed = channel.owed
        if channel.owed or channel.held:
            worker.conduct.awaits()
        self._births.take_over(worker)
        if channel.held:
            self._board.checks.take_over(worker, channel.held)

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
        if self._ports is not None and not self._awaited:
            self._ports.go_on()
            self._ports = None

    def pestered(self, pid: int, channel: socket.socket) -> None:
        """Kill ``pid``, which has connected ``channel`` and offers without end, if it is a worker.

        One of a master that is dead: it was sent away before.
        """
        if pid in self._workers:
            kill(pid, channel, child=False)

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
        number = offered.offer.session
        way = Way(self._rows.pop(number).way)
        # It holds the client until we do for certain.
        self._meet(number, offered.offer.dialect, way, offered.client)
        dismiss(offered.channel)
        self._ledger.leave(number)


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
