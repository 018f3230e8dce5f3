"""The reading process: what the server says, made safe, goes to the output."""

import contextlib
import ctypes
import os
import select
import signal
import socket
import time
import traceback
from typing import Final, NoReturn

import setproctitle

from chatd_client.display import Display
from chatd_client.exits import Exit

BLOCK: Final = 64 * 1024
OUTPUT: Final = 1

LAST_WORDS: Final = 60.0
"""Seconds, at most, in which the server can still say something after the end of our input."""

SILENT: Final = 4
"""Exits with this when the server has not closed, after our end of input, in the time it has."""

_PR_SET_PDEATHSIG: Final = 1
"""linux/prctl.h."""


def read(
    server: socket.socket,
    said_all: int,
    *,
    goodbye: bytes,
    title: str,
    patience: float,
    parent: int,
) -> NoReturn:
    """Show what ``server`` says until it closes; exit with what came of that.

    At the end-of-file of the pipe ``said_all`` nothing is left to be said but ``goodbye``. From
    then on the server has ``patience`` seconds for each further word and LAST_WORDS for all of
    them. One that repeats ``goodbye`` has said all it had to.
    """
    code: int = Exit.SOFTWARE
    try:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the keyboard process's business
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
        _die_with(parent)
        setproctitle.setproctitle(title)
        code = _show(server, said_all, goodbye, patience)
    except BrokenPipeError:
        code = Exit.OUTPUT_CLOSED
    except OSError as error:
        code = Exit.INPUT_OUTPUT
        _complain(f"what the server says cannot be shown: {error.strerror}")
    except Exception:  # noqa: BLE001 - this process must never go on as if it were the other
        traceback.print_exc()
    os._exit(code)


def _die_with(parent: int) -> None:
    """End this process with its parent, whatever it is waiting for. prctl(2).

    An end-of-file on a pipe would not do: it goes unseen while a write to a full pipe or a
    stopped terminal waits.
    """
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it has died before it could be said
        os._exit(Exit.SOFTWARE)


def _show(server: socket.socket, said_all: int, goodbye: bytes, patience: float) -> int:
    display = Display()
    poller = select.poll()
    poller.register(server, select.POLLIN)
    poller.register(said_all, select.POLLIN)
    poller.register(OUTPUT, 0)  # only tells when whoever read it has gone
    deadline: float | None = None
    heard = b""
    while True:
        ready = [
            descriptor
            for descriptor, _ in poller.poll(None if deadline is None else patience * 1000)
        ]
        if not ready or (deadline is not None and time.monotonic() > deadline):
            return SILENT
        if OUTPUT in ready:
            return Exit.OUTPUT_CLOSED
        data = b""
        if server.fileno() in ready:
            try:
                data = server.recv(BLOCK)
            except OSError:
                _write(display.feed(b"", final=True))
                return Exit.LOST
            _write(display.feed(data, final=not data))
            if not data:
                return Exit.OK
        # Asked again after the recv, for that may have got what came since the poll: our goodbye.
        if deadline is None and select.select([said_all], [], [], 0)[0]:
            poller.unregister(said_all)
            deadline = time.monotonic() + LAST_WORDS
        if goodbye and deadline is not None:
            heard = heard[-len(goodbye) :] + data
            if goodbye in heard:
                return Exit.OK


def _write(text: str) -> None:
    data = memoryview(text.encode())
    while data:
        data = data[os.write(OUTPUT, data) :]


def _complain(why: str) -> None:
    with contextlib.suppress(OSError):
        os.write(2, f"chat-client: {why}\n".encode())
