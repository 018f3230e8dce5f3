"""The course of a soak: visitors come and go; now and then all are gone, and figures are taken."""

import contextlib
import os
import random
import select
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from harness import Server, descriptors, eventually
from soak.visitors import IrcVisitor, Resident, TextVisitor, Visitor

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""

HANGING = 60.0
"""Seconds in which every visitor should have been let go."""

SETTLED = 0.3
"""Seconds in which nothing may change, of a server at rest."""

HEARING = 10.0
"""Seconds in which residents must have heard everything."""


class Rest(NamedTuple):
    """The server while nobody but the residents is there; memory in MB, times in seconds."""

    after: float
    sessions: int
    rss: float
    """Of the master."""
    pss: float
    """Of all its processes together."""
    descriptors: int
    processes: int
    kept: float
    """The size of the ledger and the outbox."""
    cpu: float
    """Of the master, in ms a session since the rest before."""

    def __str__(self) -> str:
        return (
            f"{self.after:7.1f} s {self.sessions:7d} sessions: master {self.rss:.1f} MB, "
            f"all {self.pss:.1f} MB, {self.descriptors} descriptors, {self.processes} processes, "
            f"ledger and outbox {self.kept:.1f} MB, {self.cpu:.2f} ms CPU a session"
        )


class Outcome(NamedTuple):
    """How it began, how it ended, and what went wrong meanwhile."""

    first: Rest
    last: Rest
    said: int
    killed: int
    lost: int
    doubled: int

    def is_as_before(self, allowed: float) -> bool:
        """Tell whether all is as it was, but for ``allowed`` MB of the master's memory."""
        return (
            self.last.descriptors == self.first.descriptors
            and self.last.processes == self.first.processes
            and self.last.rss - self.first.rss <= allowed
            and not self.lost
            and not self.doubled
        )

    def __str__(self) -> str:
        first, last = self.first, self.last
        return (
            f"{last.sessions} sessions in {last.after:.0f} s, {self.said} lines, "
            f"{self.killed} workers killed\n"
            f"master {first.rss:.1f} -> {last.rss:.1f} MB, all {first.pss:.1f} -> "
            f"{last.pss:.1f} MB, descriptors {first.descriptors} -> {last.descriptors}, "
            f"processes {first.processes} -> {last.processes}\n"
            f"lost {self.lost}, doubled {self.doubled}"
        )


