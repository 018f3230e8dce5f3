"""The master: accepts, orders, writes, and sees to it that every client has its worker.

One process, one thread (it forks), one asyncio loop that never blocks. This module starts and
stops things and answers questions about them; the work is in ``switchboard`` (the tick),
``births`` (workers), ``hub`` (rooms), ``egress`` (writing) and ``listeners``.
"""

import asyncio
import contextlib
import gc
import logging
import os
import resource
import signal
import socket
import time
import traceback
from collections import Counter
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

import setproctitle

from chatd_supervisor import __version__
from chatd_supervisor.births import Births
from chatd_supervisor.config import Config
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.control import ControlError, ControlServer
from chatd_supervisor.hub import Hub, Rules
from chatd_supervisor.listeners import Listener, prepare
from chatd_supervisor.paths import Paths
from chatd_supervisor.quarantine import keep
from chatd_supervisor.restarts import Intensity, Verdict
from chatd_supervisor.switchboard import Switchboard
from chatd_workers.commands import Arrive, Depart, Refuse
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Closing
from chatd_workers.rehearsal import rehearse
from chatd_workers.reports import Drain, Limit, Serve
from chatd_workers.titles import clip, printable

log = logging.getLogger("chatd")

RESERVED_DESCRIPTORS: Final = 64
"""Kept for listeners, the control socket, logs and accepting somebody to say that it is full."""

DESCRIPTORS_PER_CLIENT: Final = 2
"""A duplicate of the client's socket, and the channel to its worker."""

SHOWN_POISON: Final = 40
"""Bytes of a dropped line that its client is shown."""


