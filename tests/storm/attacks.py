"""What one address can do at its worst: a table of attacks, and the process that runs one of them.

``attacks.py NAME PORTS SECONDS``: PORTS are where text and IRC are spoken, and IRC behind a proxy,
with commas between. All come from SOURCE, to which no exemption applies, and say as much as the
server takes from them. Prints ``begun`` when all are in and the attack proper begins, and what
became of them in the end.

To add an attack, add a row to ``ATTACKS``. The journal that it meets is described in
``worst_journal``.
"""

import base64
import contextlib
import itertools
import os
import select
import socket
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, NamedTuple

if __name__ == "__main__":
    # Python has put this folder first; its modules are storm.NAME.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from storm.logins import ACCOUNT, PASSWORD, Logins, proxied

SOURCE: Final = "127.0.0.2"

LIMIT: Final = 60.0
"""Seconds in which everybody must be in."""

PIECES: Final = 64 * 1024
"""Bytes that are made at a time of what somebody says."""

_TOKENS: Final = b"a." * 500


class Attack(NamedTuple):
    """So many clients, and what each does."""

    name: str
    what: str
    """One line for --help and the table."""
    clients: int
    says: Callable[[int], Iterable[bytes]]
    """What the client of that number says, line after line (with their ends), until it is over."""
    irc: bool = True
    before: Callable[[int], bytes] = lambda _: b""
    """What a client of IRC says first; nobody begins until all have done that."""
    reads: bool = True
    """They take what they are answered."""
    address: Callable[[int], str] = lambda _: ""
    """Of IPv6, which a proxy tells of the client of that number; empty: it comes by itself."""
    comes_again: bool = False
    """Whoever is put out connects again, once a second."""
    logins: bool = False
    """Meanwhile somebody from elsewhere logs in, again and again (``logins``)."""
    program: tuple[str, ...] = ()
    """What is run instead of chatd, for attacks by a worker that was taken over."""


def _again(*lines: bytes) -> Callable[[int], Iterator[bytes]]:
    return lambda _: itertools.cycle(lines)


def _times(count: int, *lines: bytes) -> Callable[[int], Iterator[bytes]]:
    return lambda _: itertools.chain.from_iterable(itertools.repeat(lines, count))


def _join(_: int) -> Iterator[bytes]:
    """Four lines, into as many rooms as a client may be in."""
    for first in range(0, 100, 25):
        rooms = ",".join(f"#room{n}" for n in range(first, first + 25))
        yield f"JOIN {rooms}\r\n".encode()


def _own_tokens(number: int) -> Iterator[bytes]:
    """Long lines of short words, then searches for them."""
    yield b"/join #tokens%d\n" % number
    yield from itertools.repeat(b"a." * 4000 + b"\n", 60)
    yield from itertools.cycle([b"/search " + _TOKENS + b"\n", b"/search a\n"])


def _base64(text: str) -> bytes:
    return base64.b64encode(text.encode())


_GUESS: Final = b"AUTHENTICATE SCRAM-SHA-256\r\nAUTHENTICATE %s\r\nAUTHENTICATE %s\r\n" % (
    _base64(f"n,,n={ACCOUNT},r=mine"),
    _base64(f"c=biws,r=mine,p={'A' * 43}="),
)
_LOGIN: Final = b"AUTHENTICATE PLAIN\r\nAUTHENTICATE %s\r\n" % _base64(f"\0{ACCOUNT}\0{PASSWORD}")

_MASKS: Final = ",".join(f"!{n}" for n in range(10, 128)).encode()

_TAKEN_OVER: Final = (
    sys.executable,
    str(Path(__file__).resolve().parents[1] / "process" / "taken_over.py"),
)
"""chatd with workers that do as they are told by their clients: ``!WHAT``."""

