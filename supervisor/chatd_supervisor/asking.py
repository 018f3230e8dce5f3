"""Asking the master over its control socket: the side of ``chatd status``, ``stop`` and the like.

Plain blocking sockets with a deadline: a command that only asks does not pay for asyncio.
"""

import contextlib
import json
import os
import select
import socket
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

PATIENCE = 10.0
"""Seconds that a whole question and answer may take, unless said otherwise."""


class ControlError(Exception):
    """The master could not do what was asked; ``str()`` says why."""


class NotRunning(ControlError):
    """No master answers on the control socket, or it has died while it did."""


def ask(path: Path, request: str, timeout: float = PATIENCE, **arguments: Any) -> dict[str, Any]:
    """Ask the master that listens on ``path`` and return its answer, within ``timeout`` seconds.

    Raises NotRunning if there is none, ControlError if it says no or does not answer in time.
    """
    with _explained(path, timeout), socket.socket(socket.AF_UNIX) as asking:
        received = _exchange(asking, path, request, arguments, time.monotonic() + timeout)
    return _answer(path, received)


def follow(
    path: Path, request: str, timeout: float = PATIENCE, **arguments: Any
) -> Generator[dict[str, Any], None, None]:
    """Yield what the master that listens on ``path`` answers, and what it goes on to say.

    The answer must come within ``timeout`` seconds; the rest takes as long as it takes. Raises what
    ``ask`` does; NotRunning also if the master dies, ControlError if it says no more although it
    lives: it cuts off whoever does not read.
    """
    with contextlib.ExitStack() as stack:
        asking = stack.enter_context(socket.socket(socket.AF_UNIX))
        with _explained(path, timeout):
            received = _exchange(asking, path, request, arguments, time.monotonic() + timeout)
        first, _, rest = received.partition(b"\n")
        answer = _answer(path, first)
        master = _pin(answer["master"], stack)
        yield answer
        asking.settimeout(None)
        while True:
            *lines, rest = rest.split(b"\n")
            for line in lines:
                yield json.loads(line)
            data = _more(asking)
            if not data:
                break
            rest += data
        if _has_ended(master):
            raise NotRunning(f"the master, pid {answer['master']}, has died")
        raise ControlError("the master has closed the connection: this was not read fast enough")


def _more(asking: socket.socket) -> bytes:
    try:
        return asking.recv(1 << 16)
    except ConnectionResetError:
        return b""


def _pin(pid: int, stack: contextlib.ExitStack) -> int | None:
    """Return a pidfd of ``pid``; None if it is gone already."""
    try:
        master = os.pidfd_open(pid)
    except ProcessLookupError:
        return None
    stack.callback(os.close, master)
    return master


def _has_ended(master: int | None) -> bool:
    """Tell whether ``master``, a pidfd, has ended; its sockets are closed shortly before it has."""
    if master is None:
        return True
    ended = select.poll()
    ended.register(master, select.POLLIN)
    return bool(ended.poll(1000))


@contextlib.contextmanager
def _explained(path: Path, timeout: float) -> Iterator[None]:
    try:
        yield
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotRunning(f"chatd is not running (nobody answers on {path})") from error
    except TimeoutError as error:
        raise ControlError(f"no answer from chatd on {path} within {timeout:g} s") from error
    except OSError as error:
        # A path that is too long for a Unix socket is told without an errno.
        raise ControlError(f"cannot ask chatd on {path}: {error.strerror or error}") from error


def _answer(path: Path, received: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(received)
        if "error" in answer:
            raise ControlError(str(answer["error"]))
        result: dict[str, Any] = answer["ok"]
    except (ValueError, TypeError, KeyError) as error:
        raise ControlError(f"chatd on {path} ended before it had answered") from error
    return result


def _exchange(
    asking: socket.socket, path: Path, request: str, arguments: dict[str, Any], deadline: float
) -> bytes:
    """Ask, and return what has come when a line has: perhaps more than that line."""
    question = json.dumps({"request": request, **arguments}).encode() + b"\n"
    asking.settimeout(_left(deadline))
    asking.connect(os.fspath(path))
    # The master may refuse before it has heard all, or anything; what it said is there to read.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        asking.sendall(question)
    received = bytearray()
    while b"\n" not in received[-(1 << 16) :]:
        asking.settimeout(_left(deadline))
        data = asking.recv(1 << 16)
        if not data:
            break
        received += data
    return bytes(received)


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
