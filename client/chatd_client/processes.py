"""The two processes: one reads the socket, one reads the keyboard.

Each learns at once that the other is gone. The reader holds the reading end of a pipe whose other
end only the keyboard's process holds: at its end-of-file the reader exits. The keyboard's process
polls a pidfd (pidfd_open(2)) of the reader beside its input.
"""

import os
import select
import signal
import socket
import sys
import time
from typing import Final, NoReturn

import setproctitle

from chatd_client.exits import Exit
from chatd_client.wires import Display, LabWire, Wire

BLOCK: Final = 64 * 1024

LAST_WORDS: Final = 10.0
"""Seconds that the server has, after our end of input, to send the rest and close."""

LAB_LAST_WORDS: Final = 1.0
"""The same for the lab's server, which does not always close."""

OUTPUT_CLOSED: Final = 3
"""The reader's exit code when whoever read its output has gone (``| head``)."""


def chat(server: socket.socket, wire: Wire, name: str) -> int:
    """Talk until either side ends; return the exit code."""
    reading, holding = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(holding)
        _read(server, reading, name)
    os.close(reading)
    setproctitle.setproctitle(f"chat-client: {name}")
    try:
        return _Keyboard(server, wire, reader).run()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        os.close(holding)


def _read(server: socket.socket, keyboard: int, name: str) -> NoReturn:
    """Show what the server says, until it closes or the keyboard's process is gone."""
    # Ctrl-C is the keyboard process's business, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setproctitle.setproctitle(f"chat-client: {name} (reading)")
    display = Display()
    poller = select.poll()
    poller.register(server, select.POLLIN)
    poller.register(keyboard, select.POLLIN)
    code = Exit.OK
    try:
        while True:
            if any(descriptor == keyboard for descriptor, _ in poller.poll()):
                break
            data = server.recv(BLOCK)
            _write(display.feed(data, final=not data))
            if not data:
                break
    except BrokenPipeError:
        os._exit(OUTPUT_CLOSED)
    except OSError:
        code = Exit.LOST
    os._exit(code)


def _write(text: str) -> None:
    data = memoryview(text.encode(errors="replace"))
    while data:
        data = data[os.write(sys.stdout.fileno(), data) :]


class _Keyboard:
    """Says what is typed, and keeps an eye on the reader."""

    def __init__(self, server: socket.socket, wire: Wire, reader: int) -> None:
        self._server = server
        self._wire = wire
        self._reader = reader
        self._pidfd = os.pidfd_open(reader)
        self._begun = b""
        self._quitting = False

    def run(self) -> int:
        """Return the exit code, when the reader has ended."""
        poller = select.poll()
        poller.register(self._pidfd, select.POLLIN)
        poller.register(0, select.POLLIN)
        try:
            self._server.sendall(self._wire.hello())
            while True:
                ready = [descriptor for descriptor, _ in poller.poll()]
                if self._pidfd in ready:
                    return self._reader_gone(at_end=False)
                data = os.read(0, BLOCK)
                if not data:
                    break
                self._say(data)
            self._end()
        except OSError:
            # The server has closed while we wrote (EPIPE, ECONNRESET): the reader sees that too.
            poller.unregister(0)
            poller.poll(LAST_WORDS * 1000)
            return max(self._reader_gone(at_end=False), Exit.LOST)
        return self._last_words()

    def _say(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._quitting = line.split(b" ")[0] == b"/quit"
            self._server.sendall(self._wire.line(_text(line)))

    def _end(self) -> None:
        if self._begun:
            self._server.sendall(self._wire.line(_text(self._begun)))
        self._server.sendall(self._wire.goodbye())
        self._server.shutdown(socket.SHUT_WR)

    def _last_words(self) -> int:
        patience = LAB_LAST_WORDS if isinstance(self._wire, LabWire) else LAST_WORDS
        deadline = time.monotonic() + patience
        if not select.select([self._pidfd], [], [], max(0.0, deadline - time.monotonic()))[0]:
            if isinstance(self._wire, LabWire):
                return Exit.OK
            print("chat-client: the server has not closed the connection", file=sys.stderr)
            return Exit.LOST
        return self._reader_gone(at_end=True)

    def _reader_gone(self, *, at_end: bool) -> int:
        _, status = os.waitpid(self._reader, 0)
        code = os.waitstatus_to_exitcode(status)
        if code == OUTPUT_CLOSED:
            return Exit.OK
        if code == Exit.OK:
            if at_end or self._quitting:
                return Exit.OK
            print("chat-client: the server has closed the connection", file=sys.stderr)
            return Exit.LOST
        if code == Exit.LOST:
            print("chat-client: the connection is lost", file=sys.stderr)
            return Exit.LOST
        print(f"chat-client: the reading process has died ({code})", file=sys.stderr)
        return Exit.SOFTWARE


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").replace(b"\0", b"").decode(errors="surrogateescape")
