"""The two processes: one reads the socket, one reads the keyboard.

Neither outlives the other. The keyboard's process, the parent, waits for a pidfd of the reader
beside whatever else it waits for; the reader asks the kernel to be killed with its parent. The
parent alone decides what to exit with. The socket is shared and stays blocking.
"""

import contextlib
import os
import signal
import socket
from typing import Final

import click
import setproctitle

from chatd_client import reading
from chatd_client.exits import Exit
from chatd_client.keyboard import Keyboard, ReaderGone
from chatd_client.wires import Wire

CLOSES_WITHIN: Final = 10.0
"""Seconds of silence, after the end of our input, in which a server that closes has closed."""

ANSWERS_WITHIN: Final = 1.0
"""The same for a server that may leave the connection open."""


def chat(server: socket.socket, wire: Wire, name: str) -> int:
    """Talk until either side ends; return the exit code."""
    reader = Reader(server, f"chat-client: {name} (reading)", wire)
    setproctitle.setproctitle(f"chat-client: {name}")
    keyboard = Keyboard(server, wire, reader.pidfd)
    try:
        # OSError: the server has closed while we wrote (EPIPE, ECONNRESET). The reader tells how.
        with contextlib.suppress(ReaderGone, OSError):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
            try:
                keyboard.say()
            finally:
                # Before the goodbye, so that the reader knows it for ours when it comes back.
                reader.said_all()
            keyboard.say_goodbye()
        return _judge(reader.wait(), keyboard, wire)
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # nothing of what follows waits
        return Exit.INTERRUPTED
    finally:
        reader.end()


class Reader:
    """The reading process, as its parent holds it. The caller unblocks SIGINT."""

    def __init__(self, server: socket.socket, title: str, wire: Wire) -> None:
        ended, self._holding = os.pipe()
        parent = os.getpid()
        # So that Ctrl-C meets each process in a state in which it knows what to do.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        self._pid = os.fork()
        if self._pid == 0:
            os.close(self._holding)
            reading.read(
                server,
                ended,
                goodbye=wire.goodbye(),
                title=title,
                patience=CLOSES_WITHIN if wire.closes else ANSWERS_WITHIN,
                parent=parent,
            )
        os.close(ended)
        self.pidfd = os.pidfd_open(self._pid)
        self._alive = True

    def said_all(self) -> None:
        """Tell it that nothing but the goodbye will be said to the server any more."""
        os.close(self._holding)

    def wait(self) -> int:
        """Wait for its end and return its exit code, or minus the signal that killed it."""
        _, status = os.waitpid(self._pid, 0)
        self._alive = False
        return os.waitstatus_to_exitcode(status)

    def end(self) -> None:
        """End it, if it has not ended, and see to it that no zombie is left."""
        if self._alive:
            os.kill(self._pid, signal.SIGKILL)
            self.wait()


def _judge(reader: int, keyboard: Keyboard, wire: Wire) -> int:
    """Return what to exit with, given the reader's exit code; say why if all is not well."""
    if keyboard.said_all and keyboard.input_error:
        _complain(f"the input cannot be read: {keyboard.input_error.strerror}")
        return Exit.INPUT_OUTPUT
    if reader in _QUIET:
        return reader
    in_order = reader == Exit.OK and (keyboard.said_all or keyboard.leaving)
    if in_order or (reader == reading.SILENT and keyboard.said_all and not wire.closes):
        return Exit.OK
    if reader in _ENDS:
        _complain(_ENDS[reader])
        return Exit.LOST
    _complain("the reading process has died")
    return Exit.SOFTWARE


_QUIET: Final = frozenset({Exit.OUTPUT_CLOSED, Exit.INPUT_OUTPUT})
"""What needs no words: a pipe's end is no error, and of the other the reader has spoken."""

_ENDS: Final[dict[int, str]] = {
    Exit.OK: "the server has closed the connection",
    Exit.LOST: "the connection is lost",
    reading.SILENT: "the server has not closed the connection",
}
"""How the reader's exit codes read if they were not expected."""


def _complain(why: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        click.echo(f"chat-client: {why}", err=True)
