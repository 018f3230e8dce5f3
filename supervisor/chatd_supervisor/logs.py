"""The log: one line a record, and never in the way of the server.

A full disk or a broken pipe must not disturb anybody who chats, so a line that cannot be written
is counted and dropped, and the count is told when writing works again.
"""

import logging
import os
import sys
import time
from pathlib import Path
from typing import Final

FORMAT: Final = "%(asctime)s %(levelname)s chatd: %(message)s"


class _Formatter(logging.Formatter):
    """UTC times, and nothing that a terminal or a log reader could trip over."""

    converter = staticmethod(time.gmtime)
    default_time_format = "%Y-%m-%dT%H:%M:%SZ"
    default_msec_format = ""

    def format(self, record: logging.LogRecord) -> str:
        # Continuation lines (a stack, say) are indented, so a line of its own is always a record.
        text = super().format(record).replace("\n", "\n    ")
        return "".join(c if c.isprintable() or c == "\n" else _escaped(c) for c in text)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape").decode("ascii")


class LogHandler(logging.Handler):
    """Writes to a descriptor without a buffer; counts what does not go out."""

    def __init__(self, path: Path | None) -> None:
        """Log to ``path``, appending, or to standard error. Raises OSError."""
        super().__init__()
        self._path = path
        self._descriptor = sys.stderr.fileno() if path is None else _open(path)
        self._dropped = 0
        self.setFormatter(_Formatter(FORMAT))

    def emit(self, record: logging.LogRecord) -> None:
        """Write ``record``, or count it."""
        lost = self._dropped
        note = f"({lost} lines before this one could not be written)\n" if lost else ""
        try:
            os.write(self._descriptor, f"{note}{self.format(record)}\n".encode())
        except OSError:
            self._dropped += 1
            return
        self._dropped -= lost

    def reopen(self) -> None:
        """Open the file again, for whoever has moved it away. Raises OSError."""
        if self._path is not None:
            fresh = _open(self._path)
            os.dup2(fresh, self._descriptor, inheritable=False)
            os.close(fresh)


def _open(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def set_up(level: str, path: Path | None) -> LogHandler:
    """Send all of chatd's log to ``path``, or to standard error if None. Raises OSError."""
    handler = LogHandler(path)
    logger = logging.getLogger("chatd")
    logger.handlers = [handler]
    logger.propagate = False
    logger.setLevel(level.upper())
    # asyncio's own complaints (a callback that raised) are worth a line too.
    logging.getLogger("asyncio").handlers = [handler]
    return handler
