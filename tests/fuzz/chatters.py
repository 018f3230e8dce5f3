"""People who chat in numbered lines, each only when it has heard its own last one."""

import re
import socket
import time
from typing import Final

from harness import Client

_SAID: Final = re.compile(rb"(c\d+) : (\d+)$")


class Heard:
    """The one order of lines, as whoever was first has heard it, and what departs from it."""

    def __init__(self) -> None:
        self.order: list[tuple[bytes, int]] = []
        self._numbers: dict[bytes, int] = {}
        self.wrong: list[str] = []

    @property
    def total(self) -> int:
        """Lines that were heard."""
        return len(self.order)

    def take(self, place: int, nick: bytes, number: int) -> None:
        """Take note that somebody has heard ``number`` of ``nick`` at ``place`` in the order."""
        if place < len(self.order):
            if self.order[place] != (nick, number):
                self.note(f"{nick!r} {number} where others heard {self.order[place]}")
            return
        due = self._numbers.get(nick, 0)
        if number != due:
            self.note(f"{nick!r} {number} where {due} was due: lost, doubled or reordered")
        self._numbers[nick] = number + 1
        self.order.append((nick, number))

    def note(self, text: str) -> None:
        """Keep ``text``, unless there is enough already."""
        if len(self.wrong) < 20:
            self.wrong.append(text)


class Chatter:
    """One of them."""

    def __init__(
        self, client: Client, nick: str, heard: Heard, pause: float = 0.0, before: float = 0.0
    ) -> None:
        """``pause``: seconds from line to line; ``before``: until the first.

        Whoever is kept from speaking says the next line when it would have been due all the same:
        or all who were kept at some moment would speak at one moment from then on.
        """
        self._client = client
        self.socket: socket.socket = client.socket
        self._heard = heard
        self._place = 0
        self._said = 0
        self._own = 0
        self._since = 0.0
        self._due = time.monotonic() + before
        self._partial = b""
        self._nick = nick.encode()
        self._pause = pause
        self.times: list[float] = []
        """Seconds until it has heard what it said itself, for each line."""

    def enter(self, room: str) -> None:
        """Go into ``room``; all must have, before one says something."""
        # The answer to what is no command is for it alone, and comes after it is in.
        self._client.send(f"/join {room}\n/arrived\n")
        self._client.until("/arrived")
        self.socket.setblocking(False)

    def act(self, now: float, *, say: bool) -> None:
        """Hear what has come; say the next line if the last one was heard."""
        self._hear(now)
        if say and self._own == self._said and now >= self._due:
            while self._pause and self._due <= now:
                self._due += self._pause
            self._since = time.monotonic()
            self.socket.sendall(b"%d\n" % self._said)
            self._said += 1

    def has_heard_all(self) -> bool:
        """Tell whether it has heard all that anybody is known to have said."""
        return self._own == self._said and self._place == self._heard.total

    def _hear(self, now: float) -> None:
        try:
            data = self.socket.recv(1 << 18)
        except BlockingIOError:
            return
        except OSError as error:
            data = b""
            self._heard.note(f"disconnected: {error}")
        if not data:
            self._heard.note("disconnected")
            raise ConnectionError(f"disconnected: {self._partial!r}")
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            match = _SAID.match(line)
            if match is None:
                continue
            self._heard.take(self._place, match[1], int(match[2]))
            self._place += 1
            if match[1] == self._nick:
                self._own += 1
                self.times.append(now - self._since)
