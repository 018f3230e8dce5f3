"""Rooms written down: a file for each, a line for each message, each message once.

A line is ``2026-11-26T10:28:20.123Z <alice> good day``, in UTC, so that the lines of a file are in
one order whatever the clocks are set to. What is logged is what is said, in the order in which it
is told: in rooms, and to us alone.

Each message is in its file once, also when the client is started again and has the last lines
fetched: what is from the history is written only if it is later than the last line that is there,
or as late and not there yet. A line is one ``write`` in append mode; a last one without its end,
of a client that was killed, is taken away before the next. Two clients would write each message
twice, so the directory of a server belongs to the client that has locked it.
"""

import contextlib
import datetime as dt
import fcntl
import os
from pathlib import Path
from typing import Final

from chatd_client.exchange import Kind, Said
from chatd_client.habits.filing import file_name
from chatd_workers.names import fold, make_safe, strip_formatting

TAIL: Final = 64 * 1024
"""Bytes at the end of a file that are read to know what is there already."""

MOST_OPEN: Final = 50
"""Files that are open at once; a hostile server has more rooms than we have descriptors."""

_FORMS: Final = {
    Kind.MESSAGE: "<{nick}> {text}",
    Kind.ACTION: "* {nick} {text}",
    Kind.NOTICE: "-{nick}- {text}",
}


class LogError(OSError):
    """A log cannot be written; ``str()`` is the sentence for people."""

    def __str__(self) -> str:
        """Return the sentence alone."""
        return str(self.args[0])


def line_of(said: Said) -> str:
    """Return the line, without its end, that ``said`` is written as."""
    text = make_safe(strip_formatting(said.text))
    to = f"{make_safe(said.to)} " if said.to else ""
    what = _FORMS[said.kind].format(nick=make_safe(said.nick), text=text)
    return f"{_stamp(said.time)} {to}{what}"


def _stamp(time: int) -> str:
    # Microseconds beyond what a date can be (year 9999) are no server's time.
    seconds, micros = divmod(min(max(time, 0), 253_402_300_799_000_000), 1_000_000)
    moment = dt.datetime.fromtimestamp(seconds, dt.UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{micros // 1000:03}Z"


class Log:
    """The file of one room."""

    def __init__(self, path: Path) -> None:
        """Open ``path``, make it if it is not there. Raises OSError."""
        # Nobody else's file: a link could lead to one.
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._file = os.open(path, flags, 0o600)
        try:
            self._last, self._there = self._look_back()
        except BaseException:
            self.close()
            raise

    def _look_back(self) -> tuple[str, set[str]]:
        """Return the time of the last line, and the lines of that time."""
        size = os.fstat(self._file).st_size
        begin = max(0, size - TAIL)
        tail = os.pread(self._file, TAIL, begin)
        whole = tail[: tail.rfind(b"\n") + 1]
        # Of a file of which that much is one line, we have written nothing.
        if len(whole) < len(tail) and (whole or not begin):
            os.ftruncate(self._file, begin + len(whole))
        last, there = "", set[str]()
        for line in whole.decode("utf-8", "replace").split("\n"):
            stamp = line.partition(" ")[0]
            if stamp > last:
                last, there = stamp, set()
            if stamp == last:
                there.add(line)
        return last, there

    def write(self, said: Said) -> None:
        """Write ``said`` unless it is there. Raises OSError."""
        line = line_of(said)
        stamp = line.partition(" ")[0]
        if said.old and (stamp < self._last or line in self._there):
            return
        data = memoryview(f"{line}\n".encode("utf-8", "replace"))
        while data:
            data = data[os.write(self._file, data) :]
        if stamp > self._last:
            self._last, self._there = stamp, set()
        if stamp == self._last:
            self._there.add(line)

    def close(self) -> None:
        """Close the file."""
        os.close(self._file)


class Logbook:
    """The logs of one server."""

    def __init__(self, directory: Path, server: str) -> None:
        """Write below ``directory`` what is said on ``server``. Raises LogError."""
        self._directory = directory / file_name(server)
        self._logs: dict[str, Log] = {}
        self._failed: set[str] = set()
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
            self._lock = os.open(self._directory / ".lock", flags, 0o600)
        except OSError as error:
            raise LogError(f"no logs: {self._directory}: {error.strerror}") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._lock)
            why = "another chat-client writes the logs of this server"
            raise LogError(f"no logs: {why} ({self._directory})") from error

    def write(self, said: Said) -> None:
        """Write ``said`` down.

        Raises LogError, once for each room whose file cannot be written; nothing more is then.
        """
        if not said.room or not said.time:
            return
        key = fold(said.room)
        if key in self._failed:
            return
        try:
            self._log_of(key).write(said)
        except OSError as error:
            self._failed.add(key)
            if (log := self._logs.pop(key, None)) is not None:
                log.close()
            path = self._path_of(key)
            raise LogError(f"{path} cannot be written: {error.strerror}") from error

    def close(self) -> None:
        """Close all files."""
        for log in self._logs.values():
            with contextlib.suppress(OSError):
                log.close()
        self._logs.clear()
        os.close(self._lock)

    def _path_of(self, key: str) -> Path:
        return self._directory / f"{file_name(key)}.log"

    def _log_of(self, key: str) -> Log:
        log = self._logs.pop(key, None)
        if log is None:
            if len(self._logs) >= MOST_OPEN:
                # The one that was not written to for longest stands first.
                self._logs.pop(next(iter(self._logs))).close()
            log = Log(self._path_of(key))
        self._logs[key] = log
        return log
