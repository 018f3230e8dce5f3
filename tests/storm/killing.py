"""Who is killed in a storm, and when: workers at any time, the master now and then.

A client's socket lives as long as somebody holds it. Under a supervisor there are three who do:
it, the master and the worker, and any two of them may be killed at once. Without one, whoever
kills the master must spare the workers until there is another, and must not kill it while a
worker is missing. Then what only the master holds is lost with it: who has just connected, and
who has closed its half and is being let go.

A supervisor that is killed is replaced by its master, which must live for that, and has to pass on
all it holds: until then the master is spared. So no supervisor is killed while there is no master.
"""

import os
import random
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from chatd_supervisor.asking import ControlError, ask
from harness import NURSERY, Server
from storm.figures import Figures
from storm.processes import children, kill, title

ALL_AT_ONCE: Final = 20.0
"""Seconds between two kills of all workers, on average."""

SOON_AFTER: Final = 0.2
"""How often the next master is killed within so many seconds: while it starts, or takes over."""
SOON: Final = 0.6

LOOK: Final = 0.05
"""Seconds between two looks at whether everybody has a worker."""


class Killing(Protocol):
    """What a storm asks of whoever kills."""

    @property
    def last_strike(self) -> float:
        """When a master was killed last."""

    @property
    def is_open(self) -> bool:
        """Whether somebody listens."""

    def strike(self, now: float) -> bool:
        """Kill whoever is due; return whether the master was."""

    def is_done(self) -> bool:
        """Tell whether everybody has been killed who is to be."""

    def rest(self, now: float) -> bool:
        """Kill nobody any more; return whether there is a master."""


class Killer:
    """Kills the processes of a server at random."""

    def __init__(
        self,
        server: Server,
        figures: Figures,
        dice: random.Random,
        *,
        kills: float,
        master_every: float,
        supervisor_every: float = 0,
    ) -> None:
        """``kills``: workers a second; the others: seconds between two masters, and supervisors.

        0: none.
        """
        self._server = server
        self._figures = figures
        self._dice = dice
        self._kills = kills
        self._master_every = master_every
        self._supervisor_every = supervisor_every
        self._next_supervisor: float | None = None
        # The one that was killed, until the next one has all.
        self._killed_supervisor = 0
        self._next_worker: float | None = None
        self._next_master: float | None = None
        self._next_look = 0.0
        # Without a supervisor: whether no worker may be killed, and since when none was missing.
        self._sparing = False
        self._last_strike = 0.0

    @property
    def last_strike(self) -> float:
        """When a master was killed last."""
        return self._last_strike

    @property
    def is_open(self) -> bool:
        """Whether somebody listens."""
        return self._server.supervised or (self._server.master > 0 and self._server.is_ready())

    def strike(self, now: float) -> bool:
        """Kill whoever is due; return whether the master was."""
        if self._next_worker is None:
            self._next_worker = now
            self._plan(now)
            if self._supervisor_every:
                self._plan_supervisor(now)
        struck = False
        if self._next_supervisor is not None and now >= self._next_supervisor:
            self._strike_supervisor(now)
        due = self._next_master is not None and now >= self._next_master
        if due and self._is_supervised(now):
            struck = self._strike_master(now)
        if self._sparing:
            self._look(now)
        while self._kills and self._next_worker <= now:
            self._next_worker += 1 / self._kills
            if not self._sparing:
                self._strike_workers()
        return struck

    def is_done(self) -> bool:
        """Tell that the time alone decides."""
        return True

    def rest(self, now: float) -> bool:
        """Kill nobody any more; return whether there is a master."""
        self._next_master = self._next_supervisor = None
        if self._sparing:
            self._look(now)
        if not self._is_supervised(now):
            return False
        return self._server.master > 0 and self._server.is_ready()

    def _plan(self, now: float) -> None:
        if self._master_every:
            self._next_master = now + self._master_every * self._dice.uniform(0.5, 1.5)

    # The supervisor

    def _plan_supervisor(self, now: float) -> None:
        self._next_supervisor = now + self._supervisor_every * self._dice.uniform(0.5, 1.5)

    def _strike_supervisor(self, now: float) -> None:
        server = self._server
        if not (self._is_supervised(now) and server.is_ready() and server.master):
            return
        self._killed_supervisor = server.kill_supervisor()
        self._figures.supervisor_kills += 1
        self._plan_supervisor(now)

    def _is_supervised(self, now: float) -> bool:
        """Tell whether the supervisor that is there, if there was one, holds everything."""
        if not self._killed_supervisor:
            return True
        if now < self._next_look or self._server.supervisor in (0, self._killed_supervisor):
            return False
        self._next_look = now + LOOK
        try:
            answer = ask(self._server.runtime_dir / "control.sock", "status", timeout=1.0)
        except ControlError:
            return False
        if answer["supervised"]:
            self._killed_supervisor = 0
        return not self._killed_supervisor

    # The master

    def _strike_master(self, now: float) -> bool:
        server = self._server
        if not server.supervised and not self._may_strike(now):
            return False
        was_ready = server.is_ready()
        pid = server.master or self._starting()
        if not pid:
            return False
        server.expect_ready()
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        self._figures.master_kills += 1
        self._figures.early_kills += not was_ready
        self._last_strike = now
        if not server.supervised:
            server.again()
        if self._dice.random() < SOON_AFTER:
            self._next_master = now + self._dice.random() * SOON
        else:
            self._plan(now)
        return True

    def _may_strike(self, now: float) -> bool:
        """Spare the workers from now on; return whether all are there."""
        if self._sparing and not self._server.is_ready():
            return True  # the last one has been killed, and no worker since
        self._sparing = True
        if now < self._next_look:
            return False
        self._next_look = now + LOOK
        return self._everybody_has_a_worker()

    def _look(self, now: float) -> None:
        """Go on killing workers if there is a master and everybody has one."""
        if self._next_master is not None and now >= self._next_master:
            return
        if now < self._next_look or not self._server.is_ready():
            return
        self._next_look = now + LOOK
        self._sparing = not self._everybody_has_a_worker()

    def _everybody_has_a_worker(self) -> bool:
        sessions = self._sessions()
        served = [one for one in sessions if one["state"] == "served"]
        return len(served) >= self._figures.clients and all(
            one["pid"] and title(one["pid"]) for one in served
        )

    def _sessions(self) -> list[dict[str, object]]:
        try:
            answer = ask(self._server.runtime_dir / "control.sock", "ps", timeout=1.0)
        except ControlError:
            return []
        sessions: list[dict[str, object]] = answer["sessions"]
        return sessions

    def _starting(self) -> int:
        """Return the pid of a master that has only just been started by the supervisor."""
        for pid in children(self._server.supervisor):
            if "chatd_supervisor" in title(pid):
                return pid
        return 0

    # Workers

    def _strike_workers(self) -> None:
        """Kill one worker, now and then several, rarely all at once."""
        dice = self._dice
        workers = self._workers()
        every_one = dice.random() * ALL_AT_ONCE * self._kills < 1
        count = len(workers) if every_one else dice.choice((1, 1, 1, 1, 3))
        for pid in dice.sample(workers, min(len(workers), count)):
            what = title(pid)
            # Not those that are dead, nor a master that has just been started.
            if what.startswith("chatd: ") and "supervisor" not in what and kill(pid):
                if what.startswith(NURSERY):
                    self._figures.nursery_kills += 1
                else:
                    self._figures.worker_kills += 1

    def _workers(self) -> list[int]:
        server = self._server
        master = server.master
        workers = children(master) if master else []
        if server.supervised:
            # Those whose master was killed are its children.
            workers += children(server.supervisor)
        elif self._master_every:
            adopted = {int(str(one["pid"] or 0)) for one in self._sessions()}
            workers = list(adopted.union(workers) - {0})
        return [pid for pid in workers if pid != master]


