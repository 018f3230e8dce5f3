"""Masters, supervisors and programs that follow one another, hundreds of each, under clients.

    python3 tests/storm/successions.py --masters 200 --supervisors 200 --upgrades 100

One after the other: a master is killed, and the next one serves; a supervisor is killed, and
another pair serves; the program is replaced by itself. Each time a client says a line, which all
must hear once. Before the first and after the last of each kind descriptors, processes and memory
of the pair are looked at, when it is at rest. Exit code 1 if descriptors or processes are not what
they were, if memory has grown by more than is allowed, or if a line was lost or doubled. Loopback
only; ends by itself.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__" and Path(sys.prefix) != bootstrap.VENV:
    bootstrap.run("python", __file__, *sys.argv[1:])

from bench.figures import percentile  # noqa: E402
from chatd_supervisor.proc import descriptors, memory  # noqa: E402
from harness import Client, eventually  # noqa: E402
from supervised import Supervised, in_session, parent, supervised  # noqa: E402

RESTS: Final = 10.0
"""Seconds in which a pair must have come to rest: its workers are renewed one after another."""


class Pair(NamedTuple):
    """What supervisor and master have, between two successions."""

    descriptors: int
    """Of both: they have one table."""
    processes: int
    """With the workers."""
    megabytes: float
    """Of both, what they share counted once."""


class Outcome(NamedTuple):
    """Of one kind."""

    kind: str
    before: Pair
    after: Pair
    waits: list[float]
    """Seconds from each kill until all had heard the next line."""

    def is_as_before(self, allowed: float) -> bool:
        """Tell whether nothing was left behind, and memory has grown by ``allowed`` MB at most."""
        grown = self.after.megabytes - self.before.megabytes
        return self.before[:2] == self.after[:2] and grown <= allowed

    def __str__(self) -> str:
        """Return what is shown of it."""
        before, after = self.before, self.after
        return (
            f"{len(self.waits)} {self.kind}: descriptors {before.descriptors} -> "
            f"{after.descriptors}, processes {before.processes} -> {after.processes}, "
            f"memory {before.megabytes:.1f} -> {after.megabytes:.1f} MB; next line after "
            f"{percentile(self.waits, 50) * 1e3:.0f} ms p50, {max(self.waits) * 1e3:.0f} ms worst"
        )


class Succession:
    """A supervised daemon, and clients who hear each other."""

    def __init__(self, server: Supervised, clients: int) -> None:
        self._server = server
        self._session = os.getsid(server.supervisor)
        self._lines = 0
        self._people: list[Client] = server.people(*(f"n{number}" for number in range(clients)))

    def masters(self, times: int) -> Outcome:
        """Kill so many masters."""
        return self._repeat("masters", times, self._kill_master)

    def supervisors(self, times: int) -> Outcome:
        """Kill so many supervisors."""
        return self._repeat("supervisors", times, self._kill_supervisor)

    def upgrades(self, times: int) -> Outcome:
        """Replace the program so often by itself."""
        return self._repeat("upgrades", times, self._upgrade)

    def _repeat(self, kind: str, times: int, strike: Callable[[], None]) -> Outcome:
        # What is made once has been made by then.
        strike()
        self._talk()
        before = self._at_rest()
        waits = []
        for _ in range(times):
            since = time.monotonic()
            strike()
            self._talk()
            waits.append(time.monotonic() - since)
        return Outcome(kind, before, self._at_rest(), waits)

    def _kill_master(self) -> None:
        self._server.kill_master()

    def _kill_supervisor(self) -> None:
        supervisor = self._server.kill_supervisor()
        self._talk()
        eventually("another pair", lambda: self._is_pair(supervisor))

    def _upgrade(self) -> None:
        done = self._server.do("upgrade")
        assert done.returncode == 0, done.stderr

    def _is_pair(self, other_than: int) -> bool:
        try:
            supervisor, master = self._server.supervisor, self._server.master
        except (FileNotFoundError, ValueError):
            return False
        return supervisor != other_than and parent(master) == supervisor

    def _talk(self) -> None:
        """Have one say a line that all hear, and nothing else."""
        self._lines += 1
        speaker = self._people[self._lines % len(self._people)]
        speaker.send(f"line {self._lines}\n")
        for client in self._people:
            line = client.line()
            assert line.endswith(f" : line {self._lines}"), f"{line!r} is not line {self._lines}"

    def _at_rest(self) -> Pair:
        """Wait until nothing changes; return what there is."""
        seen: list[tuple[int, int]] = []

        def rests() -> bool:
            supervisor = self._server.supervisor
            found = descriptors(supervisor) or 0, len(in_session(self._session))
            if seen[-1:] != [found]:
                seen.clear()
            seen.append(found)
            return len(seen) > 50 and self._is_pair(0)

        eventually("the pair is at rest", rests, RESTS * 3)
        supervisor, master = self._server.supervisor, self._server.master
        sizes = [memory(pid) for pid in (supervisor, master)]
        megabytes = sum(one.proportional for one in sizes if one is not None) / 1e6
        return Pair(seen[-1][0], seen[-1][1], megabytes)


def main() -> None:
    """Let them follow one another, as often as the arguments say."""
    options = argparse.ArgumentParser(description="Let masters, supervisors, programs succeed.")
    for kind, times in (("masters", 200), ("supervisors", 200), ("upgrades", 100)):
        options.add_argument(f"--{kind}", type=int, default=times, metavar="TIMES")
    options.add_argument("--clients", type=int, default=5)
    options.add_argument("--allow", type=float, default=4.0, help="MB the pair may grow by")
    chosen = options.parse_args()
    fine = True
    with (
        tempfile.TemporaryDirectory(prefix="chatd-successions-") as directory,
        supervised(Path(directory)) as server,
    ):
        server.start()
        succession = Succession(server, chosen.clients)
        for kind in ("masters", "supervisors", "upgrades"):
            if times := getattr(chosen, kind):
                outcome = getattr(succession, kind)(times)
                fine &= outcome.is_as_before(chosen.allow)
                print(outcome, flush=True)
    sys.exit(os.EX_OK if fine else 1)


if __name__ == "__main__":
    main()