class Master:
    """The server: everything that one master process holds."""

    def __init__(self, config: Config, paths: Paths, load_config: Callable[[], Config]) -> None:
        self._config = config
        self._paths = paths
        self._load_config = load_config
        self._listeners: dict[tuple[str, str], Listener] = {}
        self._by_host: Counter[str] = Counter()
        self._sessions = 0
        self._refused = 0
        self._served = 0
        self._state = "serving"
        self._degraded_since: float | None = None
        self._started = time.time()
        self._titled = ""
        self._title_due = False

    def run(self, ready: Callable[[], None]) -> int:
        """Serve until told to stop; return the exit code.

        ``ready`` is called once, when clients can connect. Raises ListenError if an address cannot
        be listened on, OSError if the control socket cannot be made.
        """
        return asyncio.run(self._main(ready))

    async def _main(self, ready: Callable[[], None]) -> int:
        self._loop = asyncio.get_running_loop()
        self._stopped = asyncio.Event()
        self._all_drained = asyncio.Event()
        self._all_closed = asyncio.Event()
        self._room_for = (_raise_descriptor_limit() - RESERVED_DESCRIPTORS) // (
            DESCRIPTORS_PER_CLIENT
        )
        limits = self._config.limits
        self._switchboard = Switchboard(
            self._loop,
            Hub(rules_of(self._config)),
            send_queue=limits.send_queue,
            closed=self._closed,
            drained=self._check_drained,
        )
        self._births = self._switchboard.births = Births(
            self._loop,
            Intensity(limits.max_restarts, limits.restart_period),
            orders=self._orders,
            born=self._born,
            judged=self._judged,
        )
        control = ControlServer(self._paths.control_socket, self._answer)
        try:
            self._listen(self._config)
            await control.start()
            self._handle_signals()
            # What exists now lives as long as the master: never look at it again, so that the
            # pages it is in stay shared with every worker.
            rehearse(tuple(DIALECTS))
            gc.collect()
            gc.freeze()
            self._retitle()
            ready()
            await self._stopped.wait()
            await self._wind_down()
        finally:
            for listener in self._listeners.values():
                listener.close()
            control.close()
            self._switchboard.shut()
        log.info("stopped")
        return os.EX_OK

    def _handle_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._stop_on, number)
        self._loop.add_signal_handler(signal.SIGHUP, self._reload_on_hangup)
        self._loop.add_signal_handler(signal.SIGCHLD, self._births.reap)
        # Not through the loop: the stack is to show where the master is, above all when it hangs.
        signal.signal(signal.SIGUSR1, self._trace)

    # Accepting

    def _listen(self, config: Config) -> None:
        wanted = {(listen.address, listen.dialect): listen for listen in config.listen}
        opened: dict[tuple[str, str], Listener] = {}
        try:
            for key, listen in wanted.items():
                if key not in self._listeners:
                    opened[key] = Listener(
                        listen, config.limits.accept_backlog, self._loop, self._accepted
                    )
        except OSError:
            for listener in opened.values():
                listener.close()
            raise
        for key in self._listeners.keys() - wanted.keys():
            log.info("no longer listening on %s", self._listeners[key].address)
            self._listeners.pop(key).close()
        for listener in opened.values():
            listener.open()
            log.info("listening on %s (%s)", listener.address, listener.listen.dialect)
        self._listeners |= opened

    def _accepted(self, listener: Listener, client: socket.socket, peer: str) -> None:
        refusal = self._refusal(peer)
        try:
            prepare(client)
        except OSError:
            client.close()
            return
        self._sessions += 1
        board = self._switchboard
        dialect = listener.listen.dialect
        connection = Connection(
            self._sessions, client, peer, dialect, board.output(self._sessions, client)
        )
        if refusal:
            self._refuse(connection, refusal)
            return
        arrival = board.hub.apply(connection.session, Arrive(dialect))
        board.enter(connection)
        try:
            self._births.give(connection)
        except OSError as error:
            board.forget(connection)
            board.hub.apply(connection.session, Depart(""))
            self._refuse(connection, "the server has no room for another process, try again later")
            listener.rest(error)
            return
        self._by_host[connection.host] += 1
        self._served += 1
        pid = connection.worker.pid if connection.worker else 0
        log.info("session %d: %s on %s, worker %d", connection.session, peer, dialect, pid)
        board.follow(connection, arrival)
        board.flush()
        self._retitle_soon()

    def _refusal(self, peer: str) -> str:
        limits = self._config.limits
        count = len(self._switchboard.connections)
        if count >= self._room_for or (limits.max_clients and count >= limits.max_clients):
            return "the server is full, try again later"
        host = peer.rpartition(":")[0]
        most = limits.max_clients_per_address
        if most and self._by_host[host] >= most:
            return f"{most} connections from {host} are the limit"
        return ""

    def _refuse(self, connection: Connection, reason: str) -> None:
        self._refused += 1
        # Once a second at the most: a storm of them must not become a storm of log lines.
        log.debug("%s refused: %s", connection.peer, reason)
        with contextlib.suppress(OSError):
            connection.socket.send(DIALECTS[connection.dialect].write(Closing(reason)))
            # It is told before it has said anything: mostly nothing is unread, so no reset.
            connection.hang_up()
            connection.discard()
        connection.socket.close()

    def _closed(self, connection: Connection) -> None:
        self._by_host[connection.host] -= 1
        if not self._by_host[connection.host]:
            del self._by_host[connection.host]
        if self._state == "stopping":
            self._check_drained()
            if not self._switchboard.connections:
                self._all_closed.set()
        self._retitle_soon()

    # Workers

    def _orders(self, connection: Connection) -> Serve:
        session = self._switchboard.hub.sessions[connection.session]
        return Serve(
            session=connection.session,
            peer=connection.peer,
            dialect=connection.dialect,
            nick=session.nick,
            room=session.room.name,
            line_length=self._config.limits.line_length,
            discarding=connection.discarding,
            careful=connection.careful,
        )

    def _born(self, worker: Worker) -> None:
        self._switchboard.attend(worker)
        if self._state == "stopping":
            self._switchboard.order(worker, Drain())

    def _judged(self, connection: Connection, verdict: Verdict) -> None:
        board = self._switchboard
        if verdict.drop:
            offset = connection.offset
            line = connection.take(verdict.drop)
            keep(self._paths.quarantine_dir, connection.session, offset, line)
            shown = line[:SHOWN_POISON].decode("ascii", "backslashreplace").rstrip()
            board.apply(connection, Refuse("line-crashed", shown))
        if verdict.close:
            reason = "what was sent keeps crashing its reader"
            board.leave(connection, reason, farewell=reason)
        board.flush()
        self._watch_intensity()

    def _watch_intensity(self) -> None:
        intensity = self._births.intensity
        now = time.monotonic()
        if intensity.exceeded(now):
            if self._degraded_since is None:
                self._degraded_since = time.time()
                log.error(
                    "degraded: more than %d workers died in %g s",
                    intensity.max_restarts,
                    intensity.period,
                )
                self._loop.call_later(intensity.until_calm(now), self._watch_intensity)
                self._retitle_soon()
        elif self._degraded_since is not None:
            self._degraded_since = None
            log.warning("no longer degraded")
            self._retitle_soon()

    # Stopping

    def stop(self) -> None:
        """Begin a graceful stop: what has arrived by now is still said, then everybody is told."""
        if self._state == "stopping":
            return
        self._state = "stopping"
        self._stopped.set()

    def _stop_on(self, number: int) -> None:
        log.info("stopping on %s", signal.Signals(number).name)
        self.stop()

    async def _wind_down(self) -> None:
        """Take what has arrived, tell everybody, let them read it, see the workers off."""
        self._retitle()
        board = self._switchboard
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        deadline = self._loop.time() + self._config.limits.stop_timeout
        for connection in board.connections.values():
            if connection.worker is not None:
                board.order(connection.worker, Drain())
        self._check_drained()
        await _until(self._all_drained, deadline - self._config.limits.stop_timeout / 2)
        board.dissolve("the server is stopping")
        if board.connections:
            await _until(self._all_closed, deadline)
        for connection in list(board.connections.values()):
            board.close(connection)
        while self._births.children:
            self._births.reap()
            await asyncio.sleep(0.01)

    def _check_drained(self) -> None:
        if all(
            connection.state is not State.SERVED
            or (connection.worker is not None and connection.worker.drained)
            for connection in self._switchboard.connections.values()
        ):
            self._all_drained.set()

    # Reloading

    def reload(self) -> list[str]:
        """Read the configuration again and live by it, without dropping anybody.

        Returns warnings about what cannot change while running. Raises ConfigError or ListenError,
        and then everything stays as it was.
        """
        config = self._load_config()
        self._listen(config)
        old, self._config = self._config, config
        limits = config.limits
        board = self._switchboard
        board.hub.rules = rules_of(config)
        board.send_queue = limits.send_queue
        self._births.intensity.max_restarts = limits.max_restarts
        self._births.intensity.period = limits.restart_period
        if limits.line_length != old.limits.line_length:
            for connection in board.connections.values():
                if connection.worker is not None:
                    board.order(connection.worker, Limit(limits.line_length))
        logging.getLogger("chatd").setLevel(config.server.log_level.upper())
        self._retitle_soon()
        warnings = [
            f"server.{key} changes only with a restart"
            for key in ("runtime_dir", "state_dir")
            if getattr(config.server, key) != getattr(old.server, key)
        ]
        for warning in warnings:
            log.warning("%s", warning)
        log.info("configuration reloaded")
        return warnings

    def _reload_on_hangup(self) -> None:
        try:
            self.reload()
        except (OSError, ValueError) as error:
            log.error("not reloaded, everything stays as it was: %s", error)

    # Looking inside

    def status(self) -> dict[str, Any]:
        """Return what ``chatd status`` shows; JSON-able, times in seconds since the epoch."""
        board = self._switchboard
        return {
            "pid": os.getpid(),
            "version": __version__,
            "name": self._config.server.name,
            "network": self._config.server.network,
            "state": self._shown_state(),
            "degraded_since": self._degraded_since,
            "started": self._started,
            "listen": [
                {"address": listener.address, "dialect": listener.listen.dialect}
                for listener in self._listeners.values()
            ],
            "clients": len(board.connections),
            "rooms": len(board.hub.rooms),
            "served": self._served,
            "refused": self._refused,
            "births": self._births.births,
            "deaths": self._births.deaths,
            "restarts": self._births.restarts,
            "lines": board.lines,
            "deliveries": board.egress.deliveries,
            "room_for": self._room_for,
        }

    def sessions(self) -> list[dict[str, Any]]:
        """Return what ``chatd ps`` shows, one client each; ages in seconds, queues in bytes."""
        hub = self._switchboard.hub
        now = time.monotonic()
        rows = []
        for connection in self._switchboard.connections.values():
            session = hub.sessions.get(connection.session)
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

    def _answer(self, request: str, _arguments: dict[str, Any]) -> dict[str, Any]:
        match request:
            case "status":
                return self.status()
            case "ps":
                return {"sessions": self.sessions()}
            case "reload":
                try:
                    return {"warnings": self.reload()}
                except (OSError, ValueError) as error:
                    raise ControlError(str(error)) from error
            case "stop":
                log.info("stopping on request")
                self.stop()
                return {"pid": os.getpid()}
        raise ControlError(f"no such request: {request}")

    def _shown_state(self) -> str:
        if self._degraded_since is not None and self._state == "serving":
            return "degraded"
        return self._state

    def _retitle_soon(self) -> None:
        if not self._title_due:
            self._title_due = True
            self._loop.call_soon(self._retitle)

    def _retitle(self) -> None:
        self._title_due = False
        addresses = " ".join(listener.address for listener in self._listeners.values())
        count = len(self._switchboard.connections)
        state = self._shown_state()
        title = f"chatd: master {printable(addresses)} {count} client{'' if count == 1 else 's'}"
        if state != "serving":
            title = f"chatd: master {state} {printable(addresses)} {count} clients"
        if title != self._titled:
            self._titled = title
            setproctitle.setproctitle(clip(title))

    def _trace(self, _signal: int, frame: FrameType | None) -> None:
        stack = "".join(traceback.format_stack(frame))
        log.warning("master: %s\n%s", self.status(), stack)


def rules_of(config: Config) -> Rules:
    """Return the hub's rules in ``config``."""
    limits = config.limits
    return Rules(
        server=config.server.name,
        nick_length=limits.nick_length,
        room_length=limits.room_length,
        topic_length=limits.topic_length,
        max_rooms=limits.max_rooms,
        announce_members=limits.announce_members,
    )


def _raise_descriptor_limit() -> int:
    """Raise the soft limit on descriptors to the hard one and return it (getrlimit(2))."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return hard if hard != resource.RLIM_INFINITY else 1 << 20


async def _until(event: asyncio.Event, deadline: float) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(deadline):
            await event.wait()
