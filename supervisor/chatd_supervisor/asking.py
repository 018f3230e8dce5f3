"""Asking the master over its control socket: the side of ``chatd status``, ``stop`` and the like.

Plain blocking sockets with a deadline: a command that only asks does not pay for asyncio.
"""

import contextlib
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

PATIENCE = 10.0
"""Seconds that a whole question and answer may take, unless said otherwise."""


class ControlError(Exception):
    """The master could not do what was asked; ``str()`` says why."""


class NotRunning(ControlError):
    """No master answers on the control socket."""


def ask(path: Path, request: str, timeout: float = PATIENCE, **arguments: Any) -> dict[str, Any]:
    """Ask the master that listens on ``path`` and return its answer, within ``timeout`` seconds.

    Raises NotRunning if there is none, ControlError if it says no or does not answer in time.
    """
    question = json.dumps({"request": request, **arguments}).encode() + b"\n"
    try:
        received = _exchange(path, question, time.monotonic() + timeout)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotRunning(f"chatd is not running (nobody answers on {path})") from error
    except TimeoutError as error:
        raise ControlError(f"no answer from chatd on {path} within {timeout:g} s") from error
    except OSError as error:
        # A path that is too long for a Unix socket is told without an errno.
        raise ControlError(f"cannot ask chatd on {path}: {error.strerror or error}") from error
    try:
        answer = json.loads(received)
        if "error" in answer:
            raise ControlError(str(answer["error"]))
        result: dict[str, Any] = answer["ok"]
    except (ValueError, TypeError, KeyError) as error:
        raise ControlError(f"chatd on {path} ended before it had answered") from error
    return result


def _exchange(path: Path, question: bytes, deadline: float) -> bytes:
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(_left(deadline))
        asking.connect(os.fspath(path))
        # The master may refuse before it has heard all, or anything; what it said is there to read.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            asking.sendall(question)
        received = bytearray()
        while not received.endswith(b"\n"):
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
