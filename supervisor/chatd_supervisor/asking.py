"""Asking the master over its control socket: the side of ``chatd status``, ``stop`` and the like.

Plain blocking sockets with a deadline: a command that only asks does not pay for asyncio.

Who answers is not believed to be a master of ours because of where its socket is: /tmp/chatd-UID
may be somebody else's. The kernel says whose the process that listens is (``_refuse_foreign``); and
whatever it says, no control character of it reaches the terminal.
"""

import contextlib
import json
import os
import re
import select
import socket
import stat
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, Final

from chatd_supervisor.peer_credentials import peer_credentials
from chatd_workers.names import UNSAFE

PATIENCE = 10.0
"""Seconds that a whole question and answer may take, unless said otherwise."""

_CONTROLS: Final = re.compile(f"(?![\n\t]){UNSAFE.pattern}")


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
                yield _shown(json.loads(line))
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
            raise ControlError(_shown(str(answer["error"])))
        result: dict[str, Any] = _shown(answer["ok"])
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
    _refuse_foreign(asking, path)
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


def _refuse_foreign(asking: socket.socket, path: Path) -> None:
    """Raise ControlError if who listens at ``path`` may be anybody."""
    uid = peer_credentials(asking).uid
    if may_answer(uid, os.geteuid(), path):
        return
    raise ControlError(
        f"{path} is not yours: user {uid} listens there, and can be anybody;"
        " name your server with --runtime-dir, or ask as that user"
    )


def may_answer(uid: int, ours: int, path: Path) -> bool:
    """Return whether a server of user ``uid`` at ``path`` may be asked by user ``ours``.

    Our own, and root's. Root also asks those that run as a user of their own, unless anybody could
    have put a directory where that of this one is. Raises OSError.
    """
    if uid in (ours, 0):
        return True
    return ours == 0 and not path.parent.parent.stat().st_mode & stat.S_IWOTH


def _shown(value: Any) -> Any:
    """Return ``value``, as JSON has it, with what no terminal should see escaped in its texts."""
    if isinstance(value, str):
        return value if value.isprintable() else _CONTROLS.sub(_escaped, value)
    if isinstance(value, dict):
        return {_shown(key): _shown(inner) for key, inner in value.items()}
    return list(map(_shown, value)) if isinstance(value, list) else value


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
