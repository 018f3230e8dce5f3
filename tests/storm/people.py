"""The people in a storm: who talks, who listens, who reads too seldom, who comes and goes.

Each has a non-blocking socket that a Crowd polls, and an Ear (see ``order``) for what it hears.
"""

import random
import select
import socket
from collections import deque
from contextlib import suppress

from storm.figures import Figures
from storm.order import Ear, Order, Speaker, text_of
from storm.wires import Wire

HOST = "127.0.0.1"

WINDOW = 400
"""Lines that a speaker may be ahead of what it has heard of its own."""

BURSTS = (1, 1, 1, 2, 5, 40, WINDOW)

PAUSES = 0.1
"""How often somebody pauses within a line, or between two, and for up to how many seconds."""
PAUSE = 0.5

MEASURING = 0.7
"""How often a speaker tells how long it was deaf after the kill of a master."""

TINY = 4096
"""Receive buffer, in bytes, of those who read seldom."""

HANGING = 60.0
"""Seconds after which a visitor should have been let go."""

HURRY = 1 << 20
"""Bytes behind the others that somebody who reads seldom does not fall."""


class Pace:
    """How much may be said: bytes a second, shared by all."""

    def __init__(self, rate: float) -> None:
        self._rate = rate
        self._left = 0.0
        self._since = 0.0

    def tick(self, now: float) -> bool:
        """Return whether more may be said ``now``."""
        self._left = min(self._left + (now - self._since) * self._rate, self._rate / 2)
        self._since = now
        return self._left > 0

    def spend(self, size: int) -> None:
        """Take note that ``size`` bytes are said."""
        self._left -= size


class Mouth:
    """What a speaker has still to send, in pieces, and when it goes on after a pause."""

    def __init__(
        self,
        client: socket.socket,
        speaker: Speaker,
        dice: random.Random,
        wire: Wire,
        longest: int,
    ) -> None:
        """``longest``: bytes of a text, at most."""
        self._socket = client
        self._wire = wire
        self._longest = longest
        self._dice = dice
        self.speaker = speaker
        self.pieces: deque[tuple[bytes, float]] = deque()
        self.silent_until = 0.0

    def compose(self, seed: int, count: int, *, unended: bool = False) -> int:
        """Queue ``count`` lines, cut into pieces of any size; return their bytes.

        ``unended``: the last one without its end.
        """
        dice, speaker, wire = self._dice, self.speaker, self._wire
        block = b"".join(
            wire.before
            + text_of(seed, speaker.key, speaker.said + i, self._longest)
            + dice.choice(wire.ends)
            for i in range(count)
        )
        if unended:
            block = block.rstrip(b"\r\n\0")
        speaker.said += count
        size = len(block)
        while block:
            cut = dice.choice((len(block), dice.randrange(1, len(block) + 1)))
            pause = dice.random() * PAUSE if dice.random() < PAUSES else 0.0
            self.pieces.append((block[:cut], pause))
            block = block[cut:]
        return size

    def hurry(self) -> None:
        """Say without pauses what is to be said."""
        self.silent_until = 0.0
        self.pieces = deque((piece, 0.0) for piece, _ in self.pieces)

    def send(self, now: float) -> None:
        """Send a piece or two. Raises OSError if the connection is no more."""
        for _ in range(self._dice.randrange(1, 3)):
            if not self.pieces or now < self.silent_until:
                return
            piece, pause = self.pieces.popleft()
            sent = 0
            with suppress(BlockingIOError):
                sent = self._socket.send(piece)
            if sent < len(piece):
                self.pieces.appendleft((piece[sent:], pause))
                return
            self.silent_until = now + pause


class Listener:
    """Somebody who is there from beginning to end, and hears everything."""

    def __init__(self, number: int, port: int, wire: Wire, *, buffer: int = 0) -> None:
        self.name = f"p{number}"
        self.wire = wire
        self.socket = socket.socket()
        if buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        self.socket.settimeout(60)
        self.socket.connect((HOST, port))
        self.ear: Ear
        wire.enter(self.socket, self.name.encode(), number, self.until)

    def until(self, sign: bytes) -> None:
        """Read up to the end of a line with ``sign`` in it."""
        received = b""
        while sign not in received or not received.endswith(b"\n"):
            data = self.socket.recv(1 << 16)
            assert data, f"{self.name} was disconnected: {received[-1000:]!r}"
            received += data

    def begin(self, order: Order) -> None:
        """Be quiet by now, and begin to listen."""
        self.socket.setblocking(False)
        self.ear = Ear(self.name, order, ordered=self.wire.ordered)

    def ready(self, now: float) -> bool:
        """Read; return whether the connection still is. Raises OSError if it has broken."""
        del now
        data = self.socket.recv(1 << 18)
        self.ear.hear(data)
        return bool(data)


