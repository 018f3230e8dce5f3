"""Reading a journal beside the server that writes it: ``chatd history``.

Write-ahead logging lets any number read while one writes (sqlite.org/wal.html), so the command
does not ask the server, and works without one.
"""

import contextlib
import datetime as dt
import json
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.journal import SHOWN, Entry, JournalError
from chatd_supervisor.journal.faults import explain, refuse_older
from chatd_supervisor.journal.files import refuse_unfit
from chatd_supervisor.journal.places import place_of
from chatd_supervisor.journal.reading import Reader
from chatd_supervisor.journal.schema import WrongFile, WrongFiles
from chatd_supervisor.records import fields_of
from chatd_workers.names import fold
from chatd_workers.titles import printable

LOOK: Final = 0.2
"""Seconds between two looks at whether something has been said."""

STEP: Final = 1000
"""Entries that are read at a time, where not all may be needed."""

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
        refuse_unfit(path)
        with contextlib.closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as database:
            refuse_older(path, database)
            yield database
    except (sqlite3.Error, WrongFile, WrongFiles) as error:
        raise JournalError(explain(path, error)) from error


@contextlib.contextmanager
def moment(database: sqlite3.Connection) -> Iterator[None]:
    """See everything in ``database`` as it is now, whatever is written meanwhile."""
    database.execute("BEGIN")
    try:
        # BEGIN alone chooses no moment: the first reading does.
        database.execute("SELECT tick FROM state").fetchone()
        yield
    finally:
        database.execute("ROLLBACK")


class Question(NamedTuple):
    """What is to be shown."""

    room: str
    since: int | None = None
    """Microseconds since the epoch; None: from the beginning."""
    words: str = ""
    """All of these must be there."""
    last: int = 0
    """How many at most, the last ones. 0: all."""


def recall(path: Path, question: Question) -> list[Entry]:
    """Return what was shown in a room, in order. Raises JournalError."""
    with opened(path) as database:
        return _recall(database, Reader(database), question)


def _recall(database: sqlite3.Connection, reader: Reader, question: Question) -> list[Entry]:
    room, since, words, last = question
    wanted = last or sys.maxsize
    # By its place in the order: times go back where somebody has set the clock.
    first = place_of(database, since) if since is not None else 0
    # What was said since then is the end of what was said, most often a small part of it.
    most = wanted if since is None else min(wanted, STEP)
    while True:
        found = reader.search(words, room, most).entries if words else reader.last(room, most)
        if most == wanted or len(found) < most or found[0].seq < first:
            return [entry for entry in found if entry.seq >= first]
        most = min(wanted, 8 * most)


def follow(path: Path, question: Question) -> Iterator[list[Entry]]:
    """Yield what ``recall`` returns, then what is shown in the room from then on, without end.

    Raises JournalError, also when the file is moved away or replaced.
    """
    with opened(path) as database:
        reader = Reader(database)
        file = _identity(path)
        version = _version(database)
        with moment(database):
            found = _recall(database, reader, question)
            (seq,) = database.execute("SELECT coalesce(max(seq), 0) FROM entries").fetchone()
        yield found
        while True:
            time.sleep(LOOK)
            if _identity(path) != file:
                raise JournalError(f"{path} was moved away, removed or replaced")
            # Before looking: what is written after that is for the next time.
            before, version = version, _version(database)
            if version == before:
                continue
            with moment(database):
                read = reader.read(seq, sys.maxsize)
                found = _fitting(reader, read, question)
            seq = read[-1].seq if read else seq
            yield found


def _fitting(reader: Reader, read: list[Entry], question: Question) -> list[Entry]:
    """Return those of ``read``, the latest entries, that are asked for."""
    room = fold(question.room)
    found = [entry for entry in read if entry.kind in SHOWN and fold(entry.room) == room]
    if not question.words or not found:
        return found
    # None but these can be later than the first of these.
    hits = {entry.seq for entry in reader.search(question.words, room, len(found)).entries}
    return [entry for entry in found if entry.seq in hits]


def _version(database: sqlite3.Connection) -> int:
    """Return a number that changes when somebody else has written."""
    (version,) = database.execute("PRAGMA data_version").fetchone()
    return int(version)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino


def as_text(entry: Entry) -> str:
    """Return ``entry`` as a line for people, in local time."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(entry.time // 1_000_000))
    nick, text = printable(entry.nick), printable(entry.text)
    if entry.kind == "act":
        said = f"* {nick} {text}"
    elif entry.kind == "topic":
        said = f"--- {nick} set the topic: {text}" if text else f"--- {nick} cleared the topic"
    else:
        said = f"{nick} : {text}"
    return f"{stamp} {said}"


def as_json(entry: Entry) -> str:
    """Return ``entry`` as an object on one line; its time in seconds since the epoch."""
    fields = {"time": entry.time / 1_000_000, "data": fields_of(entry.data)}
    return json.dumps({**entry._asdict(), **fields})
