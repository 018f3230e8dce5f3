"""The storm of resends: readers of chat-client, cut and killed, on a server that is killed too.

Every person numbers its lines and says them without looking whether there is a connection. In the
end the journal has each line once, each person's in order; and each person has been told all of
them once, in the order of the journal, from where it came in.
"""

import random
import select
import time
from typing import Final, NamedTuple

from chatd_client.exchange import Doubtful, Hole, Members, Phase, Refused, Said, Status, Target
from companions import Desk
from harness import Server, chatd
from storm.cutting import Cutter
from storm.pairs import Pair
from storm.striking import Toll, strike

ROOM: Final = "#storm"

PATIENCE: Final = 60.0
"""Seconds in which, when nothing is killed any more, everything has arrived."""


class Resends(NamedTuple):
    """What came of it."""

    seed: int
    lines: int
    cuts: int
    killed: Toll
    lost: int
    doubled: int
    disordered: int
    untold: int
    told_twice: int
    complaints: int

    @property
    def zeros(self) -> bool:
        """Whether what should be zero is."""
        return not any(self[4:])


class _Person:
    def __init__(self, number: int, port: int) -> None:
        self.nick = f"p{number}"
        self.desk = Desk(
            Target(host="127.0.0.1", port=port, dialect="irc", nick=self.nick, rooms=(ROOM,))
        )
        self.said: list[str] = []
        self.under_way: set[str] = set()
        self.told: list[str] = []
        self.complaints: list[str] = []
        self._seen = 0

    def say(self) -> None:
        text = f"{self.nick} {len(self.said)}"
        self.said.append(text)
        [number] = self.desk.say(ROOM, text)
        self.under_way.add(number)

    def take(self) -> None:
        self.desk.wait(0)
        for news in self.desk.news[self._seen :]:
            if isinstance(news, Said):
                self.told.append(news.text)
                self.under_way.discard(news.sent)
            elif isinstance(news, (Refused, Doubtful, Hole)) or (
                isinstance(news, Status) and news.phase is Phase.ENDED
            ):
                self.complaints.append(str(news))
        self._seen = len(self.desk.news)


def storm(
    server: Server, *, seconds: float, people: int, rate: float, every: float, seed: int
) -> Resends:
    """Storm for ``seconds``: ``rate`` lines a second each, a death or a cut ``every`` seconds."""
    dice = random.Random(seed)
    cutter = Cutter(server.port, dice)
    persons = [_Person(number, cutter.port) for number in range(people)]
    toll, pair = Toll(), Pair(server)
    try:
        for person in persons:
            person.desk.expect(Members)
            person.take()
        end = time.monotonic() + seconds
        next_death = time.monotonic() + every
        next_line = time.monotonic()
        while (now := time.monotonic()) < end:
            if now >= next_line:
                next_line += 1 / rate
                for person in persons:
                    person.say()
            if now >= next_death:
                next_death = now + every * dice.uniform(0.5, 1.5)
                strike(server, pair, cutter, lambda: _reader(persons, dice), toll=toll, dice=dice)
            select.select([each.desk.companion for each in persons], [], [], 0.02)
            for person in persons:
                person.take()
        _settle(persons)
        return _judge(server, persons, cutter, toll, seed)
    finally:
        for person in persons:
            person.desk.companion.close()
        cutter.close()


def _reader(persons: list[_Person], dice: random.Random) -> int:
    return dice.choice(persons).desk.companion.pid


def _settle(persons: list[_Person]) -> None:
    """Wait until all is said, and told to all."""
    deadline = time.monotonic() + PATIENCE
    marked: set[str] = set()
    while time.monotonic() < deadline:
        select.select([each.desk.companion for each in persons], [], [], 0.05)
        for person in persons:
            person.take()
        if not any(person.under_way for person in persons):
            if not marked:
                # One more line each: who has been told these has been told what is before them.
                for person in persons:
                    person.say()
                    marked.add(person.said[-1])
            elif all(marked <= set(person.told[-len(marked) * 4 :]) for person in persons):
                return


def _judge(
    server: Server, persons: list[_Person], cutter: Cutter, toll: Toll, seed: int
) -> Resends:
    shown = chatd(server, "history", ROOM, "--last", "1000000")
    journal = [
        text for line in shown.splitlines() if (text := line.partition(" : ")[2]).startswith("p")
    ]
    said = [text for person in persons for text in person.said]
    lost = len(set(said) - set(journal))
    doubled = len(journal) - len(set(journal))
    disordered = untold = told_twice = 0
    for person in persons:
        own = [text for text in journal if text.startswith(f"{person.nick} ")]
        disordered += own != person.said
        told_twice += len(person.told) - len(set(person.told))
        untold += len(set(said) - set(person.told))
        disordered += person.told != [text for text in journal if text in set(person.told)]
    complaints = [each for person in persons for each in person.complaints]
    for each in complaints[:10]:
        print("complaint:", each)
    return Resends(
        seed,
        len(said),
        cutter.cuts,
        toll,
        lost,
        doubled,
        disordered,
        untold,
        told_twice,
        len(complaints),
    )
