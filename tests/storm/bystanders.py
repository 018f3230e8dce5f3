"""Two people who chat while others attack: how long their lines take, and what goes wrong.

They speak at fixed moments, whether or not the last line was heard, so that a server that is deaf
for a second shows in all lines of that second. Each line is timed from the moment when it was due
until each of the two has heard it.
"""

import re
import select
import time
from collections.abc import Callable
from typing import Final

from harness import Client

SOURCE: Final = "127.0.0.3"

PAUSE: Final = 0.1
"""Seconds from one line of somebody to the next."""

FINISHING: Final = 30.0
"""Seconds in which the last lines must have been heard."""

LOOK: Final = 0.02
"""Seconds between two looks at something beside."""

_SAID: Final = re.compile(rb"(calm\d) : (\d+) (\d+)\0*$")


class Bystanders:
    """The two, and what they have seen."""

    def __init__(self, port: int) -> None:
        self._people = [_Person(port, f"calm{n}", PAUSE * n / 2) for n in range(2)]
        self.times: list[float] = []
        """In seconds, since ``take_times``."""
        self.wrong: list[str] = []

    def chat(self, until: Callable[[], bool], look: Callable[[], object] = bool) -> None:
        """Chat until ``until`` says so; ``look`` is called now and then."""
        for person in self._people:
            person.begin(time.monotonic())
        looked = 0.0
        while not until():
            self._turn(say=True)
            if (now := time.monotonic()) - looked > LOOK:
                looked = now
                look()

    def finish(self, look: Callable[[], object] = bool) -> None:
        """Say nothing more, until everything is heard."""
        deadline = time.monotonic() + FINISHING
        while not all(person.heard == self._said for person in self._people):
            if time.monotonic() > deadline:
                self.wrong.append(f"last lines not heard within {FINISHING:g} s")
                self.times.append(FINISHING)
                return
            if self.wrong:
                return
            self._turn(say=False)
            look()

    def take_times(self) -> list[float]:
        """Return how long each line took since this was asked last."""
        times, self.times = self.times, []
        return times

    def close(self) -> None:
        """Leave."""
        for person in self._people:
            person.client.close()

    @property
    def _said(self) -> dict[bytes, int]:
        return {person.nick: person.said for person in self._people}

    def _turn(self, *, say: bool) -> None:
        select.select([person.client.socket for person in self._people], [], [], 0.002)
        for person in self._people:
            try:
                if say:
                    person.speak(time.monotonic())
                self.times += person.hear(self.wrong)
            except OSError as error:
                self.wrong.append(f"{person.nick.decode()} was disconnected: {error}")
                raise


class _Person:
    def __init__(self, port: int, nick: str, before: float) -> None:
        self.nick = nick.encode()
        self._before = before
        self.client = Client(port, source=SOURCE).greet(nick)
        self.client.send("/join #calm\n")
        self.client.until("#calm")
        self.client.socket.setblocking(False)
        self._rest = b""
        self._due = 0.0
        self.said = 0
        self.heard: dict[bytes, int] = {b"calm0": 0, b"calm1": 0}

    def begin(self, now: float) -> None:
        """Say the next line soon."""
        self._due = now + self._before

    def speak(self, now: float) -> None:
        """Say what is due."""
        while self._due <= now:
            self.client.socket.sendall(b"%d %d\n" % (self.said, self._due * 1e6))
            self.said += 1
            self._due += PAUSE

    def hear(self, wrong: list[str]) -> list[float]:
        """Return how long the lines took that have come; what is not right is ``wrong``."""
        try:
            data = self.client.socket.recv(1 << 18)
        except BlockingIOError:
            return []
        if not data:
            raise ConnectionError("end of the stream")
        now = time.monotonic()
        *lines, self._rest = (self._rest + data).split(b"\n")
        times = []
        for line in lines:
            if found := _SAID.match(line):
                number, due = int(found[2]), self.heard[found[1]]
                if number != due:
                    wrong.append(f"{self.nick!r} heard {number} of {found[1]!r} instead of {due}")
                self.heard[found[1]] = number + 1
                times.append(now - int(found[3]) / 1e6)
        return times
