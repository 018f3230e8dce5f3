"""The control socket: one question, one answer, each one line of JSON.

A Unix socket with mode 0600 in the runtime directory. The client side imports no asyncio, so that
``chatd status`` starts fast.
"""

import asyncio
import contextlib
import json
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

MAX_REQUEST: Final = 64 * 1024
MAX_AT_ONCE: Final = 16
PATIENCE: Final = 5.0
"""Seconds that a client of the socket may take for its question."""

Handler = Callable[[str, dict[str, Any]], dict[str, Any]]


class ControlError(Exception):
    """The master could not do what was asked; ``str()`` says why."""


class NotRunning(ControlError):
    """No master answers on the control socket."""


class ControlServer:
    """The master's side."""

    def __init__(self, path: Path, handler: Handler) -> None:
        """``handler`` gets the request and its arguments; it may raise ControlError."""
        self._path = path
        self._handler = handler
        self._server: asyncio.AbstractServer | None = None
        self._open = 0

    async def start(self) -> None:
        """Bind and serve. Raises OSError.

        What a crashed master left there is replaced; that is safe, for we hold the PID file's lock.
        """
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()
        # By umask, not chmod afterwards: it must not be open to others for an instant.
        umask = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(
                self._serve, self._path, limit=MAX_REQUEST
            )
        finally:
            os.umask(umask)

    def close(self) -> None:
        """Stop serving and remove the socket."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(FileNotFoundError):
                self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            if self._open > MAX_AT_ONCE:
                answer: dict[str, Any] = {"error": f"more than {MAX_AT_ONCE} requests at once"}
            else:
                async with asyncio.timeout(PATIENCE):
                    answer = self._answer(await reader.readline())
            writer.write(json.dumps(answer).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                await writer.drain()
        except (TimeoutError, ValueError, ConnectionError):
            pass  # too slow, too long or gone: nothing to say to it
        finally:
            self._open -= 1
            writer.close()

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            request = question.pop("request")
        except (ValueError, KeyError, AttributeError, TypeError):
            return {"error": "a request is one line of JSON with the key request"}
        try:
            return {"ok": self._handler(str(request), question)}
        except ControlError as error:
            return {"error": str(error)}


def ask(path: Path, request: str, timeout: float = 10.0, **arguments: Any) -> dict[str, Any]:
    """Ask the master that listens on ``path`` and return its answer.

    Raises NotRunning if there is none, ControlError if it says no or does not answer in time.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        asking.settimeout(timeout)
        try:
            asking.connect(os.fspath(path))
            asking.sendall(json.dumps({"request": request, **arguments}).encode() + b"\n")
            received = bytearray()
            while data := asking.recv(1 << 16):
                received += data
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise NotRunning(f"not running: nobody answers on {path}") from error
        except TimeoutError as error:
            raise ControlError(f"no answer from chatd on {path} within {timeout:g} s") from error
        except OSError as error:
            raise ControlError(f"cannot ask chatd on {path}: {error.strerror}") from error
    try:
        answer = json.loads(received)
    except ValueError as error:
        raise ControlError(f"chatd on {path} ended before it had answered") from error
    if "error" in answer:
        raise ControlError(answer["error"])
    result: dict[str, Any] = answer["ok"]
    return result
