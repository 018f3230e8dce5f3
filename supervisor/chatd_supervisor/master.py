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
import time
import traceback
from collections.abc import Callable
from functools import partial
from types import FrameType
from typing import Any, Final

import setproctitle

from chatd_supervisor import __version__
from chatd_supervisor.births import Births
from chatd_supervisor.config import Config
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.control import ControlError, ControlServer
from chatd_supervisor.hub import Hub, Rules
from chatd_supervisor.inspection import describe_listener, describe_sessions, master_title
from chatd_supervisor.listeners import Listener
from chatd_supervisor.paths import Paths
from chatd_supervisor.quarantine import keep
from chatd_supervisor.reception import Reception
from chatd_supervisor.restarts import Intensity, Verdict
from chatd_supervisor.signals import Signals
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.winding_down import wind_down
from chatd_workers.commands import Refuse
from chatd_workers.dialects import DIALECTS
from chatd_workers.rehearsal import rehearse
from chatd_workers.reports import Drain, Limit, Serve

log = logging.getLogger("chatd")

RESERVED_DESCRIPTORS: Final = 64
"""Kept for listeners, the control socket, logs and accepting somebody to say that it is full."""

DESCRIPTORS_PER_CLIENT: Final = 2
"""A duplicate of the client's socket, and the channel to its worker."""

TITLE_DELAY: Final = 0.1
"""Seconds until the master's title tells what has changed."""

SHOWN_POISON: Final = 40
"""Bytes of a dropped line that its client is shown."""


class Master:
    """The server: everything that one master process holds."""

    def __init__(self, config: Config, paths: Paths, load_config: Callable[[], Config]) -> None:
        self._config = config
        self._paths = paths
        self._load_config = load_config
        self._listeners: dict[tuple[str, str], Listener] = {}
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
        limits = self._config.limits
        self._switchboard = Switchboard(
            self._loop,
            Hub(rules_of(self._config)),
            send_queue=limits.send_queue,
            closed=self._closed,
        )
        self._births = self._switchboard.births = Births(
            self._loop,
            Intensity(limits.max_restarts, limits.restart_period),
            orders=self._orders,
            born=self._born,
            judged=self._judged,
        )
        self._reception = Reception(self._switchboard, self._births, limits, _room_for())
        control = ControlServer(self._paths.control_socket, self._answer)
        try:
            self._listen(self._config)
            await control.start()
            with contextlib.closing(self._handle_signals()):
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

    def _handle_signals(self) -> Signals:
        signals = Signals(
            self._loop,
            {
                signal.SIGTERM: partial(self._stop_on, signal.SIGTERM),
                signal.SIGINT: partial(self._stop_on, signal.SIGINT),
                signal.SIGHUP: self._reload_on_hangup,
                signal.SIGCHLD: self._births.reap,
            },
        )
        # Not through the loop: the stack is to show where the master is, above all when it hangs.
        signal.signal(signal.SIGUSR1, self._trace)
        return signals

    # Accepting

    def _listen(self, config: Config) -> None:
        wanted = {(listen.address, listen.dialect): listen for listen in config.listen}
        opened: dict[tuple[str, str], Listener] = {}
        try:
            for key, listen in wanted.items():
                if key not in self._listeners:
                    opened[key] = Listener(
                        listen, config.limits.accept_backlog, self._loop, self._reception.receive
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

    def _closed(self, connection: Connection) -> None:
        self._reception.see_off(connection)
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
            carry=connection.carry,
            careful=connection.careful,
        )

    def _born(self, worker: Worker) -> None:
        self._switchboard.attend(worker)
        self._retitle_soon()
        if self._state == "stopping":
            self._switchboard.order(worker, Drain())

    def _judged(self, connection: Connection, verdict: Verdict) -> None:
        board = self._switchboard
        if verdict.drop is not None:
            offset = connection.offset - len(connection.carry)
            line = connection.carry + connection.take(verdict.drop)
            connection.carry = b""
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
        self._retitle()
        for listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        await wind_down(self._switchboard, self._births, self._config.limits.stop_timeout)

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
        self._reception.limits = limits
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
            "listen": [describe_listener(one) for one in self._listeners.values()],
            "clients": len(board.connections),
            "rooms": len(board.hub.rooms),
            "served": self._reception.served,
            "refused": self._reception.refused,
            "births": self._births.births,
            "deaths": self._births.deaths,
            "restarts": self._births.restarts,
            "lines": board.lines,
            "deliveries": board.egress.deliveries,
            "room_for": self._reception.room_for,
        }

    def sessions(self) -> list[dict[str, Any]]:
        """Return what ``chatd ps`` shows, one client each; ages in seconds, queues in bytes."""
        board = self._switchboard
        return describe_sessions(board.connections.values(), board.hub.sessions)

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
            # Not for each of many at once: it is for people to look at.
            self._loop.call_later(TITLE_DELAY, self._retitle)

    def _retitle(self) -> None:
        self._title_due = False
        title = master_title(
            self._listeners.values(), len(self._switchboard.connections), self._shown_state()
        )
        if title != self._titled:
            self._titled = title
            setproctitle.setproctitle(title)

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


def _room_for() -> int:
    """Raise the limit on descriptors to the most we may have; return how many clients that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (hard - RESERVED_DESCRIPTORS) // DESCRIPTORS_PER_CLIENT