ATTACKS: Final = (
    Attack(
        "search-tokens",
        "/search of one word of 500 tokens, by 10 clients",
        10,
        _again(b"/search " + _TOKENS + b"\n"),
        irc=False,
    ),
    Attack(
        "search-common",
        "/search of two common words that never meet, by 10 clients",
        10,
        _again(b"/search even odd\n"),
        irc=False,
    ),
    Attack(
        "search-own",
        "8 KB lines of tokens, then /search of them, by 10 clients",
        10,
        _own_tokens,
        irc=False,
    ),
    Attack(
        "missed",
        "/missed by 10 clients whose nicks left before all that was said",
        10,
        _again(b"/missed\n"),
        irc=False,
    ),
    Attack("join", "JOIN of 100 rooms in four lines, by 100 clients at once", 100, _join),
    Attack(
        "chathistory",
        "CHATHISTORY among lines, by 20 clients",
        20,
        _again(
            b"PRIVMSG #room1 :a line among others\r\n" * 3
            + b"CHATHISTORY LATEST #room1 * 200\r\n"
            + b"CHATHISTORY TARGETS timestamp=2000-01-01T00:00:00.000Z"
            b" timestamp=2100-01-01T00:00:00.000Z 200\r\n"
        ),
        before=lambda _: (
            b"CAP REQ :batch server-time message-tags draft/chathistory\r\nCAP END\r\n"
            b"JOIN #room1\r\n"
        ),
    ),
    Attack(
        "list",
        "LIST of 118 negative masks, by 20 clients",
        20,
        _again(b"LIST " + _MASKS + b"\r\n"),
    ),
    Attack(
        "names",
        "NAMES of one room of 100, 101 times a line, by 100 clients who do not read",
        100,
        _times(60, b"NAMES " + b",".join([b"#big"] * 101) + b"\r\n"),
        before=lambda _: b"JOIN #big\r\n",
        reads=False,
    ),
    Attack(
        "who",
        "WHO of masks that match nobody, by 100 clients",
        100,
        _again(b"WHO *a*b*c*d*e*f*g*\r\n"),
    ),
    Attack(
        "flood",
        "lines as fast as they are taken, by 50 clients in one room",
        50,
        lambda _: itertools.chain([b"/join #flood\n"], itertools.repeat(b"all the same to me\n")),
        irc=False,
    ),
    Attack(
        "scram-guesses",
        "guesses at a password by SCRAM, by 20 clients who come again when they are put out",
        20,
        _again(_GUESS),
        comes_again=True,
        logins=True,
    ),
    Attack(
        "plain-logins",
        "logins by PLAIN, from 100 addresses of one network of IPv6",
        100,
        _again(_LOGIN),
        address=lambda number: f"2001:db8::{number + 1:x}",
        logins=True,
    ),
    Attack(
        "worker-offers",
        "workers that offer their clients to their own master without end, by 10 clients",
        10,
        _again(b"!offer-to-its-master\n"),
        irc=False,
        comes_again=True,
        program=_TAKEN_OVER,
    ),
    Attack(
        "worker-traces",
        "workers that tell their stacks without end, by 10 clients",
        10,
        _again(b"!long-traces\n"),
        irc=False,
        comes_again=True,
        program=_TAKEN_OVER,
    ),
    Attack(
        "worker-forges",
        "workers that end with a reason of many lines, by 10 clients",
        10,
        _again(b"!forged-end\n"),
        irc=False,
        comes_again=True,
        program=_TAKEN_OVER,
    ),
    Attack(
        "worker-spins",
        "workers that compute without end, by 4 clients",
        4,
        _again(b"!spin\n"),
        irc=False,
        comes_again=True,
        program=_TAKEN_OVER,
    ),
)


def attack_called(name: str) -> Attack:
    """Return the attack of that name. Raises StopIteration if there is none."""
    return next(attack for attack in ATTACKS if attack.name == name)


