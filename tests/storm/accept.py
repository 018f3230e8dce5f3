"""Bursts of connections while masters and supervisors are killed: everybody is let in.

    python3 tests/storm/accept.py --connects 20000 --kills 500

In the middle of each burst one of the two who share the descriptor table is killed, whoever is
there: a master, a supervisor, a guard in its place, or a program that is to be the next one. Nobody
may be refused, reset, or left without a greeting, and every second one says that it leaves, and
must be let go. The next burst comes when all are greeted, and may find a master that has only just
begun. Prints how long they waited, and the seed; exit code 1 if somebody was not let in. Loopback
only; ends by itself.
"""

import argparse
import contextlib
import random
import select
import socket
import struct
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__" and Path(sys.prefix) != bootstrap.VENV:
    bootstrap.run("python", __file__, *sys.argv[1:])

from bench.figures import percentile  # noqa: E402
from harness import Server, serving  # noqa: E402
from storm.course import config  # noqa: E402
from storm.pairs import Pair  # noqa: E402
from storm.people import HOST  # noqa: E402

BURST: Final = 40
"""Clients in a burst without a kill."""

SPREAD: Final = 0.03
"""Seconds in which a burst comes, and in which somebody is killed."""

PATIENCE: Final = 20.0
"""Seconds after which a client counts as left without an answer."""

GREETED: Final = b"/help lists the commands.\n"


@dataclass
class Outcome:
    """What it was like; times in seconds."""

    seed: int
    seconds: float = 0.0
    masters: int = 0
    supervisors: int = 0
    """Killed; guards and programs that were to follow among them."""
    greeted: list[float] = field(default_factory=list)
    """From connecting until the greeting;"""
    pairless: list[float] = field(default_factory=list)
    """the same where a master was killed whose supervisor was being replaced."""
    waited: list[float] = field(default_factory=list)
    """The same of a burst that is not over."""
    let_go: int = 0
    wrong: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        count = len(self.greeted) + len(self.pairless)
        shown = (
            f"seed {self.seed}: {count} clients greeted in {self.seconds:.0f} s, "
            f"{self.masters} masters and {self.supervisors} supervisors killed meanwhile; "
            f"{self.let_go} let go; refused, reset or unanswered: {len(self.wrong)}"
        )
        told = [
            shown,
            *_waited("until the greeting", self.greeted),
            *_waited("... a master killed whose supervisor was being replaced", self.pairless),
        ]
        return "\n".join([*told, *(f"  WRONG: {one}" for one in self.wrong[:20])])


def _waited(what: str, times: list[float]) -> list[str]:
    if not times:
        return []
    shown = ", ".join(f"p{p:g} {percentile(times, p) * 1e3:.0f} ms" for p in (50, 99, 99.9))
    return [f"{what}: {shown}, slowest {max(times) * 1e3:.0f} ms ({len(times)})"]


class Newcomer:
    """A client that connects, is greeted, and leaves."""

    def __init__(self, port: int, *, polite: bool) -> None:
        """``polite``: it says that it leaves, and waits for the server to end the connection."""
        self.socket = socket.socket()
        self.socket.setblocking(False)
        # What leaves without a word leaves no port behind that is in use for a minute.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.began = time.monotonic()
        self.greeted = 0.0
        self._polite = polite
        self._heard = b""
        self.socket.connect_ex((HOST, port))

    def hear(self, now: float, outcome: Outcome) -> bool:
        """Read; return whether it has left. Raises OSError if the connection is broken.

        How long it waited for its greeting is added to ``outcome.waited``.
        """
        data = self.socket.recv(1 << 16)
        self._heard += data
        if not self.greeted and GREETED in self._heard:
            self.greeted = now
            outcome.waited.append(now - self.began)
            if not self._polite:
                return True
            self.socket.sendall(b"/quit\n")
        if not data:
            if not self.greeted:
                raise ConnectionError(f"the connection ended after {self._heard!r}")
            outcome.let_go += 1
        return not data