class Sender(Listener):
    """A listener who also talks, and takes note of how long it hears nothing of its own."""

    def __init__(self, number: int, port: int, wire: Wire) -> None:
        super().__init__(number, port, wire)
        self.number = number
        self.mouth: Mouth
        self._deaf_since = 0.0
        self._awaited: int | None = None
        self._again = False

    def start(self, order: Order, dice: random.Random) -> None:
        """Begin to listen, and to talk."""
        self.begin(order)
        nick = self.name.encode()
        if not self.wire.hears_itself(self.number):
            ordered = self.wire.ordered
            self.ear = Ear(self.name, order, deaf_to=nick, ordered=ordered)
        speaker = order.speakers[nick] = Speaker(self.number, nick)
        self.mouth = Mouth(self.socket, speaker, dice, self.wire, order.longest)

    def act(self, now: float, pace: Pace | None, dice: random.Random, seed: int) -> None:
        """Say something, within ``pace`` (nothing new without one), or go on with it."""
        mouth = self.mouth
        if not mouth.pieces and pace is not None and pace.tick(now) and dice.random() < 0.5:
            speaker = mouth.speaker
            count = min(dice.choice(BURSTS), WINDOW - (speaker.said - speaker.heard))
            if count > 0:
                pace.spend(mouth.compose(seed, count))
        if mouth.pieces:
            mouth.send(now)

    def struck(self, now: float, seed: int, dice: random.Random) -> None:
        """Say a line, as the master was killed ``now``, and be deaf until it is heard.

        Now and then just go on, perhaps with a pause in the middle of a line.
        """
        if self._awaited is not None:
            self._again = True
        elif dice.random() < MEASURING:
            self._deaf_since = now
            self._awaited = self.mouth.speaker.said
            self.mouth.compose(seed, 1)
            self.mouth.hurry()

    def hears_again(self, now: float, figures: Figures) -> None:
        """Take note if the line that was said when the master was killed has been heard."""
        speaker = self.mouth.speaker
        self.ear.go_on()
        if self.ear.place is not None:
            speaker.hear(self.ear.place)
        if self._awaited is not None and speaker.heard > self._awaited:
            times = figures.deaf_again if self._again else figures.deaf
            times.append(now - self._deaf_since)
            self._awaited = None
            self._again = False


class Sluggard(Listener):
    """A listener with a tiny receive buffer who reads in bursts: the server's buffers fill up."""

    def __init__(self, number: int, port: int, wire: Wire) -> None:
        super().__init__(number, port, wire, buffer=TINY)
        self.awake = True
        self._until = 0.0

    def act(self, now: float, dice: random.Random, behind: int) -> bool:
        """Fall asleep or wake up if it is time; return whether that has changed."""
        if behind > HURRY and not self.awake:
            self._until = 0.0
        if now < self._until:
            return False
        self.awake = behind > HURRY or not self.awake
        self._until = now + dice.uniform(0.1, 0.4 if self.awake else 1.5)
        return True


class Visitor:
    """Comes, says something, takes its leave, and reads to the end."""

    def __init__(
        self,
        key: int,
        port: int,
        order: Order,
        wire: Wire,
        *,
        pace: Pace,
        dice: random.Random,
        now: float,
    ) -> None:
        self.key = key
        self.name = f"visitor {key}"
        self.ear = Ear(self.name, order, late=True, ordered=wire.ordered)
        self.began = now
        self.mouth: Mouth | None = None
        self.closed_half = 0.0
        self.ended = ""
        self.excused = False
        self._dice = dice
        self._order = order
        self._pace = pace
        self._greeting = b""
        self._wire = wire
        self._knock = self._wire.knock(b"v%d" % key, key)
        self.socket = socket.socket()
        self.socket.setblocking(False)
        self.socket.connect_ex((HOST, port))

    def ready(self, now: float) -> bool:
        """Read; return whether the connection still is. Raises OSError if it has broken."""
        data = self.socket.recv(1 << 18)
        if self.mouth is not None:
            self.ear.hear(data)
        elif data:
            self._hear_greeting(data, now)
        return bool(data)

    def _hear_greeting(self, data: bytes, now: float) -> None:
        self._greeting += data
        named = self._wire.inside.search(self._greeting)
        if named is None:
            return
        nick, rest = named[1], self._greeting[named.end() :]
        speaker = self._order.speakers[nick] = Speaker(self.key, nick)
        self.mouth = Mouth(self.socket, speaker, self._dice, self._wire, self._order.longest)
        dice, seed = self._dice, self._order.figures.seed
        for _ in range(dice.randrange(1, 4)):
            self._pace.spend(self.mouth.compose(seed, dice.choice((1, 1, 2, 10))))
        unended = self._wire.unended and dice.random() < 0.5
        self._pace.spend(self.mouth.compose(seed, 1, unended=unended))
        self.ear.hear(rest)
        self.act(now)

    def act(self, now: float) -> None:
        """Say what is to be said, then go. Raises OSError if the connection has broken."""
        if self._knock:
            self._knock = self._knock[self.socket.send(self._knock) :]
        mouth = self.mouth
        if mouth is None or self.closed_half:
            return
        mouth.send(now)
        if not mouth.pieces and now >= mouth.silent_until:
            self._wire.leave(self.socket)
            self.closed_half = now

    def missing(self) -> int:
        """Return how many of its own lines it has not heard."""
        assert self.mouth is not None, "it has been greeted"
        speaker = self.mouth.speaker
        speaker.hear(self.ear.place or 0)
        return speaker.said - speaker.heard


Person = Listener | Visitor


class Poller:
    """Whoever has something to read."""

    def __init__(self) -> None:
        self._epoll = select.epoll()
        self._people: dict[int, Person] = {}

    def add(self, person: Person) -> None:
        """Look at ``person`` from now on."""
        self._people[person.socket.fileno()] = person
        self._epoll.register(person.socket, select.EPOLLIN)

    def remove(self, person: Person) -> None:
        """Look at ``person`` no longer; may be called more than once."""
        if self._people.pop(person.socket.fileno(), None) is not None:
            self._epoll.unregister(person.socket)

    def poll(self, patience: float) -> list[Person]:
        """Return who has something to read, within ``patience`` seconds."""
        ready = self._epoll.poll(patience)
        return [self._people[descriptor] for descriptor, _ in ready]

    def close(self) -> None:
        """Close the poller, and nobody's connection."""
        self._epoll.close()