class _Client:
    """One of them."""

    def __init__(self, attack: Attack, number: int, port: int) -> None:
        self._attack = attack
        self.number = number
        self.begun = time.monotonic()
        self._says = iter(attack.says(number))
        self._heard = b""
        self.socket = socket.socket()
        self.socket.bind((SOURCE, 0))
        self.socket.settimeout(LIMIT)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setblocking(False)
        nick = b"m%d" % number
        if attack.irc:
            self._out = proxied(attack.address(number))
            self._out += b"NICK %s\r\nUSER m 0 * :m\r\n" % nick
            self._out += attack.before(number) + b"PING :all-in\r\n"
            self._ready = b"all-in"
        else:
            self._out = b"/nick %s\n" % nick
            self._ready = b"is now " + nick
        self.is_in = False
        self._is_done = False
        self.is_gone = False

    def another(self, port: int) -> "_Client":
        """Return who comes in its stead."""
        return _Client(self._attack, self.number, port)

    def interest(self, *, begun: bool) -> int:
        """Return what it waits for."""
        wants = 0
        if self._out or (begun and not self._is_done):
            wants |= select.POLLOUT
        if not self.is_in or self._attack.reads:
            wants |= select.POLLIN
        return wants

    def act(self, *, begun: bool) -> None:
        """Read and say what can be; says more than to come in only when it has ``begun``."""
        try:
            if not self.is_in or self._attack.reads:
                self._hear()
            if begun and not self._out:
                self._out = b"".join(itertools.islice(self._says, 1))
                while self._out and len(self._out) < PIECES and (more := next(self._says, b"")):
                    self._out += more
                self._is_done = not self._out
            if self._out:
                self._out = self._out[self.socket.send(self._out) :]
        except BlockingIOError:
            pass
        except OSError:
            self.is_gone = True

    def _hear(self) -> None:
        with contextlib.suppress(BlockingIOError):
            data = self.socket.recv(1 << 18)
            if not data:
                self.is_gone = True
            if not self.is_in:
                self._heard += data
                self.is_in = self._ready in self._heard


def main() -> None:
    """Attack as the arguments say."""
    # In life they are on other machines, and take no time from anybody here.
    os.nice(10)
    attack = attack_called(sys.argv[1])
    ports = [int(port) for port in sys.argv[2].split(",")]
    port = ports[2 if attack.address(0) else attack.irc]
    seconds = float(sys.argv[3])
    clients = [_Client(attack, number, port) for number in range(attack.clients)]
    _turn(clients, time.monotonic() + LIMIT, begun=False)
    came_in = sum(client.is_in for client in clients)
    print("begun", flush=True)
    logins = Logins(ports[2]) if attack.logins else None
    again = port if attack.comes_again else 0
    _turn(clients, time.monotonic() + seconds, begun=True, again=again)
    gone = sum(client.is_gone for client in clients)
    came = f"{came_in} of {len(clients)} came in, {gone} were put out"
    print(came if logins is None else f"{came}; {logins.end()}")


def _turn(clients: list[_Client], until: float, *, begun: bool, again: int = 0) -> None:
    """Let all act until that time, or before they have ``begun``, until all are in.

    ``again``: the port to which those connect again that are put out; 0: they do not.
    """
    while (left := until - time.monotonic()) > 0:
        for place, client in enumerate(clients if again else ()):
            if client.is_gone and time.monotonic() > client.begun + 1:
                client.socket.close()
                with contextlib.suppress(OSError):
                    clients[place] = client.another(again)
        there = {c.socket.fileno(): c for c in clients if not c.is_gone}
        if not begun and all(client.is_in for client in there.values()):
            return
        poll = select.poll()
        for descriptor, client in there.items():
            poll.register(descriptor, client.interest(begun=begun))
        for descriptor, _ in poll.poll(min(left, 0.5) * 1000):
            there[descriptor].act(begun=begun)
        if not there:
            time.sleep(min(left, 0.5))


if __name__ == "__main__":
    main()
