"""The kill storm: senders, listeners, and SIGKILL at random workers many times a second.

    python3 tests/storm/storm.py --seconds 600 --senders 50 --listeners 450 --kills 50

Every sender numbers its lines. In the end every client must have read every line of every sender
once, in the sender's order, and all clients in the same order; and nobody may have been
disconnected. Prints its figures and the seed; exit code 1 if one of the four zeros is not.
Loopback only; ends by itself.
"""

import argparse
import os
import random
import selectors
import signal
import socket
import sys
import tempfile
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from harness import Server, serving

WINDOW = 400
"""Lines that a sender may be ahead of what it has read of its own."""


@dataclass
class Figures:
    """What a storm has shown."""

    seed: int
    seconds: float = 0.0
    clients: int = 0
    lines: int = 0
    deliveries: int = 0
    kills: int = 0
    restarts: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    disconnected: int = 0
    garbled: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def zeros(self) -> bool:
        return not (
            self.lost or self.doubled or self.reordered or self.disconnected or self.garbled
        )

    def __str__(self) -> str:
        rate = self.deliveries / self.seconds if self.seconds else 0
        return (
            f"seed {self.seed}: {self.clients} clients, {self.seconds:.1f} s, {self.lines} lines, "
            f"{self.deliveries} deliveries ({rate:.0f}/s), {self.kills} kills, "
            f"{self.restarts} restarts\n"
            f"lost {self.lost}, doubled {self.doubled}, reordered {self.reordered}, "
            f"disconnected {self.disconnected}, garbled {self.garbled}"
            + "".join(f"\n  {note}" for note in self.notes[:20])
        )


class Person:
    """One client: sends numbered lines if it is a sender, keeps what it reads."""

    def __init__(self, number: int, port: int, *, sends: bool) -> None:
        self.number = number
        self.sends = sends
        self.nick = f"p{number}"
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.greet()
        self.socket.setblocking(False)
        self.partial = b""
        self.outgoing: deque[bytes] = deque()
        self.sent = 0
        self.own = 0
        self.heard: list[bytes] = []
        self.gone = False

    def greet(self) -> None:
        self.socket.settimeout(60)
        self.socket.sendall(f"/nick {self.nick}\n".encode())
        received = b""
        while f"is now {self.nick}\n".encode() not in received:
            data = self.socket.recv(65536)
            assert data, f"{self.nick} was not greeted: {received!r}"
            received += data

    def compose(self, dice: random.Random) -> None:
        """Queue some lines, cut into pieces of any size."""
        count = min(dice.choice((1, 1, 2, 5, 40)), WINDOW - (self.sent - self.own))
        if count <= 0 or self.outgoing:
            return
        ends = (b"\n", b"\r\n", b"\0")
        block = b"".join(
            b"%d %d %s%s"
            % (self.number, self.sent + i, b"x" * dice.randrange(60), dice.choice(ends))
            for i in range(count)
        )
        self.sent += count
        while block:
            cut = dice.choice((len(block), dice.randrange(1, len(block) + 1)))
            self.outgoing.append(block[:cut])
            block = block[cut:]

    def write(self, dice: random.Random) -> None:
        """Send a piece or two."""
        for _ in range(dice.randrange(1, 3)):
            if not self.outgoing:
                return
            piece = self.outgoing.popleft()
            with suppress(BlockingIOError):
                piece = piece[self.socket.send(piece) :]
            if piece:
                self.outgoing.appendleft(piece)
                return

    def read(self) -> None:
        """Take what has come."""
        try:
            data = self.socket.recv(1 << 20)
        except BlockingIOError:
            return
        if not data:
            self.gone = True
            return
        *lines, self.partial = (self.partial + data).split(b"\n")
        for line in lines:
            if line.startswith(b"--- "):
                continue
            self.heard.append(line)
            if line.startswith(b"%s : " % self.nick.encode()):
                self.own += 1


