"""The keyboard's side: what is typed, or comes through a pipe, is said to the server."""

import os
import select
import socket
from typing import Final

from chatd_client.wires import Lines, Wire

BLOCK: Final = 64 * 1024
INPUT: Final = 0


class ReaderGone(Exception):
    """The reading process has ended."""


class Keyboard:
    """Says what is typed, and keeps an eye on the reading process."""

    def __init__(self, server: socket.socket, wire: Wire, reader: int) -> None:
        """Say to ``server``, while the process of the pidfd ``reader`` lives. pidfd_open(2)."""
        self._server = server
        self._wire = wire
        self._reader = reader
        self._lines = Lines()
        self.said_all = False
        """Whether the kernel has taken all there was to say, and the end."""
        self.leaving = False
        """Whether the server has last been asked to close the connection."""
        self.input_error: OSError | None = None
        """Why the input could not be read to its end."""

    def say(self) -> None:
        """Say everything up to the end of the input.

        Raises ReaderGone, and OSError if the server no longer takes what is said.
        """
        self._send(self._wire.hello())
        while data := self._typed():
            self._say(self._lines.feed(data))
        self._say(self._lines.feed(b"", final=True))

    def say_goodbye(self) -> None:
        """Say that this is the end. Raises as ``say`` does."""
        self._send(self._wire.goodbye())
        self._server.shutdown(socket.SHUT_WR)
        self.said_all = True

    def _typed(self) -> bytes:
        self._wait(INPUT, select.POLLIN)
        try:
            return os.read(INPUT, BLOCK)
        except OSError as error:
            self.input_error = error
            return b""

    def _say(self, lines: list[str]) -> None:
        if lines:
            self.leaving = self._wire.leaves(lines[-1])
            for block in self._wire.blocks(lines):
                self._send(block)

    def _send(self, data: bytes) -> None:
        rest = memoryview(data)
        while rest:
            # A server that takes nothing must not keep us from seeing the reader's death. Only
            # this call does not block: O_NONBLOCK would be the reader's too (fcntl(2), F_SETFL).
            self._wait(self._server.fileno(), select.POLLOUT)
            try:
                rest = rest[self._server.send(rest, socket.MSG_DONTWAIT) :]
            except BlockingIOError:
                continue

    def _wait(self, descriptor: int, event: int) -> None:
        poller = select.poll()
        poller.register(self._reader, select.POLLIN)
        poller.register(descriptor, event)
        if any(ready == self._reader for ready, _ in poller.poll()):
            raise ReaderGone
