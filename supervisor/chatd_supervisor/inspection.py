"""What a running master shows of itself: its title, ``chatd status``, ``chatd ps``."""

import os
import time
from collections.abc import Iterable, Mapping
from typing import Any

from chatd_supervisor import __version__
from chatd_supervisor.amounts import amount
from chatd_supervisor.births import Births
from chatd_supervisor.config import Config
from chatd_supervisor.connections import Connection, State
from chatd_supervisor.listeners import Listener
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.paths import Paths
from chatd_supervisor.privileges import user_name
from chatd_supervisor.reception import Reception
from chatd_supervisor.rooms import Session
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.upgrading import Launch, Upgrade
from chatd_workers.titles import clip, printable


def master_title(listeners: Iterable[Listener], clients: int, state: str) -> str:
    """Return ``chatd: master 127.0.0.1:5015 3 clients``; a state but serving stands before it."""
    words = ["chatd: master"]
    if state != "serving":
        words.append(state)
    words += [printable(listener.address) for listener in listeners]
    words.append(amount(clients, "client"))
    return clip(" ".join(words))


def shown_state(state: str, board: Switchboard, degraded_since: float | None) -> str:
    """Return the ``state`` of a master, or what is wrong with it while it is serving."""
    if state == "serving" and board.commits.since_stuck:
        return "unwritable"
    if state == "serving" and degraded_since is not None:
        return "degraded"
    return state


def describe_program(
    config: Config, paths: Paths, launch: Launch, upgrade: Upgrade
) -> dict[str, Any]:
    """Return what ``chatd status`` shows of the process, and of how it was started."""
    parent, store = launch.parent, launch.store
    return {
        "pid": os.getpid(),
        "user": user_name(os.geteuid()),
        "version": __version__,
        "name": config.server.name,
        "network": config.server.network,
        "runtime_dir": str(paths.runtime_dir),
        "state_dir": str(paths.state_dir),
        "options": launch.options,
        "supervisor": parent.pid if parent is not None else None,
        "supervised": parent is not None or (store is not None and store.is_there),
        "started": launch.started,
        "generation": upgrade.generation,
        "config_error": launch.last_good.error or None,
        "upgrade": upgrade.state,
        "upgrade_failure": upgrade.failure or None,
    }


def describe_listener(listener: Listener) -> dict[str, Any]:
    """Return what ``chatd status`` shows of a listener."""
    return {
        "address": listener.address,
        "dialect": listener.listen.dialect,
        "way": listener.way.words,
        "certificate": _describe_certificate(listener),
    }


def _describe_certificate(listener: Listener) -> dict[str, Any] | None:
    """Return until when the certificate is valid, and what is to be said of that, if anything."""
    if listener.certificate is None or listener.certificate.validity is None:
        return None
    validity, now = listener.certificate.validity, time.time()
    return {
        "expires": validity.ends,
        "days": validity.days(now),
        "warning": validity.sentence(now) or None,
    }


def describe_work(board: Switchboard, births: Births, reception: Reception) -> dict[str, Any]:
    """Return how many there are of everything, and what has been counted since the start."""
    connections = board.connections.values()
    return {
        "unwritable": board.commits.stuck or None,
        "clients": len(connections),
        "absent": sum(connection.state is State.ABSENT for connection in connections),
        "rooms": len(board.hub.rooms),
        "served": MEASURES.opened,
        "refused": MEASURES.refused.total(),
        "births": births.births,
        "deaths": MEASURES.deaths.total(),
        "restarts": births.restarts,
        "adopted": births.adopted,
        "lines": board.lines,
        "deliveries": board.egress.deliveries,
        "ticks": board.commits.tick,
        "room_for": reception.room_for,
    }


def describe_sessions(
    connections: Iterable[Connection], sessions: Mapping[int, Session]
) -> list[dict[str, Any]]:
    """Return what ``chatd ps`` shows, one client each; ages in seconds, queues in bytes.

    A client that is being closed has no nick or room any more, and perhaps no process. Idle is
    since it last said something to somebody, as WHOIS tells it.
    """
    now = time.monotonic()
    clock = time.time_ns() // 1000
    rows = []
    for connection in connections:
        session = sessions.get(connection.session)
        rows.append(
            {
                "session": connection.session,
                "pid": connection.worker.pid if connection.worker else None,
                "nick": session.nick if session else None,
                "account": (session.record.account or None) if session else None,
                "peer": connection.peer,
                "dialect": connection.dialect,
                "way": connection.way.words,
                "room": session.whereabouts if session else None,
                "age": round(now - connection.since, 1),
                "idle": round(session.silent_for(clock, now), 1) if session else None,
                "lines": connection.lines,
                "restarts": connection.restarts,
                "queue": connection.output.queued,
                "state": connection.state.value,
            }
        )
    return rows
