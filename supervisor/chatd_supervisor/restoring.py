"""Putting a backup in the place of the journal: ``chatd restore``.

Only while nobody serves in the state directory, which is locked meanwhile. The backup is looked
through and copied beside the journal first; the journal that was there is kept under another name,
with its log; what a next master would need of the sessions of that one is removed, for it is of
another order of things: lines that were never said here would be sent. Whose the directory is, is
whose the journal is, whoever gives the command.
"""

import contextlib
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from chatd_supervisor.backups import copy_whole, workplace
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.journal.files import index_of, log_of, refuse_unfit
from chatd_supervisor.journal.schema import WrongFile, WrongFiles, inspect
from chatd_supervisor.paths import PathError, Paths, make_directory
from chatd_supervisor.pidfile import PidFile


def restore(backup: Path, places: Paths, owner: tuple[int, int] | None) -> tuple[int, Path | None]:
    """Put ``backup`` in the place of the journal in ``places``.

    Return how many entries it has, and where the journal that was there is kept; None if there was
    none. ``owner`` is whose the state directory is to be if it must be made; None: ours. Raises
    JournalError if the backup cannot be used, PathError if the directory cannot, AlreadyRunning if
    a server uses it. Then everything is as it was.
    """
    journal = places.journal_file
    if not places.state_dir.exists():
        make_directory(places.state_dir)
        if owner is not None:
            os.chown(places.state_dir, *owner)
    with _told_of(journal), _locked(places), workplace(places.state_dir) as place:
        copy = place / "journal.db"
        with _opened(backup) as source:
            copy.touch(mode=0o600)
            entries = copy_whole(source, backup, copy)
        _give_away(copy, places.state_dir)
        kept = _set_aside(journal)
        shutil.rmtree(places.sessions_dir, ignore_errors=True)
        os.replace(copy, journal)
        _sync(places.state_dir)
    return entries, kept


@contextlib.contextmanager
def _told_of(journal: Path) -> Iterator[None]:
    """Say what is wrong where the journal is to be."""
    try:
        yield
    except (JournalError, PathError):
        raise
    except OSError as error:
        raise PathError(f"{journal} cannot be put there: {error.strerror}") from error


@contextlib.contextmanager
def _locked(places: Paths) -> Iterator[None]:
    """Keep every server out of the state directory. Raises AlreadyRunning, OSError."""
    lock = PidFile(places.state_lock)
    lock.acquire()
    try:
        yield
    finally:
        lock.release()


@contextlib.contextmanager
def _opened(backup: Path) -> Iterator[sqlite3.Connection]:
    """Open ``backup`` for reading. Raises JournalError, also for what fails inside."""
    try:
        with backup.open("rb"):
            refuse_unfit(backup)
        uri = f"{backup.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as database:
            _see_what_it_is(database)
            yield database
    except WrongFile as error:
        raise JournalError(f"{backup} {error}") from error
    except (sqlite3.Error, WrongFiles) as error:
        raise JournalError(explain(backup, error, remedy="restore another one")) from error
    except (FileNotFoundError, PermissionError, IsADirectoryError) as error:
        if error.filename != os.fspath(backup):
            raise
        raise JournalError(f"{backup} cannot be read: {error.strerror}") from error


def _see_what_it_is(database: sqlite3.Connection) -> None:
    """Raise WrongFile if it is no journal that a server can begin with, sqlite3.Error."""
    # One of an older version is brought up to date by it.
    if not inspect(database):
        raise WrongFile("is no journal")


def _give_away(file: Path, directory: Path) -> None:
    """Have ``file`` belong to whom ``directory`` belongs to."""
    found = directory.stat()
    if (found.st_uid, found.st_gid) != (os.geteuid(), os.getegid()) and not os.geteuid():
        os.chown(file, found.st_uid, found.st_gid)


def _set_aside(journal: Path) -> Path | None:
    """Give the journal and its log other names; return that of the journal, None if none is there.

    Whatever ends us in between, a log without its journal is refused by whoever starts.
    """
    if not journal.exists():
        for left in (log_of(journal), index_of(journal)):
            left.unlink(missing_ok=True)
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = journal.with_name(f"{journal.name}.before-{stamp}")
    while kept.exists():
        kept = kept.with_name(f"{kept.name}+")
    journal.rename(kept)
    with contextlib.suppress(FileNotFoundError):
        log_of(journal).rename(log_of(kept))
    index_of(journal).unlink(missing_ok=True)
    return kept


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
