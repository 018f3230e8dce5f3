"""Mixed abuse, and 50 people who chat meanwhile and must not notice.

    python3 tests/storm/abuse.py --seconds 600

First the people are alone, for --idle seconds: how long a line takes then is what the rest is held
against. Then come the abusers (``abusers``): floods, those who never read, those who say nothing,
garbage, storms of connections from 200 addresses; workers are killed, and now and then the master
or its supervisor. In the end no line of the people may be lost, doubled or
reordered, nobody of them disconnected, and 99 of 100 lines must have been heard within FACTOR times
what 99 of 100 took before. Prints its figures and the seed; exit code 1 if that is not so. Loopback
only; ends by itself.
"""

import argparse
import random
import select
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__":
    bootstrap.enter(__file__)

from bench.figures import percentile  # noqa: E402
from chatd_supervisor.config import Limits  # noqa: E402
from fuzz.chatters import Chatter, Heard  # noqa: E402
from harness import Server, serving  # noqa: E402
from storm.course import config  # noqa: E402
from storm.pairs import Pair  # noqa: E402
from storm.processes import kill  # noqa: E402
from storm.striking import a_worker  # noqa: E402

FACTOR: Final = 5.0
"""What p99 may be at most, times the idle one."""

LIMITS: Final = "\n[exempt]\naddresses = []\n[limits]\nmessage_rate = {}\n"
ABUSERS: Final = Path(__file__).with_name("abusers.py")

FINISHING: Final = 60.0
"""Seconds in which the last lines must have been heard."""

PAUSE: Final = 1.0
"""Seconds from one line of somebody to the next."""


class Outcome(NamedTuple):
    """What it was like; times in seconds."""

    seed: int
    seconds: float
    idle: list[float]
    """From saying a line until hearing it, before the abuse."""
    abused: list[float]
    """The same, meanwhile."""
    came: int
    """Abusers, each time that one came."""
    workers: int
    masters: int
    supervisors: int
    """Killed."""
    wrong: list[str]

    @property
    def is_well(self) -> bool:
        """Whether nobody has noticed."""
        return not self.wrong and self.factor <= FACTOR

    @property
    def factor(self) -> float:
        """How much longer 99 of 100 lines took."""
        return percentile(self.abused, 99) / percentile(self.idle, 99)

    def __str__(self) -> str:
        shown = (
            f"seed {self.seed}: {self.seconds:.0f} s, {self.came} abusers came, {self.workers} "
            f"workers, {self.masters} masters and {self.supervisors} supervisors killed; "
            f"{len(self.abused)} lines said; wrong: {len(self.wrong)}"
        )
        rows = [
            f"{name}: p50 {percentile(times, 50) * 1e3:.1f} ms, p99 "
            f"{percentile(times, 99) * 1e3:.1f} ms, worst {max(times) * 1e3:.0f} ms"
            for name, times in (("idle", self.idle), ("abused", self.abused))
        ]
        factor = f"p99 is {self.factor:.1f} times the idle one (at most {FACTOR:g})"
        return "\n".join([shown, *rows, factor, *(f"  WRONG: {one}" for one in self.wrong)])


class Killer:
    """Kills one worker after the other, and now and then the master or its supervisor."""

    def __init__(
        self, server: Server, dice: random.Random, kills: float, master_every: float
    ) -> None:
        self._server = server
        self._pair = Pair(server)
        self._dice = dice
        self._kills = kills
        self._master_every = master_every
        self._next_master = self._after(0.0)
        self._next_supervisor = self._after(0.0)
        self._tries = 0
        self.workers = self.masters = self.supervisors = 0

    def _after(self, since: float) -> float:
        """Return when the next one dies: at no moment that somebody could keep to."""
        return since + self._master_every * self._dice.uniform(0.5, 1.5)

    def _is_due(self, since: float) -> bool:
        return bool(self._master_every) and since >= min(self._next_master, self._next_supervisor)

    def strike(self, since: float) -> None:
        """Kill who is due, so many seconds ``since`` it has begun; who is not there is waited for.

        There may be no worker to be seen: right after a master's death.
        """
        if self._is_due(since) and self._pair.look():
            if since >= self._next_master and self._pair.master:
                self.masters += self._pair.kill(self._pair.master)
                self._next_master = self._after(since)
            elif since >= self._next_supervisor and self._pair.others:
                self.supervisors += self._pair.kill(self._dice.choice(self._pair.others))
                self._next_supervisor = self._after(since)
        elif since * self._kills >= self._tries + 1:
            self._tries += 1
            self.workers += kill(a_worker(self._server, self._dice))


