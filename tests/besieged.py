"""The real chat-client on a terminal, and a server that sends it whatever the test wants."""

import codecs
import contextlib
import queue
import re
import socket
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from client_dialects import GREETING
from client_harness import meeting, reader_of
from harness import CHAT_CLIENT
from orderly import SEQUENCE, is_orderly
from terminals import Terminal

COLUMNS, ROWS = 80, 16

CONFIG: Final = '[screen]\nnotify = "osc777"\n'

NOTIFIED: Final = re.compile(
    r"\x07|\x1b\]777;notify;[^\x00-\x1f\x7f-\x9f;]*;[^\x00-\x1f\x7f-\x9f;]*\x07"
)
"""The bell, and what has the terminal show a message (urxvt): two fields, whatever is in them."""

BEGUN: Final = re.compile(r"\x1b(?:\[\??[0-9;]*|\][^\x00-\x1f\x7f-\x9f]*)?$")
"""A sequence of which the rest is still to be read."""


class Server:
    """The other end: greets, answers PING, and says what it is told to."""

    def __init__(self, greeting: Sequence[bytes]) -> None:
        self._greeting = greeting
        self._clients: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._client: socket.socket | None = None
        self._writing = threading.Lock()
        self.heard = bytearray()

    def act(self, client: socket.socket) -> None:
        """Be the server of ``client`` until it goes."""
        client.settimeout(None)
        client.sendall(b"".join(self._greeting))
        self._clients.put(client)
        while data := client.recv(65536):
            self.heard += data
            for line in data.split(b"\r\n"):
                if line.startswith(b"PING "):
                    self.say(b":irc.example PONG irc.example " + line[5:] + b"\r\n", client)
            if b"QUIT" in data or b"/quit" in data:
                return

    def say(self, data: bytes, client: socket.socket | None = None) -> None:
        """Send ``data``."""
        if client is None:
            client = self._client = self._client or self._clients.get(timeout=10)
        with self._writing:
            client.sendall(data)


class Besieged:
    """alice at her terminal, and what has been written to it."""

    def __init__(self, server: Server, terminal: Terminal) -> None:
        self.server = server
        self.terminal = terminal
        self.reader = reader_of(terminal.pid)
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._begun = ""
        self._said = 0

    def suffers(self, lines: bytes, calm: str, room: str, state: str) -> None:
        """Send ``lines`` and, by the format ``calm``, a last one; see the screen in order."""
        self._said += 1
        last = f"that was {self._said}."
        self.server.say(lines + calm.format(last).encode())
        self.terminal.sees(rf"│ {re.escape(last)}\n")
        self.is_painted()
        is_orderly(self.terminal.screen, room, state)
        assert self.row(-4).endswith(f"│ {last}"), self.row(-4)

    def row(self, number: int) -> str:
        """Return what stands in a row, counted from the bottom if negative."""
        return self.terminal.rows()[number]

    def is_painted(self) -> None:
        """Wait until nothing more is written; see that all of it is the program's own."""
        while self.terminal.look(0.02):
            pass
        written = self._begun + self._decoder.decode(bytes(self.terminal.written))
        self.terminal.written.clear()
        begun = BEGUN.search(written)
        self._begun = begun[0] if begun else ""
        rest = SEQUENCE.sub("", NOTIFIED.sub("", written.removesuffix(self._begun)))
        assert not rest, f"{rest!r} was written"

    def has_gone_on(self) -> None:
        """See that neither process has died of it, and that one can leave."""
        assert reader_of(self.terminal.pid) == self.reader
        self.terminal.type("/quit\r")
        assert self.terminal.exit_code() == 0


@contextlib.contextmanager
def besieged(
    directory: Path, *arguments: str, greeting: Sequence[bytes] = GREETING, scheme: str = ""
) -> Iterator[Besieged]:
    """Yield a chat-client whose user is alice, online."""
    config = directory / "config.toml"
    config.write_text(CONFIG)
    server = Server(greeting)
    with (
        meeting(server.act) as address,
        Terminal(
            *(CHAT_CLIENT, f"{scheme}{address}", "--nick", "alice", "--config", str(config)),
            *arguments,
            columns=COLUMNS,
            rows=ROWS,
        ) as terminal,
    ):
        terminal.sees("alice  online")
        yield Besieged(server, terminal)
