"""A client's connection as the master holds it, and the life it leads.

====================  ========================  ===========================================
in this state         when this happens         then
====================  ========================  ===========================================
ABSENT                its client was offered    SERVED, or LEAVING if it was that before
ABSENT                nobody offers it          CLOSED, after a grace period
SERVED                its worker died           a successor, at once or after a delay
SERVED                its stream ended          LEAVING: the others are told
SERVED                it asked to quit, was     LEAVING, and its last line says why
                      too slow, or we stop
LEAVING               its queue is written      LINGERING: our half is shut down
LEAVING, LINGERING    its deadline has passed   CLOSED
LINGERING             it has closed as well     CLOSED
====================  ========================  ===========================================

A connection is ABSENT when everybody who held it has died but its worker, which has not brought it
to us yet. What is said meanwhile is queued for it.

Its worker stays until it is CLOSED: as long as something is still to be sent, a second process is
to hold the socket.

A relay (``relaying``) ends with its worker: when that has died, it is LEAVING; and it is CLOSED
when that has ended because all is said, however long our own socket to it would be open.

Lingering is what makes a close polite: closing a socket that holds unread bytes sends a reset
(RFC 1122, section 4.2.2.13), and a reset takes away from the client what it has not read yet, the
reason it was closed for among it. So what still comes in is discarded, unread, until it stops.
"""

import asyncio
import contextlib
import enum
import fcntl
import select
import socket
import struct
import termios
import time
from collections.abc import Iterable, Sequence
from typing import Final

from chatd_supervisor.budget import Budget
from chatd_supervisor.conduct import Conduct, Standing
from chatd_supervisor.cpu_account import CpuAccount
from chatd_supervisor.cpu_timer import CpuTimer
from chatd_supervisor.egress import Output
from chatd_supervisor.logbook import note
from chatd_supervisor.obituaries import Obituary
from chatd_supervisor.restarts import RestartPolicy
from chatd_supervisor.store import session_name
from chatd_supervisor.ways import Way
from chatd_workers.commands import Fresh, Proxied, Secured
from chatd_workers.reports import MAX_USED, Report

_DISCARD: Final = socket.MSG_TRUNC | socket.MSG_DONTWAIT
_BIN: Final = bytearray(MAX_USED)


def host_of(peer: str) -> str:
    """Return the host of a ``peer``: what stands before the port."""
    return peer.rpartition(":")[0]


class State(enum.Enum):
    """Where a connection stands in its life."""

    ABSENT = "absent"
    SERVED = "served"
    LEAVING = "leaving"
    LINGERING = "lingering"
    CLOSED = "closed"


PRESENT: Final = frozenset({State.ABSENT, State.SERVED})
"""States in which the others see it in its room."""


class Worker:
    """A worker process as the master sees it: pid, channel, and what it has said."""

    __slots__ = (
        "account",
        "born",
        "channel",
        "child",
        "committed",
        "conduct",
        "connection",
        "ended",
        "exitcode",
        "hung_up",
        "nick",
        "owed",
        "pid",
        "renewing",
        "room",
        "timer",
    )

    def __init__(
        self,
        pid: int,
        channel: socket.socket,
        connection: "Connection",
        nick: str,
        room: str,
        *,
        child: bool,
        careful: bool,
    ) -> None:
        self.pid = pid
        # Ours to reap; one that was adopted is not.
        self.child = child
        self.channel = channel
        # None once the worker is dismissed: whatever it still says concerns nobody.
        self.connection: Connection | None = connection
        self.born = time.monotonic()
        self.committed = False
        self.conduct = Conduct(careful=careful)
        # Its report is committed, and the acknowledgement is held back.
        self.owed = False
        # Killed by us, to be replaced.
        self.renewing = False
        self.ended = False
        # It had closed its channel, and lived.
        self.hung_up = False
        self.exitcode: int | None = None
        self.nick = nick
        self.room = room
        # Of its processor time (``cpu_watch``). None: it is not watched.
        self.timer: CpuTimer | None = None
        self.account: CpuAccount | None = None

    def has_reported(self) -> None:
        """Take note that it has done its work: whatever it dies of now, it is not that line."""
        self.committed = True
        self.conduct.settled()


