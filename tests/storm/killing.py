"""Who is killed in a storm, and when: workers at any time, the others now and then.

A client's socket lives as long as somebody holds it. Under a supervisor there are three who do: the
two who share the descriptor table, and the worker. Any of them may be killed at any time, one of
the two also while another is made ready in the place of one that was killed before; only not both
in the same instant. Without a supervisor, whoever kills the master must spare the workers until
there is another, and must not kill it while a worker is missing. Then what only the master holds is
lost with it: who has just connected, and who has closed its half and is being let go.
"""

import random
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from chatd_supervisor.asking import ControlError, ask
from harness import Server
from storm.figures import Figures
from storm.pairs import Pair
from storm.processes import children, family, is_worker, kill, title

ALL_AT_ONCE: Final = 20.0
"""Seconds between two kills of all workers, on average."""

SOON_AFTER: Final = 0.2
"""How often the next master is killed within so many seconds: while it starts, or takes over."""
SOON: Final = 0.6

LOOK: Final = 0.05
"""Seconds between two looks at whether everybody has a worker,"""
LOOK_AROUND: Final = 0.25
"""and between two looks at all processes."""

STAYING: Final = re.compile(r"chatd: (p\d+)@")
"""The title of a worker whose client stays to the end."""


class Kills(NamedTuple):
    """How often somebody of each kind is killed; 0: never."""

    workers: float = 0.0
    """A second."""
    master_every: float = 0.0
    """Seconds from one master to the next, on average;"""
    supervisor_every: float = 0.0
    """the same for whoever shares the master's table;"""
    any_every: float = 0.0
    """the same for any process but workers: master, supervisor, or whoever is to be one."""


NONE: Final = Kills()


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

    def __init__(self, server: Server, figures: Figures, dice: random.Random, kills: Kills) -> None:
        self._server = server
        self._pair = Pair(server)
        self._figures = figures
        self._dice = dice
        self._kills = kills
        self._next_worker: float | None = None
        # When a master, a supervisor and any of them are due; None: never.
        self._next: dict[str, float | None] = {}
        self._next_look = 0.0
        # All processes as they were seen last, by pid; workers that had been there before that as
        # well; and when it is to be looked again.
        self._seen: dict[int, str] = {}
        self._settled: set[int] = set()
        self._next_look_around = 0.0
        self._killed: set[int] = set()
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
        kills = self._kills
        if self._next_worker is None:
            self._next_worker = now
            self._plan("master", now, kills.master_every)
            self._plan("supervisor", now, kills.supervisor_every)
            self._plan("any", now, kills.any_every)
        struck = False
        if self._server.supervised:
            self._look_around(now)
            struck = self._strike_pair(now)
        elif self._is_due("master", now):
            struck = self._strike_master(now)
        if self._sparing:
            self._look(now)
        while kills.workers and self._next_worker <= now:
            self._next_worker += 1 / kills.workers
            if not self._sparing:
                self._strike_workers()
        return struck

    def is_done(self) -> bool:
        """Tell that the time alone decides."""
        return True

    def rest(self, now: float) -> bool:
        """Kill nobody any more; return whether there is a master."""
        self._next = {}
        if self._server.supervised:
            self._look_around(now)
        if self._sparing:
            self._look(now)
        return self._server.master > 0 and self._server.is_ready()

    def _plan(self, what: str, now: float, every: float) -> None:
        self._next[what] = now + every * self._dice.uniform(0.5, 1.5) if every else None

    def _is_due(self, what: str, now: float) -> bool:
        due = self._next.get(what)
        return due is not None and now >= due

    # All but workers

    def _look_around(self, now: float) -> None:
        """See who is there, and that no worker has gone whom nobody has killed."""
        if now < self._next_look_around:
            return
        self._next_look_around = now + LOOK_AROUND
        before, self._seen = self._seen, self._everybody()
        # A worker that was forked in the instant in which its parent was killed is nobody's.
        for pid in self._settled - self._killed - self._seen.keys():
            self._figures.replaced += 1
            self._figures.note(f"{before[pid]}, pid {pid}, has gone, and nobody has killed it")
        self._settled = {
            pid for pid, what in self._seen.items() if pid in before and STAYING.match(what)
        }

    def _everybody(self) -> dict[int, str]:
        return family(set(self._server.groups))

    def _strike_pair(self, now: float) -> bool:
        """Kill one of those who are no workers, if one is due; return whether it was a master."""
        due = next((what for what in self._next if self._is_due(what, now)), "")
        # Whoever is due waits until the last one has been followed by another.
        if not due or now < self._next_look or not self._pair.look():
            self._next_look = max(self._next_look, now + LOOK / 10) if due else self._next_look
            return False
        dice, master, others = self._dice, self._pair.master, self._pair.others
        named = self._server.supervisor
        if due == "any":
            others = [*others, master] if master else others
        elif due == "supervisor" and named in others and dice.random() < 0.5:
            others = [named]
        elif due == "master":
            others = [master] if master else []
        if not others:
            return False
        self._plan_next(due, now)
        return self._kill(dice.choice(others), now)

    def _plan_next(self, what: str, now: float) -> None:
        kills = self._kills
        every = {
            "master": kills.master_every,
            "supervisor": kills.supervisor_every,
            "any": kills.any_every,
        }
        self._plan(what, now, every[what])
        if what == "master" and self._dice.random() < SOON_AFTER:
            self._next[what] = now + self._dice.random() * SOON

    def _kill(self, pid: int, now: float) -> bool:
        """Kill master or supervisor ``pid``; return whether it was a master."""
        when = datetime.now(UTC).isoformat(timespec="milliseconds")
        self._figures.struck.append(f"{when} pid {pid}, {title(pid)}")
        if pid != self._pair.master:
            self._figures.supervisor_kills += self._pair.kill(pid)
            return False
        self._expect_master(now)
        self._pair.kill(pid)
        return True

    def _expect_master(self, now: float) -> None:
        """Take note that the master is killed now."""
        self._figures.master_kills += 1
        self._figures.early_kills += not self._server.is_ready()
        self._server.expect_ready()
        self._last_strike = now

    # Without a supervisor

    def _strike_master(self, now: float) -> bool:
        """Kill the master, if it may be; return whether it was."""
        server = self._server
        if not self._may_strike(now):
            return False
        pid = server.master or server.pid  # that has only just been started
        self._expect_master(now)
        kill(pid)
        server.again()
        self._plan_next("master", now)
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
        if self._is_due("master", now):
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

    # Workers

    def _strike_workers(self) -> None:
        """Kill one worker, now and then several, rarely all at once."""
        dice = self._dice
        workers = self._workers()
        every_one = dice.random() * ALL_AT_ONCE * self._kills.workers < 1
        count = len(workers) if every_one else dice.choice((1, 1, 1, 1, 3))
        for pid in dice.sample(workers, min(len(workers), count)):
            # Not those that are dead.
            if is_worker(title(pid)):
                self._killed.add(pid)
                self._figures.worker_kills += kill(pid)

    def _workers(self) -> list[int]:
        server = self._server
        master = server.master
        if server.supervised:
            # Most are the supervisor's children, but those of one that was killed.
            workers = {pid for pid, what in self._seen.items() if is_worker(what)}
            workers.update(children(server.supervisor), children(master))
            return sorted(workers - self._killed)
        workers = set(children(master)) if master else set()
        if self._kills.master_every:
            workers |= {int(str(one["pid"] or 0)) for one in self._sessions()}
        return sorted(workers - {0, master})


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