class Acceptance:
    """Bursts of newcomers, and who is killed meanwhile."""

    def __init__(self, server: Server, *, connects: int, kills: int, seed: int) -> None:
        self._server = server
        self._pair = Pair(server)
        self._dice = random.Random(seed)
        self._bursts = max(kills, -(-connects // BURST))
        self._connects = connects
        self._kills = kills
        self._poller = select.epoll()
        self._there: dict[int, Newcomer] = {}
        # A master has been killed in this burst whose supervisor was being replaced.
        self._pairless = False
        self.outcome = Outcome(seed)

    def run(self) -> Outcome:
        """Let all come, and return what it was like."""
        began = time.monotonic()
        for burst in range(self._bursts):
            share = self._connects * (burst + 1) // self._bursts
            share -= self._connects * burst // self._bursts
            kills = self._kills * (burst + 1) // self._bursts - self._kills * burst // self._bursts
            self._burst(share, kills)
        self._wait(polite=True)
        self._poller.close()
        self.outcome.seconds = time.monotonic() - began
        return self.outcome

    def _burst(self, count: int, kills: int) -> None:
        """Let ``count`` newcomers come, and kill somebody meanwhile, ``kills`` times: 0 or 1."""
        self._pairless = False
        dice, began = self._dice, time.monotonic()
        due = sorted(began + dice.random() * SPREAD for _ in range(count))
        strikes = [began + dice.random() * SPREAD for _ in range(kills)]
        while due or strikes:
            now = time.monotonic()
            if strikes and now >= strikes[0]:
                strikes.pop()
                self._strike()
            while due and now >= due[0]:
                due.pop(0)
                newcomer = Newcomer(self._server.port, polite=dice.random() < 0.5)
                self._there[newcomer.socket.fileno()] = newcomer
                self._poller.register(newcomer.socket, select.EPOLLIN)
            self._turn()
        self._wait(polite=False)
        outcome = self.outcome
        (outcome.pairless if self._pairless else outcome.greeted).extend(outcome.waited)
        outcome.waited.clear()

    def _strike(self) -> None:
        """Kill the master, if there is one, or somebody else."""
        pair, server, dice = self._pair, self._server, self._dice
        while not pair.look():
            self._turn()
        pid = dice.choice(pair.others or [pair.master])
        if pair.master and dice.random() < 0.5:
            pid = pair.master
            # Since the last supervisor was killed, or the last master, another master has begun.
            self._pairless = not server.is_ready()
        if pid in (pair.master, server.supervisor):
            server.expect_ready()
        killed = pair.kill(pid)
        self.outcome.masters += killed and pid == pair.master
        self.outcome.supervisors += killed and pid != pair.master

    def _wait(self, *, polite: bool) -> None:
        """Wait until all are greeted; with ``polite``, until all are gone."""
        while any(polite or not one.greeted for one in self._there.values()):
            self._turn()

    def _turn(self) -> None:
        for descriptor, _ in self._poller.poll(0.001):
            newcomer = self._there[descriptor]
            with contextlib.suppress(BlockingIOError):
                try:
                    if newcomer.hear(time.monotonic(), self.outcome):
                        self._see_off(newcomer)
                except BlockingIOError:
                    raise
                except OSError as error:
                    self._complain(newcomer, str(error))
        late = time.monotonic() - PATIENCE
        for newcomer in [one for one in self._there.values() if one.began < late]:
            done = "let go" if newcomer.greeted else "greeted"
            self._complain(newcomer, f"was not {done} within {PATIENCE:g} s")

    def _complain(self, newcomer: Newcomer, what: str) -> None:
        when = time.monotonic() - newcomer.began
        self.outcome.wrong.append(f"{what} ({when:.3f} s after it came)")
        self._see_off(newcomer)

    def _see_off(self, newcomer: Newcomer) -> None:
        del self._there[newcomer.socket.fileno()]
        self._poller.unregister(newcomer.socket)
        newcomer.socket.close()


def main() -> None:
    """Let them come as the arguments say."""
    options = argparse.ArgumentParser(description="Connect in bursts, while masters are killed.")
    options.add_argument("--connects", type=int, default=20_000)
    options.add_argument("--kills", type=int, default=500, help="at most one a burst")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument("--log", type=Path, help="keep the server's log there")
    chosen = vars(options.parse_args())
    log = chosen.pop("log")
    with (
        tempfile.TemporaryDirectory(prefix="chatd-accept-") as directory,
        serving(Path(directory), config(), supervised=True) as server,
    ):
        outcome = Acceptance(server, **chosen).run()
        print(outcome, flush=True)
        if log:
            log.write_text(server.log())
    sys.exit(1 if outcome.wrong else 0)


if __name__ == "__main__":
    main()
