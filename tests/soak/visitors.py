"""Who takes part in a soak: visitors that come, talk and leave, and residents that hear them."""

import random
import socket
import struct
from abc import ABC, abstractmethod
from collections import Counter

HOST = "127.0.0.1"
MARK = b" soak "
"""In every line that counts."""

MOST_LINES = 4
RESET = struct.pack("ii", 1, 0)


class Visitor(ABC):
    """One that comes, says some lines, and leaves when it has seen that they were taken."""

    room = b"#lobby"

    def __init__(self, port: int, number: int, dice: random.Random) -> None:
        self.nick = b"v%d" % number
        self.lines = dice.randint(0, MOST_LINES)
        self._greeted = False
        self._manner = dice.choice(("quit", "half", "reset"))
        self._heard = b""
        self._leaving = False
        self.socket = socket.create_connection((HOST, port))
        self.socket.setblocking(False)
        self.socket.send(self.opening())

    def opening(self) -> bytes:
        """Return what is said before the server has said anything."""
        return b""

    def ready(self) -> bool:
        """Take what has come, and go on; return False when it is over. Raises OSError."""
        data = self.socket.recv(1 << 16)
        if not data:
            assert self._leaving, f"{self.nick!r} was disconnected: {self._heard[-200:]!r}"
            return False
        if self._leaving:
            return True
        self._heard += data
        if not self._greeted:
            if self.is_greeted(self._heard):
                self._greeted = True
                self._heard = b""
                self.talk()
        elif self.is_done(self._heard):
            return self._leave()
        return True

    @abstractmethod
    def is_greeted(self, heard: bytes) -> bool:
        """Tell whether it may talk."""

    @abstractmethod
    def talk(self) -> None:
        """Say everything, and something that is answered."""

    @abstractmethod
    def is_done(self, heard: bytes) -> bool:
        """Tell whether the answer has come."""

    @abstractmethod
    def farewell(self) -> bytes:
        """Return what asks to be let go."""

    def texts(self) -> list[bytes]:
        """Return what it says."""
        return [self.nick + MARK + b"%d" % number for number in range(self.lines)]

    def _leave(self) -> bool:
        self._leaving = True
        if self._manner == "reset":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            return False
        if self._manner == "quit":
            self.socket.send(self.farewell())
        else:
            self.socket.shutdown(socket.SHUT_WR)
        return True


class TextVisitor(Visitor):
    """On nc."""

    def is_greeted(self, heard: bytes) -> bool:
        return b"/help lists" in heard

    def talk(self) -> None:
        lines = [b"/nick " + self.nick, *self.texts(), b"/time"]
        self.socket.send(b"".join(line + b"\n" for line in lines))

    def is_done(self, heard: bytes) -> bool:
        return b"/time" in heard  # there is no such command, and that is said last

    def farewell(self) -> bytes:
        return b"/quit\n"


class IrcVisitor(Visitor):
    """On an IRC client, in a room that no text client is in."""

    room = b"#soak"

    def opening(self) -> bytes:
        return b"NICK %b\r\nUSER v 0 * :v\r\n" % self.nick

    def is_greeted(self, heard: bytes) -> bool:
        return b" 422 " in heard or b" 376 " in heard

    def talk(self) -> None:
        said = [b"PRIVMSG %b :%b" % (self.room, text) for text in self.texts()]
        lines = [b"JOIN " + self.room, *said, b"PING over"]
        self.socket.send(b"".join(line + b"\r\n" for line in lines))

    def is_done(self, heard: bytes) -> bool:
        return b"PONG" in heard

    def farewell(self) -> bytes:
        return b"QUIT :bye\r\n"


class Resident:
    """One that stays, and counts what it hears said in its room."""

    def __init__(self, port: int, number: int, room: bytes) -> None:
        self.room = room
        self.heard: Counter[bytes] = Counter()
        self._partial = b""
        self.socket = socket.create_connection((HOST, port))
        if room != b"#lobby":
            self.socket.send(b"NICK r%d\r\nUSER r 0 * :r\r\nJOIN %b\r\n" % (number, room))
        self._wait_for(b"/help lists" if room == b"#lobby" else b" 366 r%d %b" % (number, room))
        self.socket.setblocking(False)

    def _wait_for(self, words: bytes) -> None:
        heard = b""
        self.socket.settimeout(15)
        while words not in heard:
            data = self.socket.recv(1 << 16)
            assert data, heard
            heard += data

    def ready(self) -> bool:
        """Take what has come. Raises OSError."""
        data = self.socket.recv(1 << 16)
        assert data, "a resident was disconnected"
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            if MARK in line:
                self.heard[line.rpartition(b":")[2].strip()] += 1
            elif line.startswith(b"PING"):
                self.socket.send(line.replace(b"PING", b"PONG", 1) + b"\n")
        return True

    def faults(self, said: set[bytes]) -> tuple[int, int]:
        """Return how many of ``said`` it has not heard and how often too often; begin anew."""
        lost = len(said - self.heard.keys())
        doubled = sum(self.heard.values()) - len(self.heard)
        self.heard.clear()
        return lost, doubled
