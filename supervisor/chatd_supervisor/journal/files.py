"""The files of a journal: begun whole, held against each other, and seen to be there.

A journal is a database and, while it is used, a write-ahead log and the index of that, which SQLite
finds by their names alone. So a log that is left beside another database is applied to it, and one
that is removed is written on by whoever has it open, and by nobody else found. Here it is seen that
they belong together, as far as that can be seen without reading everything:

* a database that is too short to be one is not begun anew: somebody has emptied it;
* a log without a database has lost it;
* a log beside a database that has none (byte 18 of its header: a backup, sqlite.org/fileformat2)
  is of another one;
* the numbers of entries have no gaps: the last ones, and some at random, are looked for, and what
  the index of rooms says of them (``look_through``), which takes a few milliseconds.
"""

import contextlib
import os
import random
import sqlite3
import time
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.journal import SHOWN, JournalError
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.journal.schema import (
    SHOWN_ONLY,
    WrongFile,
    WrongFiles,
    inspect,
    migrate,
)
from chatd_supervisor.logbook import note

SHORTEST: Final = 512
"""Bytes of the smallest database."""

_HEADER: Final = 100
_WRITE_VERSION: Final = 18
_ROLLBACK: Final = 1

MOMENT: Final = 1_000_000_000
"""Nanoseconds within which two changes of a directory may have the same time."""

BRIEF: Final = 0.1
"""Seconds that are waited for whoever writes, to see whether a journal can be used."""

LATEST: Final = 64
"""Entries at the end that are looked for one by one,"""

SAMPLE: Final = 32
"""and at random."""


def log_of(path: Path) -> Path:
    """Return where the write-ahead log of the database at ``path`` is."""
    return path.with_name(f"{path.name}-wal")


def index_of(path: Path) -> Path:
    """Return where the index of that log is."""
    return path.with_name(f"{path.name}-shm")


def refuse_unfit(path: Path) -> None:
    """See whether what is at ``path`` may be opened, if anything is. Raises WrongFiles, OSError."""
    log = log_of(path)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        if _size(log):
            raise WrongFiles(
                f"{log} is there and {path} is not; put that back, or a backup with chatd restore,"
                f" or move {log} away to begin a new journal"
            ) from None
        return
    if size < SHORTEST:
        raise WrongFiles(
            f"{path} is no journal, it has {size} bytes; put a backup there with chatd restore, or"
            " remove it to begin a new journal"
        )
    with path.open("rb") as file:
        header = file.read(_HEADER)
    if header[_WRITE_VERSION] == _ROLLBACK and _size(log):
        raise WrongFiles(
            f"{log} is of another journal than {path}, which is a backup; move {log} and"
            f" {index_of(path)} away (chatd restore puts a backup there without leaving them)"
        )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def begin(path: Path) -> bool:
    """Make an empty journal at ``path``, whole or not at all; return whether it was not there.

    Raises sqlite3.Error or OSError.
    """
    if path.exists():
        return False
    new = path.with_name(f".{path.name}-{os.urandom(8).hex()}")
    # Its messages are not for others to read.
    new.touch(mode=0o600)
    try:
        with contextlib.closing(sqlite3.connect(new, isolation_level=None)) as database:
            migrate(database)
        _name(new, path)
    except FileExistsError:
        return False  # somebody else was quicker: a server and a command may begin together
    finally:
        new.unlink(missing_ok=True)
    return True


def _name(new: Path, path: Path) -> None:
    """Give ``new`` the name ``path``, which nothing has. Raises FileExistsError, other OSErrors."""
    try:
        os.link(new, path)
    except PermissionError:
        new.rename(path)  # a file system without hard links (link(2), EPERM)