class Mourner:
    """Has masters die at chosen points, one after another (see ``deadly``)."""

    def __init__(self, server: Server, program: list[str], spool: Path, fates: list[str]) -> None:
        """``program`` is what ``server`` is, and reads ``spool``.

        ``fates`` are a point and a count each.
        """
        self._server = server
        self._program = program
        self._spool = spool
        self._died = spool.with_suffix(".died")
        self._fates = fates
        self._noticed = 0
        self._last_strike = 0.0

    @property
    def last_strike(self) -> float:
        """When a master was killed last: now, if that has not been noticed yet."""
        if self._last_strike and len(self.died()) > self._noticed:
            return time.monotonic()
        return self._last_strike

    @property
    def is_open(self) -> bool:
        """Whether somebody listens."""
        server = self._server
        return server.supervised or (
            server.process.poll() is None and server.master > 0 and server.is_ready()
        )

    def strike(self, now: float) -> bool:
        """Kill the first master; see that after each there is another one."""
        server = self._server
        if not self._last_strike:
            self._spool.write_text("".join(f"{fate}\n" for fate in self._fates))
            server.kill_master()
            self._last_strike = now
            if not server.supervised:
                server.again(self._program)
            return True
        deaths = len(self.died())
        if deaths == self._noticed:
            ended = server.process.poll()
            assert ended is None, f"ended with {ended}: {server.log()[-10000:]}"
            return False
        self._noticed = deaths
        self._last_strike = now
        if not server.supervised:
            server.again(self._program)
        return True

    def died(self) -> list[str]:
        """Return the fates that have come."""
        return self._died.read_text().splitlines() if self._died.exists() else []

    def is_done(self) -> bool:
        """Tell whether all have died who were to."""
        return self.died() == self._fates and self.is_open

    def rest(self, now: float) -> bool:
        """Return whether there is a master."""
        self.strike(now)
        return self.is_open and self._server.master > 0
