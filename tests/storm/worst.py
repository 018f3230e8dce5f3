"""The worst that one address can do, while two people chat from another.

    python3 tests/storm/worst.py [ATTACK ...]

For each attack (``attacks``), or those that are named, a server at default settings is begun, with
a journal of 300,000 lines and 1,000 rooms (``worst_journal``). First the two people are alone, for
--idle seconds. Then one address that is exempt from nothing does its worst, for --seconds. That
holds if nothing of the two is lost, doubled or reordered and nobody of them disconnected, 99 of 100
of their lines were heard within FACTOR times what 99 of 100 took before and each within WORST, and
the master has not grown by more than GROWTH. With --kill-master the server is supervised, and its
master is killed in the middle of each attack. Exit code 1 if one does not hold. Loopback only; ends
by itself.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__":
    bootstrap.enter(__file__)

from bench.figures import percentile  # noqa: E402
from chatd_supervisor.account_editing import editing, new_account  # noqa: E402
from chatd_supervisor.hashing import derive  # noqa: E402
from harness import Server  # noqa: E402
from storm import attacks  # noqa: E402
from storm.attacks import ATTACKS, Attack, attack_called  # noqa: E402
from storm.bystanders import Bystanders  # noqa: E402
from storm.logins import ACCOUNT, OTHER, PASSWORD  # noqa: E402
from storm.worst_journal import template  # noqa: E402

LINES: Final = 300_000
ROOMS: Final = 998
"""That last: the lobby, and the one of the two who chat, make a thousand."""

FACTOR: Final = 5.0
"""What p99 may be at most, times the idle one;"""
WORST: Final = 0.25
"""seconds that any line may take;"""
GROWTH: Final = 100 * 1000 * 1000
"""and bytes by which the master may grow."""

FINISHING: Final = 30.0
"""Seconds in which the server must have stopped in the end."""

KILL: Final = 0.5
"""Seconds after the beginning of an attack at which its master is killed."""

CONFIG: Final = """
[[listen]]
address = "127.0.0.1:0"
dialect = "text"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
proxy_protocol = true
proxy_from = ["127.0.0.0/8"]
[exempt]
addresses = []
[history]
on_join = 10
"""
"""The defaults, but for [exempt], which lets this machine off."""

PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class Outcome(NamedTuple):
    """What it was like; times in seconds."""

    attack: Attack
    idle: list[float]
    attacked: list[float]
    growth: int
    """Of the master's resident memory, in bytes."""
    became: str
    """Of the attackers."""
    wrong: list[str]

    @property
    def factor(self) -> float:
        """How much longer 99 of 100 lines took."""
        return percentile(self.attacked, 99) / percentile(self.idle, 99)

    @property
    def failures(self) -> list[str]:
        """Why it does not hold; empty if it does."""
        failures = list(self.wrong)
        if self.factor > FACTOR:
            failures.append(f"p99 is {self.factor:.1f} times the idle one")
        if max(self.attacked) > WORST:
            failures.append(f"worst is {max(self.attacked) * 1e3:.0f} ms")
        if self.growth > GROWTH:
            failures.append(f"the master has grown by {self.growth / 1e6:.0f} MB")
        if "FAILED" in self.became:
            failures.append("logging in takes too long, or fails")
        return failures

    def __str__(self) -> str:
        idle = [percentile(self.idle, percent) * 1e3 for percent in (50, 99)]
        p99 = percentile(self.attacked, 99) * 1e3
        holds = "; ".join(self.failures) or "holds"
        return (
            f"{self.attack.name:14} {idle[0]:6.1f} {idle[1]:6.1f} {p99:9.1f}"
            f" {max(self.attacked) * 1e3:9.0f} {self.factor:7.1f} {self.growth / 1e6:7.1f}"
            f"  {holds} ({self.became})"
        )


HEAD: Final = (
    f"{'times in ms':14} {'idle50':>6} {'idle99':>6} {'p99':>9} {'worst':>9} {'ratio':>7}"
    f" {'MB':>7}  holds?"
)


