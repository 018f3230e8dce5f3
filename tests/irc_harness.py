"""IRC for the tests: a small client that hears exactly what it was sent, and a configuration.

The client knows the grammar and nothing of what a server should do. It answers PING by itself, and
checks of every line what holds for all of them: its end, its length, that it is UTF-8. ``sync``
says PING and reads up to the PONG: since a server answers in order, what has not come by then has
not been sent, so that "nothing came" is exact and needs no sleep.
"""

import contextlib
import itertools
import socket
import ssl
import time
from collections import deque
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from harness import Server, serving
from irc_messages import Message, checked, is_like, parse, shown

PATIENCE = 5.0
"""Seconds after which what should have come counts as not coming."""

SERVER_NAME = "irc.example"

NETWORK = "ExampleNet"

OPER = ("root", "sesame")
"""Name and password of the operator in IRC_CONFIG."""

IRC_LISTEN = """
[[listen]]
address = "127.0.0.1:0"
dialect = "irc"
"""

IRC_CONFIG = f"""
[server]
name = "{SERVER_NAME}"
network = "{NETWORK}"
description = "A server for tests"

[[operators]]
name = "{OPER[0]}"
password = "{OPER[1]}"

[[operators]]
name = "helper"
password = "{OPER[1]}"
classes = ["kill"]
{IRC_LISTEN}"""
"""One plain IRC listener, and two operators, of whom the second may only put people out."""


class Closed(Exception):
    """The server has closed the connection."""