class Connection:
    """One client: its socket, what goes out, how far it was read, who reads it."""

    __slots__ = (
        "budget",
        "careful",
        "carry",
        "client",
        "deadline",
        "dialect",
        "discarding",
        "exempt",
        "faults",
        "has_told",
        "host",
        "lines",
        "local_user",
        "obituaries",
        "offset",
        "opening_unlogged",
        "output",
        "peer",
        "place",
        "policy",
        "restarts",
        "secured",
        "session",
        "since",
        "state",
        "token",
        "way",
        "worker",
        "worker_asked",
    )

    def __init__(
        self, session: int, peer: str, dialect: str, output: Output, way: Way = Way.PLAIN
    ) -> None:
        self.session = session
        # None: not attached yet.
        self.client: socket.socket | None = None
        # Its address, as it is shown; of one that a proxy speaks for, the one that the proxy says.
        self.peer = peer
        # Nobody's, until the proxy has said who it is.
        self.host = "" if way & Way.PROXY else host_of(peer)
        # What it is counted by, and whether it may do as it likes (``origins``).
        self.place = ""
        self.exempt = False
        self.local_user = ""
        # What it may still say; None: nobody has looked yet (``throttle``).
        self.budget: Budget | None = None
        self.dialect = dialect
        self.way = way
        self.output = output
        self.state = State.ABSENT
        self.since = time.monotonic()
        # How far the stream is committed, in bytes; whether it stands inside a line that was too
        # long; and the beginning of the next line, if that was taken already. All that a
        # successor needs to know.
        self.offset = 0
        self.discarding = False
        self.carry = b""
        self.careful = False
        self.lines = 0
        self.restarts = 0
        self.obituaries: tuple[Obituary, ...] = ()
        # When chatd last failed at what its worker had reported (``commits``), by the loop's clock.
        self.faults: tuple[float, ...] = ()
        self.policy = RestartPolicy()
        self.worker: Worker | None = None
        # It has none, and the supervisor has been asked for one.
        self.worker_asked = False
        self.deadline: asyncio.TimerHandle | None = None
        # It was greeted, and that is to be logged when its worker is known.
        self.opening_unlogged = False
        # What its worker proves by that it is ours.
        self.token = b""
        # What is known of its encryption, and whether its worker has told this master of it.
        self.secured: Secured | None = None
        self.has_told = False

    def log_opening(self, pid: int | None) -> None:
        """Log that it was let in, and that ``pid`` is its worker's, None if it has none."""
        self.opening_unlogged = False
        note(
            "session opened",
            session=self.session,
            pid=pid,
            peer=self.peer,
            dialect=self.dialect,
        )

    @property
    def name(self) -> str:
        """By which a service manager knows its socket."""
        return session_name(self.session)

    @property
    def is_beginning(self) -> bool:
        """Tell whether nothing of its stream is committed yet."""
        return not (self.offset or self.carry or self.discarding)

    def may_tell(self, fresh: Sequence[Fresh]) -> bool:
        """Return whether its worker can know what is ``fresh``, and say so now; take note of it.

        Which certificate a client has shown only its worker knows. So it says it once, before
        there is anything of its client that could have taken it over but the handshake, and to a
        later master just the same again.
        """
        kinds = {type(known) for known in fresh}
        return len(kinds) == len(fresh) and all(map(self._may_tell, fresh))

    def _may_tell(self, known: Fresh) -> bool:
        if isinstance(known, Proxied):
            return self.way.is_proxied and self.is_beginning
        if not self.way.is_secure or self.has_told:
            return False
        self.has_told = True
        if self.secured is None and not self.lines:
            self.secured = known
        return self.secured == known

    def attach(self, client: socket.socket, rest: Sequence[bytes | memoryview]) -> None:
        """Take up the socket; ``rest`` is what a former master had still to send to it."""
        self.client = client
        self.output.attach(client, rest)

    def attached(self) -> socket.socket:
        """Return the client's socket; there must be one."""
        assert self.client is not None, "not attached"
        return self.client

    def unread(self) -> int:
        """Return how many bytes are in the socket, not taken yet (FIONREAD, tcp(7))."""
        try:
            told = fcntl.ioctl(self.attached(), termios.FIONREAD, b"    ")
        except OSError:
            return 0
        count: int = struct.unpack("i", told)[0]
        return count

    def standing(self) -> Standing:
        """Return what a worker can speak of: how much has come, and is carried."""
        return Standing(self.unread(), len(self.carry))

    def is_readable(self) -> bool:
        """Tell whether there is something for a worker to do: more to read, or the end."""
        look = select.poll()
        look.register(self.attached(), select.POLLIN | select.POLLRDHUP)
        return bool(look.poll(0))

    def consume(self, count: int) -> None:
        """Take ``count`` committed bytes out of the socket, unread."""
        self.offset += count
        skip(self.attached(), count)

    def advance(self, report: Report) -> None:
        """Go on after ``report``, which is committed."""
        self.lines += len(report.commands)
        self.discarding = report.discarding
        self.carry = report.carry
        self.consume(report.used)

    def drop_line(self, used: int) -> None:
        """Go on after a line of which ``used`` bytes are in the socket, and which nobody reads."""
        self.carry = b""
        self.consume(used)

    def look(self, count: int) -> bytes:
        """Return the next ``count`` bytes in the socket and leave them, for the quarantine."""
        try:
            return self.attached().recv(count, socket.MSG_DONTWAIT | socket.MSG_PEEK)
        except OSError:
            return b""

    def hang_up(self) -> None:
        """Shut our half of the connection down: nothing more is written."""
        self.state = State.LINGERING
        try:
            self.attached().shutdown(socket.SHUT_WR)
        except OSError:
            # Not connected any more (shutdown(2), ENOTCONN).
            self.output.broken = True

    def is_delivered(self) -> bool:
        """Tell whether the peer has acknowledged all that was written, our FIN too.

        SIOCOUTQ (tcp(7)) counts what it has not; it has the value of TIOCOUTQ. Of a relay its
        worker knows, which ends then.
        """
        if self.way.is_relay:
            return self.worker is None
        try:
            left = fcntl.ioctl(self.attached(), termios.TIOCOUTQ, b"    ")
        except OSError:
            return True
        return struct.unpack("i", left) == (0,)

    def discard(self) -> bool:
        """Discard what still comes in; return whether the client has closed its half as well.

        Of a relay its worker does, and knows.
        """
        if self.way.is_relay:
            return False
        try:
            # A bounded number of rounds: one who keeps sending must not hold the tick.
            for _ in range(16):
                if not self.attached().recv_into(_BIN, MAX_USED, _DISCARD):
                    return True
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False


def sockets_of(connections: Iterable[Connection]) -> dict[str, int]:
    """Return the clients' sockets, by name."""
    return {
        connection.name: connection.client.fileno()
        for connection in connections
        if connection.client is not None
    }


def attached(
    connections: Iterable[Connection],
) -> list[tuple[int, socket.socket, Output]]:
    """Return session, client's socket and outgoing side of those whose client is here."""
    return [(one.session, one.client, one.output) for one in connections if one.client is not None]


def skip(client: socket.socket, count: int) -> None:
    """Take ``count`` bytes that have arrived out of ``client``, unread.

    On TCP, MSG_TRUNC makes recv(2) discard instead of copy (tcp(7)). If the connection is broken
    there is nothing to be taken any more.
    """
    while count:
        try:
            got = client.recv_into(_BIN, count, _DISCARD)
        except OSError:
            return
        if not got:
            return
        count -= got


def let_go(client: socket.socket) -> None:
    """Close ``client`` for good: whoever else holds a duplicate, the peer is told of the end."""
    with contextlib.suppress(OSError):
        client.shutdown(socket.SHUT_RDWR)
    client.close()
