"""The control socket: one question, one answer, each one line of JSON; the master's side.

A Unix socket with mode 0600 in the runtime directory; ``asking`` is its other side. A question is
``{"request": NAME, ...}``, an answer ``{"ok": {...}}`` or ``{"error": SENTENCE}``. Questions are
bounded in size, number and time, so that nobody who may ask can keep the master from serving.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from chatd_supervisor.asking import ControlError

__all__ = ["ControlError", "ControlServer", "Handler"]

MAX_REQUEST: Final = 64 * 1024
"""Bytes in a question."""

MAX_AT_ONCE: Final = 16
"""Connections; more are told so."""

PATIENCE: Final = 5.0
"""Seconds that an asker may take for its question, and again for taking the answer."""

Handler = Callable[[str, dict[str, Any]], dict[str, Any]]


class ControlServer:
    """Answers with what its handler says."""

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
            answer = await self._hear(reader)
            writer.write(json.dumps(answer).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                await writer.drain()
        except (TimeoutError, ConnectionError):
            writer.transport.abort()  # gone, or does not take the answer: nothing to say to it
        finally:
            self._open -= 1
            writer.close()

    async def _hear(self, reader: asyncio.StreamReader) -> dict[str, Any]:
        if self._open > MAX_AT_ONCE:
            return {"error": f"more than {MAX_AT_ONCE} requests at once, try again"}
        try:
            async with asyncio.timeout(PATIENCE):
                line = await reader.readline()
        except TimeoutError:
            return {"error": f"no request within {PATIENCE:g} s"}
        except ValueError:  # StreamReader.readline(): longer than its limit
            return {"error": f"a request has at most {MAX_REQUEST} bytes"}
        return self._answer(line)

    def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            question = json.loads(line)
            request = question.pop("request")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return {"error": "a request is one line of JSON: an object with the key request"}
        try:
            return {"ok": self._handler(str(request), question)}
        except ControlError as error:
            return {"error": str(error)}
