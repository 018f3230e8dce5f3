"""What a running master shows of itself: its title, ``chatd status``, ``chatd ps``."""

import time
from collections.abc import Iterable, Mapping
from typing import Any

from chatd_supervisor.connections import Connection
from chatd_supervisor.hub import Session
from chatd_supervisor.listeners import Listener
from chatd_workers.titles import clip, printable


def master_title(listeners: Iterable[Listener], clients: int, state: str) -> str:
    """Return ``chatd: master 127.0.0.1:5015 3 clients``; a state but serving stands before it."""
    words = ["chatd: master"]
    if state != "serving":
        words.append(state)
    words += [printable(listener.address) for listener in listeners]
    words.append(f"{clients} client{'' if clients == 1 else 's'}")
    return clip(" ".join(words))


def describe_listener(listener: Listener) -> dict[str, Any]:
    """Return what ``chatd status`` shows of a listener."""
    return {"address": listener.address, "dialect": listener.listen.dialect}


def describe_sessions(
    connections: Iterable[Connection], sessions: Mapping[int, Session]
) -> list[dict[str, Any]]:
    """Return what ``chatd ps`` shows, one client each; ages in seconds, queues in bytes.

    A client that is being closed has no nick or room any more, and perhaps no process.
    """
    now = time.monotonic()
    rows = []
    for connection in connections:
        session = sessions.get(connection.session)
        rows.append(
            {
                "session": connection.session,
                "pid": connection.worker.pid if connection.worker else None,
                "nick": session.nick if session else None,
                "peer": connection.peer,
                "dialect": connection.dialect,
                "room": session.room.name if session else None,
                "age": round(now - connection.since, 1),
                "lines": connection.lines,
                "restarts": connection.restarts,
                "queue": connection.output.queued,
                "state": connection.state.value,
            }
        )
    return rows
