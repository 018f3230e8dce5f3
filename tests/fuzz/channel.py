"""The channel to the master, fuzzed: workers that are taken over, and people who must not notice.

    python3 tests/fuzz/channel.py --records 1000000

Some clients' workers turn on the master (``taken_channel``): they report commands at random, and
one record in so many is wrong, mutated, or none at all, some with descriptors. Each of these ends
its worker, and the next one does the same. Meanwhile people chat in another room, in numbered
lines; of those none may be lost, doubled or reordered, and nobody disconnected. When the attackers
are gone, descriptors and processes must be as many as before, and memory nearly as much as after
half of it. The sandbox is off: nothing is to stand before the master's own judgement. Prints its
figures and its seed; exit code 1 if something is not as it should be. Loopback only; ends by
itself.
"""

import argparse
import os
import random
import select
import socket
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are fuzz.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__":
    bootstrap.enter(__file__)

from chatd_supervisor import proc  # noqa: E402
from chatd_supervisor.asking import ask  # noqa: E402
from fuzz.chatters import Chatter, Heard  # noqa: E402
from harness import Server, descriptors, eventually, serving  # noqa: E402

PROGRAM: Final = Path(__file__).with_name("taken_channel.py")
CONFIG: Final = """
[sandbox]
mode = "off"
[limits]
max_restarts = 0
"""
SLOTS: Final = 4096 * 16
"""Bytes of the file in which the workers count (``taken_channel``); whether it is over follows."""

ATTACKERS: Final = 8
CHATTERS: Final = 3

BLOCK: Final = (b"!" * 60 + b"\n") * 64
"""What attackers send: wherever a worker begins to read in it, it turns on the master."""

DAWDLING: Final = 120.0
"""Seconds in which the attack counts as stuck if fewer than STEP records were sent."""

STEP: Final = 1000

GROWTH: Final = 16e6
"""Bytes that the master may grow by: what its hub and journal remember, and fragments."""

LATE_GROWTH: Final = 4e6
"""The same, in the second half of it: by then what has a bound has reached it."""


@dataclass
class Outcome:
    """What has come of an attack; times in seconds, memory in MB."""

    seed: int
    records: int = 0
    broken: int = 0
    seconds: float = 0.0
    attackers: int = 0
    said: int = 0
    slowest: float = 0.0
    """Until somebody has heard what it said itself."""
    violations: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    """What should not be; empty if all is well."""
    rest: str = ""

    def __str__(self) -> str:
        kinds = ", ".join(f"{kind} {count}" for kind, count in self.violations.items())
        shown = (
            f"seed {self.seed}: {self.records} records, {self.broken} of them broken, in "
            f"{self.seconds:.0f} s, {self.attackers} attackers; violations: {kinds}; "
            f"{self.said} lines said by {CHATTERS}, the slowest heard in {self.slowest:.3f} s; "
            f"{self.rest}"
        )
        return "\n".join([shown, *(f"  WRONG: {one}" for one in self.wrong)])


