"""A client's connection as the master holds it, and the life it leads.

====================  ========================  ===========================================
in this state         when this happens         then
====================  ========================  ===========================================
SERVED                its worker died           a successor, at once or after a delay
SERVED                its stream ended          LEAVING: others are told, its worker dismissed
SERVED                it asked to quit, was     LEAVING, and its last line says why
                      too slow, or we stop
LEAVING               its queue is written      LINGERING: our half is shut down
LEAVING, LINGERING    its deadline has passed   CLOSED
LINGERING             it has closed as well     CLOSED
====================  ========================  ===========================================

Lingering is what makes a close polite: closing a socket that holds unread bytes sends a reset
(RFC 1122, section 4.2.2.13), and a reset takes away from the client what it has not read yet, the
reason it was closed for among it. So what still comes in is discarded, unread, until it stops.
"""

import asyncio
import enum
import fcntl
import socket
import struct
import termios
import time
from typing import Final

from chatd_supervisor.egress import Output
from chatd_supervisor.restarts import RestartPolicy
from chatd_workers.reports import MAX_USED

_DISCARD: Final = socket.MSG_TRUNC | socket.MSG_DONTWAIT
_BIN: Final = bytearray(MAX_USED)


class State(enum.Enum):
    """Where a connection stands in its life."""

    SERVED = "served"
    LEAVING = "leaving"
    LINGERING = "lingering"
    CLOSED = "closed"


class Worker:
    """A worker process as the master sees it: pid, channel, and what it has said."""

    __slots__ = (
        "announced",
        "born",
        "channel",
        "committed",
        "connection",
        "drained",
        "ended",
        "exitcode",
        "nick",
        "pid",
        "reporting",
        "room",
    )

    def __init__(
        self, pid: int, channel: socket.socket, connection: "Connection", nick: str, room: str
    ) -> None:
        self.pid = pid
        self.channel = channel
        # None once the worker is dismissed: whatever it still says concerns nobody.
        self.connection: Connection | None = connection
        self.born = time.monotonic()
        self.committed = False
        self.announced: int | None = None
        # A report is waiting for its acknowledgement; another one would be a violation.
        self.reporting = False
        self.drained = False
        self.ended = False
        self.exitcode: int | None = None
        self.nick = nick
        self.room = room


class Connection:
    """One client: its socket, what goes out, how far it was read, who reads it."""

    __slots__ = (
        "careful",
        "carry",
        "deadline",
        "dialect",
        "discarding",
        "host",
        "lines",
        "offset",
        "output",
        "peer",
        "policy",
        "restarts",
        "session",
        "since",
        "socket",
        "state",
        "worker",
    )

    def __init__(
        self, session: int, client: socket.socket, peer: str, dialect: str, output: Output
    ) -> None:
        self.session = session
        self.socket = client
        self.peer = peer
        self.host = peer.rpartition(":")[0]
        self.dialect = dialect
        self.output = output
        self.state = State.SERVED
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
        self.policy = RestartPolicy()
        self.worker: Worker | None = None
        self.deadline: asyncio.TimerHandle | None = None

    def consume(self, count: int) -> int:
        """Take ``count`` committed bytes out of the socket, unread; return how many were there.

        On TCP, MSG_TRUNC makes recv(2) discard instead of copy (tcp(7)).
        """
        taken = 0
        while taken < count:
            try:
                got = self.socket.recv_into(_BIN, count - taken, _DISCARD)
            except OSError:
                break
            if not got:
                break
            taken += got
        self.offset += taken
        return taken

    def take(self, count: int) -> bytes:
        """Take ``count`` bytes out of the socket and return them, for the quarantine."""
        try:
            data = self.socket.recv(count, socket.MSG_DONTWAIT)
        except OSError:
            data = b""
        self.offset += len(data)
        return data

    def hang_up(self) -> None:
        """Shut our half of the connection down: nothing more is written."""
        self.state = State.LINGERING
        try:
            self.socket.shutdown(socket.SHUT_WR)
        except OSError:
            # Not connected any more (shutdown(2), ENOTCONN).
            self.output.broken = True

    def is_delivered(self) -> bool:
        """Tell whether the peer has acknowledged all that was written, our FIN too.

        SIOCOUTQ (tcp(7)) counts what it has not; it has the value of TIOCOUTQ.
        """
        try:
            left = fcntl.ioctl(self.socket, termios.TIOCOUTQ, b"    ")
        except OSError:
            return True
        return struct.unpack("i", left) == (0,)

    def discard(self) -> bool:
        """Discard what still comes in; return whether the client has closed its half as well."""
        try:
            # A bounded number of rounds: one who keeps sending must not hold the tick.
            for _ in range(16):
                if not self.socket.recv_into(_BIN, MAX_USED, _DISCARD):
                    return True
        except BlockingIOError:
            return False
        except OSError:
            return True
        return False
