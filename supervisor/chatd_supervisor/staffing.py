"""What a new worker is told, and what follows when one has died, beyond its successor."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from chatd_supervisor.budget import Rates
from chatd_supervisor.config import Limits
from chatd_supervisor.connections import PRESENT, Connection, Worker
from chatd_supervisor.cpu_watch import CpuWatch
from chatd_supervisor.logbook import note
from chatd_supervisor.origins import Origins
from chatd_supervisor.paths import Paths
from chatd_supervisor.quarantine import keep
from chatd_supervisor.restarts import Intensity, Verdict
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.work import Dropped
from chatd_workers.names import fold
from chatd_workers.reports import Limit, Retitle, Serve

SHOWN_POISON: Final = 40
"""Bytes of a dropped line that its client is shown."""

RELAYS: Final = {"tls": "TLS", "unix": "Unix socket"}
"""What people call the kinds of relays."""


def pace_of(connection: Connection, limits: Limits) -> Limit:
    """Return what ``limits`` are to the worker of ``connection``, which may be exempt of them."""
    return Limit(limits.line_length, 0 if connection.exempt else limits.message_rate)


def rates_of(connection: Connection, limits: Limits) -> Rates:
    """Return how much the client of ``connection`` may say, by ``limits``."""
    return Rates(0, 0) if connection.exempt else Rates(limits.message_rate, limits.byte_rate)


class Staffing:
    """Answers what ``Births`` asks."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        board: Switchboard,
        paths: Paths,
        limits: Limits,
        changed: Callable[[], None],
    ) -> None:
        """``changed`` is called when there is something new to be seen from outside."""
        self._loop = loop
        self._board = board
        self._paths = paths
        self._adoption = str(paths.adoption_socket)
        self._changed = changed
        self.limits = limits
        self.cpu_watch = CpuWatch(board.connections.values, board.condemn)
        self.intensity = Intensity(limits.max_restarts, limits.restart_period)
        # Since when more workers die than can be an accident; in seconds since the epoch.
        self.degraded_since: float | None = None
        # Where clients come from; set by whoever lets them in.
        self.origins: Origins
        # No new lines are wanted any more.
        self.stopping = False

    def hide(self, name: str) -> None:
        """Have no title name the room called ``name`` any more, which has become secret.

        Otherwise a worker is titled anew when its client has said something.
        """
        room = self._board.hub.rooms.get(fold(name))
        for member in room.members.values() if room is not None else ():
            connection = self._board.connections.get(member.id)
            worker = connection.worker if connection is not None else None
            if worker is not None and worker.room != member.place:
                worker.nick, worker.room = member.to, member.place
                self._board.order(worker, Retitle(worker.nick, worker.room))

    def orders(self, connection: Connection) -> Serve:
        """Return what the next worker of ``connection`` is told."""
        hub = self._board.hub
        pace = pace_of(connection, self.limits)
        # One who is about to arrive has no nick yet, and one who leaves has none any more.
        session = hub.sessions.get(connection.session)
        return Serve(
            session=connection.session,
            peer=connection.peer,
            dialect=connection.dialect,
            nick=session.to if session else hub.nick_to_be(connection.dialect),
            room=session.place if session else hub.place_to_be(connection.dialect),
            line_length=pace.line_length,
            offset=connection.offset,
            discarding=connection.discarding,
            carry=connection.carry,
            careful=connection.careful,
            token=connection.token,
            adoption=self._adoption,
            message_rate=pace.message_rate,
            beginning=connection.is_beginning,
            proxied=connection.way.is_proxied,
            relay=connection.way.relay,
        )

    def network_of(self, session: int) -> str:
        """Return the network that ``session`` is counted by; empty: limits are not for it."""
        connection = self._board.connections.get(session)
        return "" if connection is None or connection.exempt else connection.place

    def process_of(self, session: int) -> tuple[int, int]:
        """Return the pid of the worker of ``session``, or 0, and how many it has had before."""
        connection = self._board.connections.get(session)
        if connection is None:
            return 0, 0
        return connection.worker.pid if connection.worker is not None else 0, connection.restarts

    def born(self, worker: Worker) -> None:
        """Welcome a new ``worker``."""
        connection = worker.connection
        if connection is not None and connection.opening_unlogged:
            connection.log_opening(worker.pid)
        self._board.attend(worker)
        self.cpu_watch.watch(worker)
        self._changed()
        if self.stopping:
            self._board.drain(worker)

    def judged(self, connection: Connection, verdict: Verdict) -> None:
        """Do what follows from a death, according to ``verdict``."""
        board = self._board
        if verdict.drop is not None:
            offset = connection.offset - len(connection.carry)
            line = connection.carry + connection.look(verdict.drop)
            keep(self._paths.quarantine_dir, connection.session, offset, line)
            shown = line[:SHOWN_POISON].decode("ascii", "backslashreplace").rstrip()
            board.commits.add(Dropped(connection, verdict.drop, shown))
        if verdict.close:
            reason = "what was sent keeps crashing its reader"
            board.leave(connection, reason, farewell=reason)
        board.commit()
        now = time.monotonic()
        if verdict.blamed and self.origins.blame(connection, now):
            note("address kept out", place=connection.place, seconds=self.limits.crash_penalty)
        self.intensity.note(now)
        self._watch()

    def severed(self, connection: Connection, how: str) -> None:
        """Let go of ``connection``, whose worker has ended and cannot be replaced."""
        board = self._board
        if connection.state in PRESENT:
            word = RELAYS[connection.way.relay]
            board.leave(connection, f"its {word} worker {how}", farewell=None)
            board.commit()
        if connection.state not in PRESENT:
            # It has said all there was to say, or cannot any more.
            board.close(connection)

    def _watch(self) -> None:
        intensity = self.intensity
        now = time.monotonic()
        if intensity.exceeded(now):
            if self.degraded_since is None:
                self.degraded_since = time.time()
                note("degraded", deaths=intensity.max_restarts, seconds=intensity.period)
                self._loop.call_later(intensity.until_calm(now), self._watch)
                self._changed()
        elif self.degraded_since is not None:
            self.degraded_since = None
            note("no longer degraded")
            self._changed()