class People:
    """Those who chat."""

    def __init__(self, server: Server, count: int) -> None:
        self._heard = Heard()
        self._people = [
            Chatter(server.connect(f"c{n}"), f"c{n}", self._heard, PAUSE, PAUSE * n / count)
            for n in range(count)
        ]
        for person in self._people:
            person.enter("#calm")

    @property
    def wrong(self) -> list[str]:
        """What has gone wrong."""
        return self._heard.wrong

    def chat(self, *, say: bool = True) -> None:
        """Hear what has come, and say what is due."""
        select.select([person.socket for person in self._people], [], [], 0.005)
        for person in self._people:
            person.act(time.monotonic(), say=say)

    def finish(self) -> None:
        """Say nothing more, until everything is heard."""
        deadline = time.monotonic() + FINISHING
        while not all(person.has_heard_all() for person in self._people):
            if time.monotonic() > deadline:
                self._heard.note("the last lines were not heard in time")
                return
            self.chat(say=False)

    def take_times(self) -> list[float]:
        """Return how long each line took since this was asked last."""
        times = [time for person in self._people for time in person.times]
        for person in self._people:
            person.times.clear()
        return times


def abuse(
    server: Server,
    *,
    seconds: float,
    idle: float,
    people: int,
    storm: float,
    kills: float,
    master_every: float,
    seed: int,
) -> Outcome:
    """Abuse ``server`` for so many ``seconds``, and return what it was like."""
    chatting = People(server, people)
    killer = Killer(server, random.Random(seed), kills, master_every)
    ending = time.monotonic() + idle
    while time.monotonic() < ending:
        chatting.chat()
    before = chatting.take_times()
    begun = time.monotonic()
    ending = begun + seconds
    with subprocess.Popen(
        [sys.executable, ABUSERS, str(server.port), str(seconds), str(seed), str(storm)],
        stdout=subprocess.PIPE,
        text=True,
    ) as abusers:
        while (now := time.monotonic()) < ending:
            killer.strike(now - begun)
            chatting.chat()
        told = abusers.communicate(timeout=30)[0]
    chatting.finish()
    return Outcome(
        seed,
        seconds,
        before,
        chatting.take_times(),
        int(told or 0),
        killer.workers,
        killer.masters,
        killer.supervisors,
        chatting.wrong,
    )


def main() -> None:
    """Abuse as the arguments say."""
    options = argparse.ArgumentParser(description="Mixed abuse, while people chat.")
    options.add_argument("--seconds", type=float, default=600)
    options.add_argument("--idle", type=float, default=20, help="seconds before that, undisturbed")
    options.add_argument("--people", type=int, default=50)
    options.add_argument("--storm", type=float, default=50, help="connections a second; 0: none")
    options.add_argument("--kills", type=float, default=2, help="workers a second; 0: none")
    options.add_argument(
        "--master-every", type=float, default=15, help="seconds; supervisors as often; 0: neither"
    )
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument(
        "--message-rate",
        type=int,
        default=Limits().message_rate,
        help="lines a second from one client, chatd's default unless given; 0: no limit",
    )
    chosen = vars(options.parse_args())
    message_rate = chosen.pop("message_rate")
    with (
        tempfile.TemporaryDirectory(prefix="chatd-abuse-") as directory,
        serving(Path(directory), config() + LIMITS.format(message_rate), supervised=True) as server,
    ):
        outcome = abuse(server, **chosen)
    print(outcome)
    sys.exit(0 if outcome.is_well else 1)


if __name__ == "__main__":
    main()