class IrcClient:
    """A connection to a server that speaks IRC."""

    _numbers = itertools.count(1)

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        tls: ssl.SSLContext | None = None,
        source: str = "",
    ) -> None:
        origin = (source, 0) if source else None
        self.socket: socket.socket = socket.create_connection((host, port), PATIENCE, origin)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.nick = "*"
        """What the server is to call it: the nick once it is registered."""
        self.asked = {"*"}
        """What the server may call it before that: ``*``, or a nick that it has asked for."""
        self.caps: set[str] = set()
        """Capabilities that the server has acknowledged."""
        self.registered = False
        self.is_closed = False
        self.isupport: dict[str, str] = {}
        """Tokens of 005; those without a value have ""."""
        self._received = bytearray()
        self._messages: deque[Message] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection without a word."""
        self.socket.close()

    def send(self, *lines: str) -> None:
        """Send lines; their ends are added. All of them in one write."""
        if not self.registered:
            self.asked.update(line[5:].strip() for line in lines if line.startswith("NICK "))
        self.send_raw("".join(f"{line}\r\n" for line in lines).encode("utf-8", "surrogateescape"))

    def send_raw(self, data: bytes) -> None:
        """Send bytes as they are."""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.socket.sendall(data)

    def read(self, patience: float = PATIENCE) -> Message:
        """Return the next message. Raises Closed; AssertionError if nothing comes in time."""
        if self._messages:
            return self._messages.popleft()
        return self._next(time.monotonic() + patience)

    def unread(self, message: Message) -> None:
        """Have ``message`` be the next that is read."""
        self._messages.appendleft(message)

    def expect(self, verb: str, *params: str | None, patience: float = PATIENCE) -> Message:
        """Return the next message, which must be ``verb`` with ``params`` at its beginning.

        None among ``params`` stands for any.
        """
        message = self.read(patience)
        assert is_like(message, verb, params), f"expected {verb} {params}, got {message}"
        return message

    def until(self, verb: str, *params: str | None, patience: float = PATIENCE) -> list[Message]:
        """Read up to the first message that is like this (see ``expect``); return all of them."""
        deadline = time.monotonic() + patience
        found: list[Message] = []
        while not found or not is_like(found[-1], verb, params):
            left = deadline - time.monotonic()
            assert left > 0, f"no {verb} {params} came, but {shown(found)}"
            found.append(self.read(left))
        return found

    def sync(self) -> list[Message]:
        """Return everything that the server has sent up to now, and not been read."""
        self.settle()
        found = list(self._messages)
        self._messages.clear()
        return found

    def settle(self) -> None:
        """Have everything at hand that the server has sent up to now.

        Before it is registered a server may refuse to answer PING, with 451: that is an answer.
        """
        if self.is_closed:
            return
        token = f"sync-{next(self._numbers)}"
        self.send(f"PING {token}")
        deadline = time.monotonic() + PATIENCE
        with contextlib.suppress(Closed):
            while True:
                message = self._next(deadline)
                if message.verb == "PONG" and message.params[-1:] == [token]:
                    return
                if message.verb == "451" and not self.registered:
                    return
                self._messages.append(message)

    def is_silent(self) -> bool:
        """Tell whether nothing has come that has not been read."""
        self.settle()
        return not self._messages

    def heard(self) -> bool:
        """Tell whether there is something at hand to ``read`` without waiting."""
        return bool(self._messages)

    def until_closed(self, patience: float = PATIENCE) -> list[Message]:
        """Read to the end of the connection, which must come; return what was said before."""
        found: list[Message] = []
        with contextlib.suppress(Closed):
            deadline = time.monotonic() + patience
            while True:
                left = deadline - time.monotonic()
                assert left > 0, f"not closed; {shown(found)}"
                found.append(self.read(left))
        return found

    def negotiate(self, caps: Sequence[str]) -> None:
        """Ask for ``caps``, which the server must have, and leave the negotiation open."""
        self.send("CAP LS 302", f"CAP REQ :{' '.join(caps)}")
        while (message := self.read()).params[1:2] != ["ACK"]:
            assert message.params[1:2] != ["NAK"], f"the server has not all of {caps}"
        self.caps.update(caps)

    def register(self, nick: str, caps: Sequence[str] = (), *, password: str = "") -> Self:
        """Register as ``nick``, having asked for ``caps``, and read the greeting to its end."""
        if caps:
            self.negotiate(caps)
        if password:
            self.send(f"PASS {password}")
        self.send(f"NICK {nick}", f"USER {nick[:9]} 0 * :{nick.capitalize()} of the tests")
        if caps:
            self.send("CAP END")
        return self.welcome()

    def welcome(self) -> Self:
        """Read the greeting, from 001 to its end."""
        while (message := self.read()).verb != "001":
            assert message.verb != "ERROR", f"not let in: {message}"
        self.sync()
        return self

    def names(self) -> set[str]:
        """Return what the server may call it."""
        return {self.nick} if self.registered else self.asked

    def _next(self, deadline: float) -> Message:
        """Return the next message of the connection that is not a PING."""
        while True:
            message = parse(self._line(deadline))
            if message.verb != "PING":
                self._note(message)
                return message
            self.send(f"PONG :{message.params[-1]}")

    def _note(self, message: Message) -> None:
        """Remember what the client must know of itself."""
        if message.verb == "001":
            self.nick = message.params[0]
            self.registered = True
        elif message.verb == "005":
            for token in message.params[1:-1]:
                key, _, value = token.partition("=")
                self.isupport[key] = value
        elif message.verb == "NICK" and message.nick == self.nick:
            self.nick = message.params[0]
        elif message.verb == "CAP" and message.params[1:2] == ["ACK"]:
            for cap in message.params[-1].split():
                if cap.startswith("-"):
                    self.caps.discard(cap[1:])
                else:
                    self.caps.add(cap)

    def _line(self, deadline: float) -> str:
        while True:
            line, end, rest = self._received.partition(b"\n")
            if end:
                self._received = rest
                return checked(bytes(line))
            self._receive(deadline)

    def _receive(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        assert left > 0, f"nothing came for {self.nick}; half a line: {bytes(self._received)!r}"
        self.socket.settimeout(left)
        try:
            data = self.socket.recv(1 << 16)
        except TimeoutError:
            data = None
        except ConnectionResetError:
            data = b""
        finally:
            self.socket.settimeout(PATIENCE)
        assert data is not None, f"nothing came for {self.nick} in time"
        if not data:
            assert not self._received, f"closed in mid-line: {bytes(self._received)!r}"
            self.is_closed = True
            raise Closed
        self._received += data


def enter(port: int, nick: str, *caps: str) -> IrcClient:
    """Return a client that is registered as ``nick`` with ``caps``."""
    client = IrcClient(port)
    try:
        return client.register(nick, caps)
    except BaseException:
        client.close()
        raise


@contextlib.contextmanager
def irc_serving(directory: Path, config: str = IRC_CONFIG) -> Iterator[Server]:
    """Run a server that speaks IRC on its first port, and see that it ends well."""
    directory.mkdir(exist_ok=True)
    with serving(directory, config) as server:
        yield server