class _Memory:
    """The resident memory of whoever is master, as it was when it was largest."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._most = 0
        self.look()
        self._before = self._most

    @property
    def growth(self) -> int:
        """In bytes."""
        return self._most - self._before

    def look(self) -> None:
        """See how large it is."""
        with suppress(FileNotFoundError, ProcessLookupError):
            statm = Path(f"/proc/{self._server.master}/statm").read_text("ascii")
            self._most = max(self._most, int(statm.split()[1]) * PAGE)


class _Attackers:
    """Their process (``attacks.py``)."""

    def __init__(self, attack: Attack, server: Server, seconds: float) -> None:
        ports = ",".join(map(str, server.ports))
        self._process = subprocess.Popen(
            [sys.executable, attacks.__file__, attack.name, ports, str(seconds)],
            stdout=subprocess.PIPE,
            # A group of the scheduler of its own (sched(7), autogroup), as elsewhere.
            start_new_session=True,
        )
        assert self._process.stdout is not None
        self._told = self._process.stdout.fileno()
        os.set_blocking(self._told, False)
        self.told = b""

    @property
    def have_begun(self) -> bool:
        """Whether all are in, and the attack proper has begun."""
        with suppress(BlockingIOError):
            self.told += os.read(self._told, 4096)
        return b"begun\n" in self.told

    def have_gone(self) -> bool:
        """Return whether it is over. Raises RuntimeError if it has not begun."""
        if self._process.poll() is None:
            return False
        if not self.have_begun:
            raise RuntimeError(f"they ended with {self._process.returncode} before they began")
        return True

    @property
    def became(self) -> str:
        """What became of them."""
        return self.told.decode().removeprefix("begun\n").strip()

    def end(self) -> None:
        """End them, if they have not gone."""
        self._process.kill()
        with self._process:
            pass


class Attacking:
    """An attack under way."""

    def __init__(self, attack: Attack, server: Server, people: Bystanders) -> None:
        self._attack = attack
        self._server = server
        self._people = people

    def run(self, *, seconds: float, idle: float, kill_master: bool) -> Outcome:
        """Let it be run, and return what it was like."""
        people = self._people
        ending = time.monotonic() + idle
        people.chat(lambda: time.monotonic() > ending)
        before = people.take_times()
        memory = _Memory(self._server)
        attackers = _Attackers(self._attack, self._server, seconds)
        killing = self._killing(attackers) if kill_master else None

        def look() -> None:
            memory.look()
            if killing is not None:
                next(killing, None)

        try:
            people.chat(attackers.have_gone, look)
        finally:
            attackers.end()
        people.finish(memory.look)
        times = people.take_times()
        return Outcome(self._attack, before, times, memory.growth, attackers.became, people.wrong)

    def _killing(self, attackers: _Attackers) -> Iterator[None]:
        """Kill the master when the attack has gone on for a moment; to be asked again and again."""
        while not attackers.have_begun:
            yield
        due = time.monotonic() + KILL
        while time.monotonic() < due or not self._server.master:
            yield
        self._server.kill_master()


@contextmanager
def _served(directory: Path, attack: Attack, *, supervised: bool) -> Iterator[Server]:
    """Run the server that is attacked, and end it, in whatever state it is then."""
    program = list(attack.program) or None
    server = Server(directory, CONFIG, program, supervised=supervised)
    try:
        yield server
    finally:
        try:
            server.stop(FINISHING)
        except subprocess.TimeoutExpired:
            server.kill()
            server.stop()


def attacked(
    attack: Attack,
    journal: Path,
    *,
    seconds: float,
    idle: float,
    kill_master: bool,
) -> Outcome:
    """Run ``attack`` on a server with a copy of ``journal``, and return what it was like."""
    with tempfile.TemporaryDirectory(prefix="chatd-worst-") as name:
        directory = Path(name)
        shutil.copytree(journal, directory / "s")
        if attack.logins:
            with editing(directory / "s" / "journal.db") as editor:
                editor.change(*(new_account(name, derive(PASSWORD)) for name in (ACCOUNT, OTHER)))
        with _served(directory, attack, supervised=kill_master) as server:
            people = Bystanders(server.ports[0])
            try:
                return Attacking(attack, server, people).run(
                    seconds=seconds, idle=idle, kill_master=kill_master
                )
            finally:
                people.close()


def main() -> None:
    """Attack as the arguments say."""
    options = argparse.ArgumentParser(
        description="The worst that one address can do, while two people chat from another.",
        epilog="attacks:\n" + "\n".join(f"  {one.name:14}  {one.what}" for one in ATTACKS),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    names = [attack.name for attack in ATTACKS]
    options.add_argument("attacks", nargs="*", metavar="ATTACK", help="all if none is named")
    options.add_argument("--seconds", type=float, default=10, help="that each attack lasts")
    options.add_argument("--idle", type=float, default=5, help="seconds before, undisturbed")
    options.add_argument(
        "--kill-master", action="store_true", help="kill the master in the middle of each attack"
    )
    options.add_argument("--lines", type=int, default=LINES, help="in the journal")
    options.add_argument("--rooms", type=int, default=ROOMS, help="beside the lobby")
    options.add_argument(
        "--journals", type=Path, metavar="DIR", help="where journals are kept for the next time"
    )
    chosen = options.parse_args()
    if unknown := set(chosen.attacks) - set(names):
        options.error(f"no such attack: {', '.join(sorted(unknown))}")
    hold = True
    with tempfile.TemporaryDirectory(prefix="chatd-worst-") as directory:
        journal = template(chosen.journals or Path(directory), chosen.lines, chosen.rooms)
        print(HEAD, flush=True)
        for name in chosen.attacks or names:
            outcome = attacked(
                attack_called(name),
                journal,
                seconds=chosen.seconds,
                idle=chosen.idle,
                kill_master=chosen.kill_master,
            )
            print(outcome, flush=True)
            hold = hold and not outcome.failures
    sys.exit(0 if hold else 1)


if __name__ == "__main__":
    main()