def storm(
    server: Server,
    *,
    seconds: float,
    senders: int,
    listeners: int,
    kills: float,
    seed: int,
) -> Figures:
    """Storm ``server`` and return the figures."""
    dice = random.Random(seed)
    figures = Figures(seed, clients=senders + listeners)
    people = [Person(i, server.port, sends=i < senders) for i in range(senders + listeners)]
    selector = selectors.DefaultSelector()
    for person in people:
        selector.register(person.socket, selectors.EVENT_READ, person)
    begun = time.monotonic()
    ending = begun + seconds
    next_kill = begun
    while (now := time.monotonic()) < ending:
        for person in people[:senders]:
            if not person.gone:
                person.compose(dice)
                person.write(dice)
        while next_kill <= now:
            next_kill += 1 / kills if kills else seconds
            figures.kills += kill_some(server.pid, dice) if kills else 0
        _listen(selector, 0.002, figures)
    # What is begun is finished, without kills being waited for.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for person in people[:senders]:
            if person.outgoing and not person.gone:
                person.write(dice)
        _listen(selector, 0.01, figures)
        total = sum(person.sent for person in people)
        if all(person.gone or len(person.heard) >= total for person in people):
            break
    # A doubled line would come now at the latest.
    settled = time.monotonic() + 0.3
    while time.monotonic() < settled:
        _listen(selector, 0.05, figures)
    figures.seconds = time.monotonic() - begun
    figures.restarts = server.ask("status")["restarts"]
    _judge(people, figures)
    for person in people:
        person.socket.close()
    return figures


def _listen(selector: selectors.BaseSelector, patience: float, figures: Figures) -> None:
    for key, _ in selector.select(patience):
        person: Person = key.data
        try:
            person.read()
        except OSError as error:
            figures.notes.append(f"{person.nick}: {error}")
            person.gone = True
        if person.gone:
            selector.unregister(person.socket)
            figures.disconnected += 1


def kill_some(master: int, dice: random.Random) -> int:
    """SIGKILL one worker, now and then several, rarely all at once; return how many."""
    with open(f"/proc/{master}/task/{master}/children", encoding="ascii") as listed:
        children = [int(pid) for pid in listed.read().split()]
    count = len(children) if dice.random() < 0.005 else dice.choice((1, 1, 1, 1, 3))
    victims = dice.sample(children, min(len(children), count))
    for pid in victims:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return len(victims)


def _judge(people: list[Person], figures: Figures) -> None:
    expected = {person.nick.encode(): person.sent for person in people if person.sends}
    figures.lines = sum(expected.values())
    figures.deliveries = sum(len(person.heard) for person in people)
    first = people[0].heard
    for person in people:
        following = dict.fromkeys(expected, 0)
        seen = dict.fromkeys(expected, 0)
        for line in person.heard:
            nick, _, text = line.partition(b" : ")
            parts = text.split(b" ")
            if nick not in expected or len(parts) != 3 or b"p" + parts[0] != nick:
                figures.garbled += 1
                figures.notes.append(f"{person.nick} heard {line[:80]!r}")
                continue
            number = int(parts[1])
            seen[nick] += 1
            if number == following[nick]:
                following[nick] += 1
            elif number < following[nick]:
                figures.doubled += 1
                figures.notes.append(f"{person.nick}: {nick!r} {number} again")
            else:
                figures.lost += number - following[nick]
                following[nick] = number + 1
        for nick, sent in expected.items():
            if not person.gone:
                figures.lost += max(0, sent - following[nick])
        if person.heard != first[: len(person.heard)]:
            figures.reordered += 1
            figures.notes.append(f"{person.nick} heard another order than {people[0].nick}")


def main() -> None:
    options = argparse.ArgumentParser(description="Kill workers while lines flow.")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--senders", type=int, default=8)
    options.add_argument("--listeners", type=int, default=16)
    options.add_argument("--kills", type=float, default=50, help="a second")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory() as directory, serving(Path(directory)) as server:
        figures = storm(server, **vars(chosen))
    print(figures)
    sys.exit(0 if figures.zeros else 1)


if __name__ == "__main__":
    main()
