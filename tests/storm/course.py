"""The course of a storm: it begins when all are in, and ends when all have heard everything."""

import contextlib
import random
import socket
import sys
import time
from collections.abc import Iterator, Sequence

from harness import Server
from storm.figures import Figures
from storm.killing import NONE, Killer, Killing, Kills
from storm.order import Ear, Order
from storm.people import HANGING, HOST, Listener, Pace, Person, Poller, Sender, Sluggard, Visitor
from storm.wires import WIRES, Wire

TURN = 0.003
"""Seconds that a turn of the loop waits for something to read."""

FINISHING = 60.0
"""Seconds in which everything that was said must have been heard."""

SETTLING = 0.3
"""Seconds after that, in which a doubled line would come at the latest."""

SLUGGISH = 10
"""One listener in so many reads seldom."""

VISITORS = 0.02
"""Visitors at a time, as a part of the others; two at least."""


class Storm:
    """People, the order of what they hear, and who kills."""

    def __init__(
        self,
        server: Server,
        *,
        seconds: float,
        senders: int,
        listeners: int,
        seed: int,
        kills: Kills = NONE,
        volume: float = 16.0,
        killer: Killing | None = None,
        dialects: Sequence[str] = ("text",),
    ) -> None:
        """``volume`` is MB a second for all listeners together.

        ``killer``: somebody else than one who kills at random. ``dialects``: what people speak, in
        turn; the server listens for each on one port, in this order.
        """
        self._seconds = seconds
        self._server = server
        self._dice = random.Random(seed)
        self.figures = Figures(seed, clients=senders + listeners)
        self._doors = [
            (port, WIRES[name]) for port, name in zip(server.ports, dialects, strict=True)
        ]
        longest = min(wire.longest for _, wire in self._doors)
        self._order = Order(self.figures, longest)
        self._killer = killer or Killer(server, self.figures, self._dice, kills)
        self._pace = Pace(volume * 1e6 / (senders + listeners))
        self._poller = Poller()
        self._senders = [Sender(number, *self._door(number)) for number in range(senders)]
        sluggards = -(-listeners // SLUGGISH)
        self._sluggards = [
            Sluggard(senders + i, *self._door(senders + i)) for i in range(sluggards)
        ]
        others = [
            Listener(senders + i, *self._door(senders + i)) for i in range(sluggards, listeners)
        ]
        self._people: list[Listener] = [*self._senders, *self._sluggards, *others]
        self._visitors: set[Visitor] = set()
        self._most_visitors = max(2, int(VISITORS * len(self._people)))
        self._leaving: list[Visitor] = []
        self._gone: set[Person] = set()

    def run(self) -> Figures:
        """Let it rage, and return the figures."""
        self._hush()
        begun = time.monotonic()
        ending = begun + self._seconds
        trimmed = begun
        while (now := time.monotonic()) < ending or self._is_to_go_on(now - ending):
            if self._killer.strike(now):
                for sender in self._senders:
                    sender.struck(now, self.figures.seed, self._dice)
            if len(self._visitors) < self._most_visitors and self._pace.tick(now):
                self._arrive(now)
            self._turn(now, self._pace)
            if now > trimmed + 1:
                trimmed = now
                self._order.trim(self._ears())
        self._finish()
        self.figures.seconds = time.monotonic() - begun
        self._judge()
        return self.figures

    def _door(self, number: int) -> tuple[int, Wire]:
        """Return the port and the dialect of somebody of that ``number``."""
        return self._doors[number % len(self._doors)]

    def _is_to_go_on(self, overdue: float) -> bool:
        return overdue < FINISHING / 2 and not self._killer.is_done()

    def _hush(self) -> None:
        """Let everybody hear that everybody is in, and begin."""
        first = self._people[0]
        first.socket.sendall(first.wire.before + b"quiet please\n")
        for person in self._people:
            person.until(person.wire.quiet)
            if isinstance(person, Sender):
                person.start(self._order, self._dice)
            else:
                person.begin(self._order)
            self._poller.add(person)

    def _arrive(self, now: float) -> None:
        if not self._killer.is_open:
            return
        key = len(self._people) + self.figures.visitors
        self.figures.visitors += 1
        port, wire = self._door(key)
        visitor = Visitor(key, port, self._order, wire, pace=self._pace, dice=self._dice, now=now)
        self._visitors.add(visitor)
        self._poller.add(visitor)

    def _turn(self, now: float, pace: Pace | None) -> None:
        """Let everybody do something; without a ``pace`` nothing new is said."""
        dice, seed = self._dice, self.figures.seed
        first = dice.randrange(len(self._senders))
        for sender in self._senders[first:] + self._senders[:first]:
            if sender not in self._gone:
                with self._alive(sender, now):
                    sender.act(now, pace, dice, seed)
        for sluggard in self._sluggards:
            if sluggard not in self._gone:
                self._stir(sluggard, now, hurry=pace is None)
        for visitor in list(self._visitors):
            with self._alive(visitor, now):
                visitor.act(now)
            if now - visitor.began > HANGING and visitor in self._visitors:
                self.figures.disconnected += 1
                self.figures.note(f"{visitor.name} was not let go")
                self._see_off(visitor)
        for person in self._poller.poll(TURN):
            with self._alive(person, now):
                if not person.ready(now):
                    self._end(person, now, "was disconnected")
            if isinstance(person, Sender):
                person.hears_again(now, self.figures)
        self._remember()

    def _stir(self, sluggard: Sluggard, now: float, *, hurry: bool) -> None:
        assert sluggard.ear.place is not None
        behind = self._order.end - sluggard.ear.place
        if hurry:
            behind = sys.maxsize
        was_awake = sluggard.awake
        if sluggard.act(now, self._dice, behind) and was_awake != sluggard.awake:
            if sluggard.awake:
                self._poller.add(sluggard)
            else:
                self._poller.remove(sluggard)

    @contextlib.contextmanager
    def _alive(self, person: Person, now: float) -> Iterator[None]:
        try:
            yield
        except BlockingIOError:
            pass
        except OSError as error:
            self._end(person, now, str(error))

    def _end(self, person: Person, now: float, how: str) -> None:
        """Take note that the connection of ``person`` has ended."""
        if isinstance(person, Visitor):
            self._part(person, how)
            return
        self._poller.remove(person)
        self._gone.add(person)
        self.figures.disconnected += 1
        since = now - self._killer.last_strike
        self.figures.note(f"{person.name}: {how}, {since:.3f} s after the kill of a master")

    def _part(self, visitor: Visitor, how: str) -> None:
        """Let a ``visitor`` go whose connection has ended."""
        figures = self.figures
        self._see_off(visitor)
        struck = self._killer.last_strike
        since = f"{how}, {time.monotonic() - struck:.3f} s after the kill of a master"
        # Without a supervisor, nobody else holds somebody who comes or goes when the master dies.
        visitor.excused = not self._server.supervised and struck >= (
            visitor.closed_half if visitor.mouth is not None else visitor.began
        )
        if visitor.mouth is None:
            if visitor.excused:
                figures.excused += 1
            else:
                figures.unreceived += 1
                figures.note(f"{visitor.name} was not greeted: {since}")
        elif not visitor.closed_half:
            figures.disconnected += 1
            figures.note(f"{visitor.name}: {since}")
        else:
            visitor.ended = since
            self._leaving.append(visitor)

    def _see_off(self, visitor: Visitor) -> None:
        self._visitors.discard(visitor)
        self._poller.remove(visitor)
        visitor.socket.close()

    def _remember(self, *, last: bool = False) -> None:
        """See that visitors who have left had heard everything, as soon as others have heard it."""
        for visitor in list(self._leaving):
            if self._order.catch_up(visitor.ear) or last:
                self._leaving.remove(visitor)
                self._judge_visitor(visitor)

    def _judge_visitor(self, visitor: Visitor) -> None:
        figures = self.figures
        missing = visitor.missing()
        if visitor.excused and (missing or visitor.ear.partial):
            figures.excused += 1
        elif visitor.ear.waiting:
            figures.garbled += 1
            figures.note(f"{visitor.name} heard what nobody else has: {visitor.ear.waiting[:60]!r}")
        elif missing:
            figures.lost += missing
            figures.note(f"{visitor.name} has not heard {missing} of its own: {visitor.ended}")
        elif visitor.ear.partial:
            figures.garbled += 1
            figures.note(f"{visitor.name} was cut off in mid-line: {visitor.ended}")

    def _ears(self) -> list[Ear]:
        staying = [person.ear for person in self._people if person not in self._gone]
        return staying + [visitor.ear for visitor in (*self._visitors, *self._leaving)]

    def _finish(self) -> None:
        """Let be finished what is begun; nobody is killed any more."""
        deadline = time.monotonic() + FINISHING
        while (now := time.monotonic()) < deadline:
            there = self._killer.rest(now)
            self._turn(now, None)
            if there and not self._visitors and not self._leaving and self._is_all_heard():
                break
        else:
            self.figures.unfinished += 1
            self.figures.note(self._unfinished())
        settled = time.monotonic() + SETTLING
        while (now := time.monotonic()) < settled:
            self._turn(now, None)

    def _is_all_heard(self) -> bool:
        return not self._unheard() and not self._behind()

    def _unheard(self) -> list[bytes]:
        """Return whose lines nobody has heard, of what they have said last."""
        speakers = self._order.speakers.values()
        return [speaker.nick for speaker in speakers if speaker.ordered < speaker.said]

    def _behind(self) -> list[str]:
        """Return who has not heard everything yet."""
        ears = self._ears()
        for ear in ears:
            ear.go_on()
        return [ear.name for ear in ears if ear.place != self._order.end]

    def _unfinished(self) -> str:
        """Tell what was not over in time."""
        return (
            f"not finished within {FINISHING:g} s: {len(self._visitors)} visitors there, "
            f"{len(self._leaving)} to be judged, unheard {self._unheard()}, behind {self._behind()}"
        )

    def _judge(self) -> None:
        self._remember(last=True)
        self._order.conclude(self._ears())
        for visitor in list(self._visitors):
            self.figures.disconnected += 1
            self.figures.note(f"{visitor.name} was not let go")
            self._see_off(visitor)
        for person in self._people:
            person.socket.close()
        self._poller.close()


def free_port() -> int:
    """Return a port that is free now: one that a server can come back to."""
    with socket.create_server((HOST, 0)) as free:
        return int(free.getsockname()[1])


def config(*dialects: str) -> str:
    """Return a configuration with a port for each of ``dialects``; they stay the same."""
    return "".join(
        f'[[listen]]\naddress = "{HOST}:{free_port()}"\n{WIRES[dialect].listener}'
        for dialect in dialects or ("text",)
    )
