"""What the master knows of one session, for ``chatd inspect``: cheap, and nothing that blocks.

Of the kernel it asks what only a holder of the socket can: its counts and TCP_INFO, as they are.
What they mean (``tcp_info``), and what stands in /proc (``process_view``), is the business of the
command. What a client has said is in none of it.
"""

import contextlib
import fcntl
import os
import re
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Any, Final

from chatd_supervisor import counts
from chatd_supervisor.asking import ControlError
from chatd_supervisor.conduct import Phase
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.inspection import describe_sessions
from chatd_supervisor.rooms import Session
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.names import fold

INFO_SIZE: Final = 256
"""Bytes of ``struct tcp_info`` that are asked for; the kernel gives what it has."""

_NUMBER: Final = re.compile(r"#([0-9]{1,15})")


def find(board: Switchboard, who: str) -> Connection:
    """Return the connection of ``who``: ``#3`` is a session, ``4711`` a worker, else it is a nick.

    Raises ControlError.
    """
    number = _NUMBER.fullmatch(who)
    if number:
        found = board.connections.get(int(number[1]))
        if found is None:
            raise ControlError(f"there is no session {who}")
        return found
    if who.isdecimal():
        for connection in board.connections.values():
            if connection.worker is not None and str(connection.worker.pid) == who:
                return connection
        raise ControlError(f"no worker has the pid {who}")
    folded = fold(who)
    for session in board.hub.sessions.values():
        if session.nick and fold(session.nick) == folded and session.id in board.connections:
            return board.connections[session.id]
    raise ControlError(f"nobody is called {who}")


def examine(board: Switchboard, connection: Connection) -> dict[str, Any]:
    """Return what is known of ``connection``, as JSON can have it; sizes are in bytes."""
    session = board.hub.sessions.get(connection.session)
    (row,) = describe_sessions([connection], board.hub.sessions)
    client = connection.client
    return {
        **row,
        "person": _person(session) if session is not None else None,
        "reading": {
            "committed": connection.offset,
            "consumed": _told(client, counts.consumed),
            "unread": _told(client, _unread),
            "carried": len(connection.carry),
            "discarding": connection.discarding,
            "careful": connection.careful,
        },
        "writing": {
            "written": _told(client, counts.written),
            "unacknowledged": _told(client, _unacknowledged),
            "queued": connection.output.queued,
            "broken": connection.output.broken,
        },
        "socket": _socket(connection),
        "worker": _worker(connection.worker) if connection.worker is not None else None,
        "deaths": [death._asdict() for death in connection.obituaries],
    }


def _person(session: Session) -> dict[str, Any]:
    record = session.record
    return {
        "registered": record.registered or session.one_room,
        "user": record.user or None,
        "host": record.host,
        "rooms": {room.name: session.status(room) for room in session.rooms.values()},
        "modes": record.modes,
        "operator": record.operator or None,
        "away": bool(record.away),
        "capabilities": record.capabilities,
        "secured": record.secured or None,
        "fingerprint": record.fingerprint or None,
        "local_user": record.local_user or None,
        "signon": record.signon / 1_000_000,
    }


def _worker(worker: Worker) -> dict[str, Any]:
    return {
        "child": worker.child,
        "age": round(time.monotonic() - worker.born, 1),
        "committed": worker.committed,
        "announced": worker.conduct.announced,
        "reporting": worker.conduct.phase is Phase.REPORTED,
        "owed": worker.owed,
    }


def _socket(connection: Connection) -> dict[str, Any]:
    client = connection.client
    if client is None:
        return {"descriptor": None, "inode": None, "relay": connection.way.relay, "info": None}
    info = _told(client, _info)
    return {
        "descriptor": client.fileno(),
        "inode": os.fstat(client.fileno()).st_ino,
        "relay": connection.way.relay,
        "info": info.hex() if info is not None else None,
    }


def _told(client: socket.socket | None, ask: Callable[[socket.socket], Any]) -> Any:
    if client is not None:
        with contextlib.suppress(OSError):  # it is broken, and the kernel counts no more
            return ask(client)
    return None


def _info(client: socket.socket) -> bytes:
    return client.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, INFO_SIZE)


def _unread(client: socket.socket) -> int:
    return _count(client, termios.FIONREAD)


def _unacknowledged(client: socket.socket) -> int:
    return _count(client, termios.TIOCOUTQ)  # the value of SIOCOUTQ, tcp(7)


def _count(client: socket.socket, request: int) -> int:
    count: int = struct.unpack("i", fcntl.ioctl(client, request, b"    "))[0]
    return count
