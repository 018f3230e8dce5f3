"""Random and mutated lines of IRC through reader, channel, hub and writer, without a socket.

    python3 tests/fuzz/irc.py --lines 10000000

Some clients with different capabilities, one of the text dialect among them, say lines that nobody
would type. Each goes the way that it would go in chatd: the reader makes a command of it; it must
be one that the master accepts from a worker; the hub applies it; what is delivered is written for
each who hears it. There must be no exception, no line written that IRC does not know, and no
growth: what a hub remembers has bounds. Prints its seed; whatever goes wrong names the line.
"""

import argparse
import os
import random
import sys
import time
from pathlib import Path
from typing import Final

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are fuzz.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

if __name__ == "__main__":
    bootstrap.enter(__file__)

import msgspec  # noqa: E402

from chatd_supervisor.hub import Delivery, Hub, Leaving, OperatorBlock, Rules  # noqa: E402
from chatd_workers import commands as c  # noqa: E402
from chatd_workers.dialects import DIALECTS  # noqa: E402
from fuzz.lines import a_line, corpus  # noqa: E402
from irc_messages import checked, parse  # noqa: E402

CAPABILITIES: Final = (
    b"",
    b"echo-message message-tags server-time batch labeled-response",
    b"account-tag extended-join away-notify multi-prefix userhost-in-names setname",
    b"draft/chathistory draft/event-playback draft/read-marker batch extended-monitor",
)

NICKS: Final = (b"alice", b"bob", b"carol", b"dave", b"erin", b"frank")

STRANGERS: Final = 0.1
"""How often somebody comes and does not register."""

SENSE: Final = 0.1
"""How often somebody does what brings life into a room, instead of saying anything."""

SENSIBLE: Final = (
    b"JOIN #x1",
    b"JOIN #x1,#x2",
    b"JOIN 0",
    b"PRIVMSG #x1 :hello",
    b"MODE #x1 -bb+oo *!*@* bob!*@* alice bob",
    b"MODE #x1 -imnstklRM beer",
    b"OPER root sesame",
    b"TOPIC #x1 :tea",
    b"AWAY",
)

RULES: Final = Rules(
    max_rooms=30,
    rooms_per_client=10,
    list_entries=10,
    whowas_entries=20,
    monitor_entries=10,
    accept_entries=10,
    operators=(OperatorBlock("root", "sesame"),),
)
"""Narrow, so that all bounds are met soon."""

SETTLED: Final = 0.2
"""By then, as a part of all lines, everything that is remembered is full."""

GROWTH: Final = 4 * 1024 * 1024
"""Bytes that the process may grow after that: fragments, not something that is kept."""

_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final = msgspec.msgpack.Decoder(c.Command)


class People:
    """Clients of one hub, who are let in again when they have been let go."""

    def __init__(self, dice: random.Random) -> None:
        self.hub = Hub(RULES)
        self._dice = dice
        self._last = 0
        self._dialects: dict[int, str] = {}
        self.heard = 0
        self.refused = 0
        for _ in NICKS:
            self._arrive("irc")
        self._arrive("text")

    def say(self, line: bytes) -> None:
        """Have somebody say ``line``, or something sensible."""
        number = self._dice.choice([n for n, spoken in self._dialects.items() if spoken == "irc"])
        self._hear(number, self._dice.choice(SENSIBLE) if self._dice.random() < SENSE else line)

    def _arrive(self, dialect: str) -> None:
        self._last += 1
        number = self._last
        self._dialects[number] = dialect
        self._apply(number, c.Arrive(dialect, "127.0.0.1"))
        if dialect == "irc":
            nicks = [nick for nick in NICKS if nick.decode() not in self.hub.nicks]
            self._hear(number, b"CAP REQ :" + self._dice.choice(CAPABILITIES))
            self._hear(number, b"NICK " + self._dice.choice(nicks or [b"n%d" % number]))
            if self._dice.random() >= STRANGERS:
                self._hear(number, b"USER u 0 * :somebody")
                self._hear(number, b"CAP END")
                self._hear(number, b"JOIN #x1")

    def _hear(self, number: int, line: bytes) -> None:
        command = DIALECTS["irc"].read(line)
        if command is None:
            return
        # What the master would refuse from a worker would end that worker.
        assert _DECODER.decode(_ENCODER.encode(command)) == command
        self.refused += isinstance(command, c.Refuse)
        if number in self.hub.sessions:
            self._apply(number, command)

    def _apply(self, number: int, entry: c.Entry) -> None:
        hub = self.hub
        hub.now += 1000
        leaving = []
        for outcome in hub.apply(number, entry):
            if isinstance(outcome, Delivery):
                self._deliver(outcome)
            elif isinstance(outcome, Leaving):
                leaving.append(outcome)
        hub.facts.clear()
        for one in leaving:
            self._leave(one.session, one.reason)

    def _leave(self, number: int, reason: str) -> None:
        if number in self.hub.sessions:
            self._apply(number, c.Depart(reason))
        dialect = self._dialects.pop(number, None)
        if dialect is not None:
            self._arrive(dialect)

    def _deliver(self, delivery: Delivery) -> None:
        for session in delivery.audience.sessions:
            if session is delivery.but:
                continue
            written = DIALECTS[session.dialect].write(delivery.event, session.view)
            self.heard += len(written)
            if session.dialect == "irc":
                for line in written.split(b"\n")[:-1]:
                    parse(checked(line))
            assert not written or written.endswith(b"\n"), written


def resident() -> int:
    """Return the bytes that this process has in memory (proc(5))."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE")


def fuzz(lines: int, seed: int) -> People:
    """Have ``lines`` lines said. Raises AssertionError at the first that does harm, or growth."""
    dice = random.Random(seed)
    known = corpus()
    people = People(dice)
    settled = 0
    for number in range(lines):
        if number == int(lines * SETTLED):
            settled = resident()
        line = a_line(dice, known)
        try:
            people.say(line)
        except BaseException as error:
            error.add_note(f"seed {seed}, line {number}: {line!r}")
            raise
    grown = resident() - settled
    assert grown <= GROWTH, f"grown by {grown} bytes since it had settled, seed {seed}"
    return people


def main() -> None:
    """Fuzz as the arguments say."""
    options = argparse.ArgumentParser(description="Lines of IRC that nobody would type.")
    options.add_argument("--lines", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = options.parse_args()
    began = time.monotonic()
    people = fuzz(chosen.lines, chosen.seed)
    print(
        f"seed {chosen.seed}: {chosen.lines} lines in {time.monotonic() - began:.0f} s, "
        f"{people.refused} refused by the reader, {people.heard} bytes written, "
        f"{resident() / 1e6:.0f} MB"
    )


if __name__ == "__main__":
    main()