class Attacker:
    """A client whose worker turns on the master; comes again when it is sent away."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        # Another address than the others': what it does is to be held against it alone.
        self.socket.bind(("127.0.0.2", 0))
        self.socket.setblocking(False)
        self.socket.connect_ex(("127.0.0.1", port))

    def act(self) -> bool:
        """Send and hear what can be; return whether the connection still is."""
        try:
            with suppress(BlockingIOError):
                self.socket.send(BLOCK)
            return bool(self.socket.recv(1 << 18))
        except BlockingIOError:
            return True
        except OSError:
            return False


class Attack:
    """Attackers, people, and a server between them."""

    def __init__(self, server: Server, tally: Path, outcome: Outcome) -> None:
        self._server = server
        self._tally = tally
        self._outcome = outcome
        self._heard = Heard()
        self._halfway = 0
        self._chatters = [
            Chatter(server.connect(f"c{n}"), f"c{n}", self._heard) for n in range(CHATTERS)
        ]

    def run(self, records: int) -> None:
        """Attack until so many records were sent, and look what is left of it."""
        outcome, server = self._outcome, self._server
        for chatter in self._chatters:
            chatter.enter("#calm")
        master, before = server.master, self._state()
        begun = time.monotonic()
        self._attack(records, begun)
        outcome.seconds = time.monotonic() - begun
        if not self._finish():
            outcome.wrong.append("the last lines were not heard in time")
        eventually("attackers are gone", lambda: len(server.ask("ps")) == CHATTERS, 60)
        eventually("descriptors return", lambda: self._state()[:2] == before[:2], 60)
        after = self._state()
        names = ("descriptors", "processes", "bytes of memory")
        outcome.rest = "before and after: " + ", ".join(
            f"{old} {new} {name}" for old, new, name in zip(before, after, names, strict=True)
        )
        if server.master != master:
            outcome.wrong.append("the master has died")
        late = after[2] - self._halfway
        outcome.rest += f", {late} of them since half of it"
        if after[2] - before[2] > GROWTH or late > LATE_GROWTH:
            outcome.wrong.append("the master has grown")
        outcome.wrong += self._heard.wrong
        outcome.said = self._heard.total
        outcome.slowest = max(max(chatter.times) for chatter in self._chatters)
        outcome.violations = self._metrics()["violations"]

    def _attack(self, records: int, begun: float) -> None:
        attackers = [Attacker(self._server.port) for _ in range(ATTACKERS)]
        outcome = self._outcome
        outcome.attackers = len(attackers)
        moved, due = begun, STEP
        while outcome.records < records:
            select.select([a.socket for a in attackers] + self._sockets(), [], [], 0.005)
            self._chat()
            for place, attacker in enumerate(attackers):
                if not attacker.act():
                    attacker.socket.close()
                    attackers[place] = Attacker(self._server.port)
                    outcome.attackers += 1
            now = time.monotonic()
            sent, outcome.broken = self._sent()
            if sent >= due:
                moved, due = now, sent + STEP
            if outcome.records < records // 2 <= sent:
                self._halfway = self._resident()
            outcome.records = sent
            assert now - moved < DAWDLING, f"stuck at {sent} records: {self._server.log()[-3000:]}"
        with self._tally.open("r+b") as counts:
            counts.seek(SLOTS)
            counts.write(b"\1")
        for attacker in attackers:
            attacker.socket.close()

    def _resident(self) -> int:
        """Return the master's memory in bytes."""
        used = proc.usage(self._server.master)
        assert used is not None, "the master runs"
        return used.resident

    def _finish(self) -> bool:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            select.select(self._sockets(), [], [], 0.05)
            self._chat(say=False)
            if all(chatter.has_heard_all() for chatter in self._chatters):
                return True
        return False

    def _sockets(self) -> list[socket.socket]:
        return [chatter.socket for chatter in self._chatters]

    def _chat(self, *, say: bool = True) -> None:
        now = time.monotonic()
        for chatter in self._chatters:
            chatter.act(now, say=say)

    def _sent(self) -> tuple[int, int]:
        counts = memoryview(self._tally.read_bytes()[:SLOTS]).cast("Q")
        return sum(counts[::2]), sum(counts[1::2])

    def _metrics(self) -> dict[str, Any]:
        return ask(self._server.runtime_dir / "control.sock", "metrics")

    def _state(self) -> tuple[int, int, int]:
        """Return the master's descriptors, the workers, and the master's memory.

        With what it shares with workers: how much that is differs, and is none of its growth.
        """
        master = self._server.master
        return len(descriptors(master)), len(self._metrics()["workers"]), self._resident()


@contextmanager
def _told(**told: str) -> Iterator[None]:
    """Have the environment tell so much, for the processes that are started meanwhile."""
    os.environ.update(told)
    try:
        yield
    finally:
        for name in told:
            del os.environ[name]


def fuzz(directory: Path, *, records: int, broken: float, seed: int) -> Outcome:
    """Attack a server in ``directory``; one record in 1 / ``broken`` is a broken one."""
    tally = directory / "tally"
    tally.write_bytes(bytes(SLOTS + 16))
    outcome = Outcome(seed)
    paths = os.pathsep.join([str(ROOT / "tests"), *filter(None, [os.environ.get("PYTHONPATH")])])
    with (
        _told(
            PYTHONPATH=paths,
            CHATD_FUZZ_TALLY=str(tally),
            CHATD_FUZZ_BROKEN=str(broken),
            CHATD_FUZZ_SEED=str(seed),
        ),
        serving(directory, CONFIG, program=[sys.executable, str(PROGRAM)]) as server,
    ):
        Attack(server, tally, outcome).run(records)
    return outcome


def main() -> None:
    """Fuzz as the arguments say."""
    options = argparse.ArgumentParser(description="Records that no worker should send.")
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--broken", type=float, default=0.03, help="part of them that is wrong")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="chatd-fuzz-") as directory:
        outcome = fuzz(Path(directory), **vars(chosen))
    print(outcome)
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
