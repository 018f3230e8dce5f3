"""Where the log goes: one record at a time, and never in the way of the server.

A full disk, a broken pipe or a reader that has stopped reading must not disturb anybody who chats.
So a line that cannot be written at once is counted and dropped, and the count is told when writing
works again. How records look is the business of ``log_formats``.
"""

import logging
import os
import select
from pathlib import Path
from typing import Final

from chatd_supervisor.log_formats import FORMATTERS, Formatter

STANDARD_ERROR: Final = 2

PIECE: Final = select.PIPE_BUF
"""Bytes a pipe takes without blocking once poll(2) has called it writable (pipe(7))."""


class LogHandler(logging.Handler):
    """Writes to a descriptor without a buffer; counts what does not go out."""

    def __init__(self, path: Path | None, style: str = "text") -> None:
        """Log to ``path``, appending, or to standard error, as ``style`` says. Raises OSError."""
        super().__init__()
        self._path = path
        self._descriptor = STANDARD_ERROR if path is None else _open(path)
        self._dropped = 0
        self._torn = False
        self._room = select.poll()
        self._room.register(self._descriptor, select.POLLOUT)
        self.style: Formatter = FORMATTERS[style]()

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record``, or count it."""
        try:
            text = self.style.format(record)
        except (TypeError, ValueError, KeyError) as error:
            # A log call that does not fit its format: a fault in chatd, but no reason to fall.
            record.msg, record.args = f"{record.msg!r} cannot be logged: {error}", ()
            text = self.style.format(record)
        note = "\n" if self._torn else ""
        if self._dropped:
            note += f"{self.style.lost(self._dropped)}\n"
        if self._write(f"{note}{text}\n".encode()):
            self._dropped = 0
        else:
            self._dropped += 1

    def _write(self, data: bytes) -> bool:
        """Write all of ``data`` if that is possible without waiting, and say whether it was."""
        try:
            while data:
                # Not O_NONBLOCK: that would change the descriptor for everybody who shares it,
                # the shell that started us for one (open(2)).
                if not self._room.poll(0):
                    return False
                written = os.write(self._descriptor, data[:PIECE])
                # A line that stops in its middle must not swallow the beginning of the next one.
                self._torn = written < len(data)
                data = data[written:]
        except OSError:
            return False
        return True

    def fileno(self) -> int:
        """Return the descriptor that is written to."""
        return self._descriptor

    def reopen(self) -> None:
        """Open the file again, for whoever has moved it away. Raises OSError."""
        if self._path is not None:
            fresh = _open(self._path)
            os.dup2(fresh, self._descriptor, inheritable=False)
            os.close(fresh)
            self._torn = False


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def set_up(level: str, path: Path | None, style: str = "text") -> LogHandler:
    """Send all of chatd's log to ``path``, or to standard error if None. Raises OSError.

    ``style``: text or json.
    """
    # What no line shows is not looked up (logging, "Optimization"): every birth is logged, and each
    # page that the master writes to between two births is one more of the first worker's own.
    logging._srcfile = None  # noqa: SLF001  # documented there
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = LogHandler(path, style)
    logger = logging.getLogger("chatd")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    # asyncio's own complaints (a callback that raised) are worth a line too.
    logging.getLogger("asyncio").handlers = [handler]
    return handler


def live_by(level: str, style: str) -> None:
    """Log from now on as a changed configuration says, wherever it goes."""
    logger = logging.getLogger("chatd")
    logger.setLevel(level.upper())
    for handler in logger.handlers:
        if isinstance(handler, LogHandler):
            handler.style = FORMATTERS[style]()
