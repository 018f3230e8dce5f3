"""The two processes: one reads the socket, one reads the keyboard.

Each learns at once that the other is gone. The reader holds the reading end of a pipe whose other
end only the keyboard's process holds: at its end-of-file the reader exits, and a byte in it says
that nothing more will be said, so that the reader exits when the server has gone silent. The
keyboard's process polls a pidfd (pidfd_open(2)) of the reader beside its input.
"""

import os
import select
import signal
import socket
import sys
from typing import Final, NoReturn

import setproctitle

from chatd_client.exits import Exit
from chatd_client.wires import Display, LabWire, Wire

BLOCK: Final = 64 * 1024

LAST_WORDS: Final = 10.0
"""Seconds of silence after our end of input in which the server must have closed."""

LAB_LAST_WORDS: Final = 1.0
"""The same for the lab's server, which does not always close."""

OUTPUT_CLOSED: Final = 3
"""The reader's exit code when whoever read its output has gone (``| head``)."""

SILENT: Final = 4
"""The reader's exit code when the server has gone silent after our end of input."""


def chat(server: socket.socket, wire: Wire, name: str) -> int:
    """Talk until either side ends; return the exit code."""
    reading, holding = os.pipe()
    reader = os.fork()
    if reader == 0:
        os.close(holding)
        patience = LAB_LAST_WORDS if isinstance(wire, LabWire) else LAST_WORDS
        _read(server, reading, name, patience)
    os.close(reading)
    setproctitle.setproctitle(f"chat-client: {name}")
    try:
        return _Keyboard(server, wire, reader, holding).run()
    except KeyboardInterrupt:
        return Exit.INTERRUPTED
    finally:
        os.close(holding)


def _read(server: socket.socket, keyboard: int, name: str, patience: float) -> NoReturn:
    """Show what the server says, until it closes or the keyboard's process is gone.

    Once nothing more will be said, ``patience`` is how many seconds of silence are waited.
    """
    # Ctrl-C is the keyboard process's business, and its end is ours.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setproctitle.setproctitle(f"chat-client: {name} (reading)")
    display = Display()
    poller = select.poll()
    poller.register(server, select.POLLIN)
    poller.register(keyboard, select.POLLIN)
    code: int = Exit.OK
    timeout: float | None = None
    try:
        while True:
            ready = [descriptor for descriptor, _ in poller.poll(timeout)]
            if not ready:
                code = SILENT
                break
            if keyboard in ready:
                if not os.read(keyboard, 1):
                    break
                timeout = patience * 1000
            if server.fileno() in ready:
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

    def __init__(self, server: socket.socket, wire: Wire, reader: int, pipe: int) -> None:
        self._server = server
        self._wire = wire
        self._reader = reader
        self._pipe = pipe
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
            os.write(self._pipe, b".")
            return max(self._reader_gone(at_end=False), Exit.LOST)
        os.write(self._pipe, b".")
        return self._reader_gone(at_end=True)

    def _say(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        if lines:
            self._quitting = lines[-1].split(b" ")[0] == b"/quit"
        for block in self._wire.blocks([_text(line) for line in lines]):
            self._server.sendall(block)

    def _end(self) -> None:
        if self._begun:
            self._server.sendall(b"".join(self._wire.blocks([_text(self._begun)])))
        self._server.sendall(self._wire.goodbye())
        self._server.shutdown(socket.SHUT_WR)

    def _reader_gone(self, *, at_end: bool) -> int:
        _, status = os.waitpid(self._reader, 0)
        code = os.waitstatus_to_exitcode(status)
        expected = {OUTPUT_CLOSED}
        if at_end or self._quitting:
            expected.add(Exit.OK)
        if isinstance(self._wire, LabWire):
            expected.add(SILENT)  # it does not always close
        if code in expected:
            return Exit.OK
        print(f"chat-client: {_ENDS.get(code, 'the reading process has died')}", file=sys.stderr)
        return Exit.LOST if code in _ENDS else Exit.SOFTWARE


_ENDS: Final[dict[int, str]] = {
    Exit.OK: "the server has closed the connection",
    Exit.LOST: "the connection is lost",
    SILENT: "the server has not closed the connection",
}
"""How the reader's exit codes read if they were not expected."""


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").replace(b"\0", b"").decode(errors="surrogateescape")