class Soak:
    """Residents, and visitors as they come."""

    def __init__(
        self,
        server: Server,
        *,
        sessions: int,
        residents: int,
        at_once: int,
        rests: int,
        kills: float,
        seed: int,
    ) -> None:
        """``kills`` are workers a second; ``rests`` divide the ``sessions`` evenly.

        What the last rest is held against is the first: what is made once has been made by then,
        and what is bounded has come to its bound.
        """
        self._server = server
        self._others = int(server.supervised)
        self._most = sessions
        self._at_once = at_once
        self._rests = rests
        self._pause = 1 / kills if kills else float("inf")
        self._dice = random.Random(seed)
        self._poller = select.epoll()
        self._people: dict[int, Visitor | Resident] = {}
        self._visitors: dict[int, float] = {}
        self._said: dict[bytes, set[bytes]] = {}
        self._lines = self._killed = self._lost = self._doubled = self._came = 0
        self._began = time.monotonic()
        self._strike = self._began + self._pause
        self._cpu, self._counted = 0.0, 0
        text, irc = server.ports
        self._ports = {TextVisitor: text, IrcVisitor: irc}
        for number in range(residents):
            # Some for the room of IRC.
            quiet = number % 4 == 3
            self._add(Resident(irc if quiet else text, number, b"#soak" if quiet else b"#lobby"))

    def run(self, show: Callable[[Rest], None]) -> Outcome:
        """Let all come and go, and ``show`` each rest."""
        figures: list[Rest] = []
        try:
            show(self._rest())
            for number in range(1, self._rests + 1):
                self._let_in(self._most * number // self._rests)
                figures.append(self._rest())
                show(figures[-1])
        finally:
            for person in self._people.values():
                person.socket.close()
            self._poller.close()
        return Outcome(
            figures[0], figures[-1], self._lines, self._killed, self._lost, self._doubled
        )

    def _let_in(self, until: int) -> None:
        while self._came < until or self._visitors:
            while self._came < until and len(self._visitors) < self._at_once:
                kind = self._dice.choice((TextVisitor, IrcVisitor))
                self._came += 1
                visitor = kind(self._ports[kind], self._came, self._dice)
                self._visitors[visitor.socket.fileno()] = time.monotonic()
                self._add(visitor)
            self._turn()

    def _add(self, person: Visitor | Resident) -> None:
        self._people[person.socket.fileno()] = person
        self._poller.register(person.socket, select.EPOLLIN)

    def _turn(self) -> None:
        now = time.monotonic()
        for descriptor, _ in self._poller.poll(0.05):
            person = self._people[descriptor]
            try:
                goes_on = person.ready()
            except BlockingIOError:
                continue
            if not goes_on:
                assert isinstance(person, Visitor)
                self._see_off(person)
        if now >= self._strike:
            self._strike = now + self._pause
            self._kill()
        oldest = min(self._visitors.values(), default=now)
        assert now - oldest < HANGING, f"a visitor was not let go within {HANGING:g} s"

    def _see_off(self, visitor: Visitor) -> None:
        descriptor = visitor.socket.fileno()
        del self._people[descriptor]
        del self._visitors[descriptor]
        self._poller.unregister(descriptor)
        visitor.socket.close()
        self._lines += visitor.lines
        self._said.setdefault(visitor.room, set()).update(visitor.texts())

    def _kill(self) -> None:
        pids = self._workers()
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._dice.choice(pids), signal.SIGKILL)
                self._killed += 1

    def _workers(self) -> list[int]:
        """Return the pids of all workers, which are the supervisor's children, if there is one."""
        master = self._server.master
        return [pid for pid in _children(self._server.pid) if pid != master]

    def _rest(self) -> Rest:
        """Wait until nobody but the residents is there, and take the figures."""
        self._compare()
        workers = self._settle()
        pid = self._server.master
        cpu = _cpu(pid)
        spent, sessions = cpu - self._cpu, self._came - self._counted
        self._cpu, self._counted = cpu, self._came
        rss, _ = _memory(pid)
        return Rest(
            time.monotonic() - self._began,
            self._came,
            rss,
            sum(_memory(one)[1] for one in {pid, self._server.pid, *workers}),
            len(descriptors(pid)),
            1 + len(_children(self._server.pid)),
            _size(self._server.state_dir / "sessions") / 1e6,
            spent / max(1, sessions) * 1e3,
        )

    def _settle(self) -> frozenset[int]:
        """Wait until nobody but the residents is there, and nothing changes; return their workers.

        As many as there should be is not enough: one may have died already, another not yet.
        """
        expected = len(self._people) + self._others
        since, before = time.monotonic(), None

        def at_rest() -> frozenset[int]:
            nonlocal since, before
            self._turn_quietly()
            pid = self._server.pid
            running = frozenset(filter(_is_running, _children(pid)))
            now = running, _children(pid), len(descriptors(pid))
            if now != before or len(running) != expected or len(now[1]) != expected:
                since, before = time.monotonic(), now
            return running if time.monotonic() - since > SETTLED else frozenset()

        return eventually("nobody but the residents' workers is there", at_rest, 30)

    def _turn_quietly(self) -> None:
        self._strike = time.monotonic() + self._pause
        self._turn()

    def _compare(self) -> None:
        """See that each resident has heard what was said in its room since the rest before."""
        for person in self._people.values():
            assert isinstance(person, Resident)
            said = self._said.get(person.room, set())
            deadline = time.monotonic() + HEARING
            while len(person.heard) < len(said) and time.monotonic() < deadline:
                self._turn_quietly()
            lost, doubled = person.faults(said)
            if lost or doubled:
                print(f"a resident of {person.room!r}: {lost}, {doubled}", file=sys.stderr)
            self._lost += lost
            self._doubled += doubled
        self._said.clear()


def _children(pid: int) -> list[int]:
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def _size(directory: Path) -> int:
    """Return how many bytes are in the files of ``directory``."""
    return sum(file.stat().st_size for file in directory.iterdir())


def _is_running(pid: int) -> bool:
    """Tell whether ``pid`` is a process that does what it was made for: no zombie, and titled."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"chatd: ")
    except OSError:
        return False


def _cpu(pid: int) -> float:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _memory(pid: int) -> tuple[float, float]:
    """Return MB resident, and MB with what is shared divided among those who share it."""
    sizes = {
        fields[0]: int(fields[1]) * 1024 / 1e6
        for fields in map(str.split, Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:])
        if len(fields) == 3
    }
    return sizes["Rss:"], sizes["Pss:"]