def look_through(database: sqlite3.Connection) -> None:
    """Look for signs of damage where it costs little. Raises sqlite3.DatabaseError."""
    execute = database.execute
    first, last = execute(
        "SELECT (SELECT min(seq) FROM entries), (SELECT max(seq) FROM entries)"
    ).fetchone()
    if first is None:
        return
    looked_for = {*range(max(first, last - LATEST), last + 1)}
    looked_for |= {random.randint(first, last) for _ in range(SAMPLE)}  # noqa: S311
    for seq in sorted(looked_for):
        found = execute("SELECT room, kind FROM entries WHERE seq = ?", (seq,)).fetchone()
        if found is None:
            raise _damaged(f"entry {seq} is missing, of {first} to {last}")
        indexed = execute(
            "SELECT count(*) FROM entries INDEXED BY entries_shown"  # noqa: S608
            f" WHERE room = ? AND seq = ? AND {SHOWN_ONLY}",
            (found[0], seq),
        ).fetchone()[0]
        if indexed != (found[1] in SHOWN):
            raise _damaged(f"entry {seq} is not in its room's index, or should not be")


def _damaged(what: str) -> sqlite3.DatabaseError:
    error = sqlite3.DatabaseError(what)
    error.sqlite_errorname = "SQLITE_CORRUPT"
    return error


class Identity(NamedTuple):
    """Which files a journal has: device and number of each; None: it is not there."""

    database: tuple[int, int] | None
    log: tuple[int, int] | None
    log_index: tuple[int, int] | None


def _identity(path: str) -> tuple[int, int] | None:
    try:
        found = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


class Files:
    """The files of a journal that is open for writing."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        # Looked at before each commit, so as they are given to stat(2).
        self._names = [os.fspath(file) for file in (path, log_of(path), index_of(path))]
        self._directory = os.fspath(path.parent)
        # The directory as it was when all was as it should be, and is as long as that is.
        self._quiet: tuple[int, int, int] | None = None
        self._known = self._look()

    def _look(self) -> Identity:
        return Identity(*map(_identity, self._names))

    def look(self) -> None:
        """See whether they have still their names: SQLite would write on without them.

        Raises JournalError.
        """
        try:
            there = os.stat(self._directory)
        except OSError:
            stamp = None
        else:
            stamp = there.st_dev, there.st_ino, there.st_mtime_ns
            if stamp == self._quiet:
                return
        found = self._look()
        if found == self._known:
            # What changes in the same moment leaves no other time there.
            is_quiet = stamp is not None and time.time_ns() - stamp[2] > MOMENT
            self._quiet = stamp if is_quiet else None
            return
        self._quiet = None
        if found.database != self._known.database:
            raise JournalError(
                f"{self._path} was moved, removed or replaced while it was in use; put it back, or"
                " restart chatd, which goes on with what is there then"
                f" (until then what was there is in /proc/{os.getpid()}/fd)"
            )
        log = log_of(self._path)
        if not self._renew_log():
            raise JournalError(
                f"{log} was removed or replaced while it was in use; another is begun as soon as"
                f" no other program has {self._path} open; fuser {self._path} tells which"
            )
        note("journal log removed", file=log)
        self._known = self._look()

    def _renew_log(self) -> bool:
        """Move what is in the log into the database, and begin another; return whether it was done.

        We have it open, so everything is in it. It cannot be done while somebody else reads the
        journal. A process that is killed in the middle of it leaves a whole database.
        """
        try:
            self._database.execute("PRAGMA journal_mode = DELETE")
            self._database.execute("PRAGMA journal_mode = WAL")
            # The files are made by the first who looks.
            self._database.execute("SELECT tick FROM state").fetchone()
        except sqlite3.Error as error:
            if error.sqlite_errorname.startswith("SQLITE_BUSY"):
                return False
            raise JournalError(explain(self._path, error)) from error
        return True


def check(path: Path) -> None:
    """See whether this version can go on with the journal at ``path``. Raises JournalError."""
    try:
        refuse_unfit(path)
        if not path.exists():
            return
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BRIEF)
        ) as database:
            inspect(database)
    except (sqlite3.Error, WrongFile, WrongFiles, OSError) as error:
        raise JournalError(explain(path, error)) from error
