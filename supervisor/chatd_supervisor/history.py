"""Reading and copying a journal beside the server that writes it: ``chatd history``, ``backup``.

Write-ahead logging lets any number read while one writes (sqlite.org/wal.html), so neither
command asks the server, and both work without one.
"""

import contextlib
import datetime as dt
import json
import os
import re
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatd_supervisor.journal import Entry, JournalError
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.journal.reading import Reader
from chatd_supervisor.journal.schema import VERSION, WrongFile, inspect
from chatd_workers.titles import printable

COPIED: Final = 1024
"""Pages (4 KiB) that a backup copies between two looks at who else wants the file."""

_AGO: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def parse_when(text: str, now: dt.datetime) -> int:
    """Return microseconds since the epoch for an ISO 8601 time (local if it names no zone).

    ``90m``, ``2h``, ``3d`` are so long before ``now``. Raises ValueError, which says what can be.
    """
    ago = _AGO.fullmatch(text.strip())
    try:
        if ago is not None:
            when = now - dt.timedelta(**{_UNITS[ago[2]]: float(ago[1])})
        else:
            when = dt.datetime.fromisoformat(text.strip()).astimezone()
    except (ValueError, OverflowError) as error:
        raise ValueError(
            f"{text!r} is no time; it can be 2026-11-23, 2026-11-23T10:30, 90m, 2h, 3d, 1w"
        ) from error
    return int(when.timestamp() * 1_000_000)


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal at ``path`` for reading. Raises JournalError, also for what fails inside."""
    if not path.exists():
        raise JournalError(f"there is no journal {path}")
    try:
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
        with contextlib.closing(database):
            _check(database)
            yield database
    except (sqlite3.Error, WrongFile) as error:
        raise JournalError(explain(path, error)) from error


def _check(database: sqlite3.Connection) -> None:
    version = inspect(database)
    if version < VERSION:
        raise WrongFile(f"is of an older chatd (schema {version}), which a start brings up to date")


def recall(
    path: Path, room: str, *, since: int | None = None, words: str = "", count: int = 0
) -> list[Entry]:
    """Return what was shown in ``room``, in order: all, or the last ``count`` if that is not 0.

    ``since``: microseconds since the epoch; ``words``: all of them must be there. Raises
    JournalError.
    """
    most = count or sys.maxsize
    with opened(path) as database:
        reader = Reader(database)
        found = reader.search(words, room, most) if words else reader.last(room, most)
    return [entry for entry in found if since is None or entry.time >= since]


def as_text(entry: Entry) -> str:
    """Return ``entry`` as a line for people, in local time."""
    stamp = dt.datetime.fromtimestamp(entry.time / 1_000_000).astimezone()
    nick, text = printable(entry.nick), printable(entry.text)
    if entry.kind == "act":
        said = f"* {nick} {text}"
    elif entry.kind == "topic":
        said = f"--- {nick} set the topic: {text}" if text else f"--- {nick} cleared the topic"
    else:
        said = f"{nick} : {text}"
    return f"{stamp:%Y-%m-%d %H:%M:%S} {said}"


def as_json(entry: Entry) -> str:
    """Return ``entry`` as an object on one line; its time in seconds since the epoch."""
    return json.dumps({**entry._asdict(), "time": entry.time / 1_000_000})


def back_up(path: Path, target: Path) -> int:
    """Copy the journal at ``path`` to ``target``, as it is at one moment; return its entries.

    The server may go on writing. Raises JournalError; then there is no ``target``, unless it was
    there before, which is left alone.
    """
    with opened(path) as database:
        try:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError as error:
            raise JournalError(f"{target} exists; a backup replaces nothing") from error
        except OSError as error:
            raise JournalError(f"{target} cannot be made: {error.strerror}") from error
        try:
            return _copy(database, target)
        except (sqlite3.Error, OSError) as error:
            target.unlink()
            raise JournalError(explain(target, error)) from error


def _copy(database: sqlite3.Connection, target: Path) -> int:
    # One transaction, so that a server that writes all the time does not make it begin anew.
    database.execute("BEGIN")
    with contextlib.closing(sqlite3.connect(target)) as copy:
        database.backup(copy, pages=COPIED)
        (found,) = copy.execute("PRAGMA quick_check").fetchone()
        if found != "ok":
            raise sqlite3.DatabaseError(f"the copy is not whole: {found}")
        (entries,) = copy.execute("SELECT count(*) FROM entries").fetchone()
        # One file, which needs no others beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    with open(target, "rb") as written:
        os.fsync(written.fileno())
    database.execute("ROLLBACK")
    return int(entries)
