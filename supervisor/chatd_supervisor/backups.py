"""Copying a journal beside the server that writes it: ``chatd backup``.

The copy is made in a directory of its own beside the target, looked through, brought to the disk,
and gets its name last: whatever ends the command, what has the name of a backup is a whole one.
"""

import contextlib
import os
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatd_supervisor.history import moment, opened
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.paths import PathError

COPIED: Final = 1024
"""Pages (4 KiB) that are copied at a time."""

_OF_THE_JOURNAL: Final = (
    "SQLITE_CORRUPT",
    "SQLITE_NOTADB",
    "SQLITE_IOERR_READ",
    "SQLITE_IOERR_SHORT_READ",
)
"""What is wrong with the one that is copied, not with the copy."""


def back_up(path: Path, target: Path) -> int:
    """Copy the journal at ``path`` to ``target``, as it is at one moment; return its entries.

    The server may go on writing. Raises JournalError if the journal, PathError if the target
    cannot be used; then there is no ``target``, unless it was there before, which is left alone.
    """
    with opened(path) as database, _told_of(target):
        if os.path.lexists(target):
            raise FileExistsError
        with workplace(target.parent) as place:
            copy = place / "journal.db"
            copy.touch(mode=0o600)
            entries = copy_whole(database, path, copy, named=target)
            if not os.geteuid():
                # Whose journal it is can go back to it.
                found = path.stat()
                os.chown(copy, found.st_uid, found.st_gid)
            _name(copy, target)
    return entries


def copy_whole(
    database: sqlite3.Connection, path: Path, copy: Path, named: Path | None = None
) -> int:
    """Copy ``database``, at ``path``, into the empty file ``copy``; return its entries.

    Raises JournalError if what is copied is damaged, PathError if the copy, which is ``named`` so
    when it is done, cannot be written, OSError.
    """
    try:
        return _copy(database, copy)
    except sqlite3.Error as error:
        if error.sqlite_errorname.startswith(_OF_THE_JOURNAL):
            raise JournalError(explain(path, error)) from error
        raise PathError(explain(named or copy, error)) from error


@contextlib.contextmanager
def _told_of(target: Path) -> Iterator[None]:
    """Say what is wrong with ``target``."""
    try:
        yield
    except (JournalError, PathError):
        raise
    except FileExistsError as error:
        raise PathError(f"{target} exists; a backup replaces nothing") from error
    except OSError as error:
        raise PathError(f"{target} cannot be made: {error.strerror}") from error


@contextlib.contextmanager
def workplace(directory: Path) -> Iterator[Path]:
    """Make a directory in ``directory``, and remove it with what is in it. Raises OSError."""
    place = directory / f".chatd-backup-{os.urandom(8).hex()}"
    place.mkdir(mode=0o700)
    try:
        yield place
    finally:
        for left in place.iterdir():
            left.unlink()
        place.rmdir()


def _copy(database: sqlite3.Connection, target: Path) -> int:
    """Copy ``database`` into the empty file ``target``. Raises sqlite3.Error, OSError."""
    with contextlib.closing(sqlite3.connect(target)) as copy:
        # At one moment, or a server that writes all the time would make it begin anew each time.
        with moment(database):
            database.backup(copy, pages=COPIED)
        _look_through(copy)
        (entries,) = copy.execute("SELECT count(*) FROM entries").fetchone()
        # One file, which needs no others beside it.
        copy.execute("PRAGMA journal_mode = DELETE")
    _sync(target)
    return int(entries)


def _look_through(copy: sqlite3.Connection) -> None:
    """Raise sqlite3.DatabaseError if ``copy`` is damaged: pages are copied as they are."""
    (found,) = copy.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        error = sqlite3.DatabaseError(" ".join(found.split()))
        error.sqlite_errorname = "SQLITE_CORRUPT"
        raise error


def _name(copy: Path, target: Path) -> None:
    """Give ``copy`` its name for good, which nothing else may have. Raises OSError."""
    # Not by a link, which not every file system has; the name is taken first, so that nobody
    # else's file is replaced.
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    os.replace(copy, target)
    _sync(target.parent)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
