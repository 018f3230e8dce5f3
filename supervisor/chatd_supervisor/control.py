"""The control socket: one question, one answer, each one line of JSON; the master's side.

A Unix socket with mode 0600 in the runtime directory; ``asking`` is its other side. A question is
``{"request": NAME, ...}``, an answer ``{"ok": {...}}`` or ``{"error": SENTENCE}``. Questions are
bounded in size, number and time, so that nobody who may ask can keep the master from serving.

An answer that goes on (``Stream``) is followed by more lines, records that say what happens as it
happens. Whoever does not take them is cut off; nobody waits for it.
"""

import asyncio
import contextlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple

from chatd_supervisor.asking import ControlError
from chatd_supervisor.paths import identity
from chatd_supervisor.peer_credentials import peer_credentials

__all__ = ["ControlError", "ControlServer", "Feed", "Handler", "Stream"]

MAX_REQUEST: Final = 64 * 1024
"""Bytes in a question."""

MAX_AT_ONCE: Final = 16
"""Connections; more are told so."""

PATIENCE: Final = 5.0
"""Seconds that an asker may take for its question, and again for taking the answer."""

MAX_BEHIND: Final = 256 * 1024
"""Bytes of records that may wait for an asker; one with more is cut off."""


class Feed:
    """Further lines for one asker, for as long as it takes them."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        # It has not read, and was let go.
        self.cut = False
        self.pid, self.uid, _ = peer_credentials(writer.get_extra_info("socket"))

    def put(self, record: dict[str, Any]) -> None:
        """Send ``record``, unless the asker is gone; one that does not read is cut off."""
        transport = self._writer.transport
        if transport.is_closing():
            return
        if transport.get_write_buffer_size() > MAX_BEHIND:
            self.cut = True
            transport.abort()
            return
        self._writer.write(json.dumps(record).encode() + b"\n")

    def end(self) -> None:
        """Let the asker go when it has taken what was put; at most PATIENCE seconds later."""
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            asyncio.get_running_loop().call_later(PATIENCE, self._writer.transport.abort)


class Stream(NamedTuple):
    """An answer that goes on."""

    first: dict[str, Any]
    """The answer itself."""
    begin: Callable[[Feed], None]
    """Takes the feed, at once."""
    left: Callable[[], None]
    """Called when the asker has left or was cut off, or the feed was ended."""


Handler = Callable[[str, dict[str, Any]], dict[str, Any] | Stream]


class ControlServer:
    """Answers with what its handler says."""

    def __init__(self, path: Path, handler: Handler) -> None:
        """``handler`` gets the request and its arguments; it may raise ControlError."""
        self._path = path
        self._handler = handler
        self._server: asyncio.AbstractServer | None = None
        self._file: tuple[int, int] | None = None
        self._open = 0

    async def start(self) -> None:
        """Bind and serve; also anew, if the socket was removed. Raises OSError.

        What a crashed master left there is replaced; that is safe, for we hold the PID file's lock.
        """
        if self._server is not None:
            self._server.close()  # whoever is being answered still is
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
        self._file = identity(self._path)

    def is_there(self) -> bool:
        """Return whether the socket is where it is looked for. Raises OSError."""
        return self._file is not None and identity(self._path) == self._file

    def close(self) -> None:
        """Stop serving and remove the socket."""
        if self._server is not None:
            self._server.close()
            with contextlib.suppress(OSError):
                if self.is_there():  # else it is another one's, or its directory is gone
                    self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            answer = await self._hear(reader)
            if isinstance(answer, Stream):
                await self._go_on(answer, reader, writer)
                return
            writer.write(json.dumps(answer).encode() + b"\n")
            async with asyncio.timeout(PATIENCE):
                await writer.drain()
        except (TimeoutError, ConnectionError):
            writer.transport.abort()  # gone, or does not take the answer: nothing to say to it
        except asyncio.CancelledError:
            # The loop ends. asyncio would log this as a fault (streams.py, until Python 3.12).
            writer.transport.abort()
        finally:
            self._open -= 1
            writer.close()

    async def _go_on(
        self, stream: Stream, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        writer.write(json.dumps({"ok": stream.first}).encode() + b"\n")
        stream.begin(Feed(writer))
        try:
            await reader.read(1)  # it has nothing more to say: this is its end, or ours
        finally:
            stream.left()

    async def _hear(self, reader: asyncio.StreamReader) -> dict[str, Any] | Stream:
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

    def _answer(self, line: bytes) -> dict[str, Any] | Stream:
        try:
            question = json.loads(line)
            request = question.pop("request")
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return {"error": "a request is one line of JSON: an object with the key request"}
        try:
            answer = self._handler(str(request), question)
        except ControlError as error:
            return {"error": str(error)}
        return answer if isinstance(answer, Stream) else {"ok": answer}
