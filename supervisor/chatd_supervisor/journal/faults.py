"""What is wrong with a journal's file, as sentences: which file, what, and what to do."""

import sqlite3
from pathlib import Path
from typing import Final

from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.schema import VERSION, WrongFile, WrongFiles, inspect

_ADVICE: Final = (
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB"),
        "{path} is damaged ({error}); {remedy}",
    ),
    (("SQLITE_FULL",), "{path} cannot be written: no space is left on its file system"),
    (
        ("SQLITE_IOERR",),
        "{path} cannot be read or written: {error}; is its file system full or broken?",
    ),
    (
        ("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM"),
        "{path} cannot be written: {error}; whose is it, and is its directory writable?",
    ),
    (
        ("SQLITE_BUSY", "SQLITE_LOCKED"),
        "{path} is locked by another program; fuser {path} tells which",
    ),
    (("",), "{path}: {error}"),
)
"""What is said about the errors of SQLite, by the beginnings of their names."""


def explain(
    path: Path, error: Exception, remedy: str = "put a backup there with chatd restore"
) -> str:
    """Return a sentence about ``error``: which file, what is wrong, what to do.

    ``remedy`` is what to do about a damaged file.
    """
    if isinstance(error, WrongFiles):
        return str(error)
    if isinstance(error, WrongFile):
        return f"{path} {error}; install that one, or move the file away to begin a new journal"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    name: str = getattr(error, "sqlite_errorname", "")
    said = next(said for begins, said in _ADVICE if name.startswith(begins))
    return said.format(path=path, error=error, remedy=remedy)


def refuse_older(path: Path, database: sqlite3.Connection) -> None:
    """Raise JournalError if the file is of an older version; WrongFile, sqlite3.Error as well.

    A command must not bring it up to date: the chatd that uses it may be an older one.
    """
    version = inspect(database)
    if version < VERSION:
        raise JournalError(
            f"{path} is of an older chatd (schema {version}, this one reads {VERSION});"
            " start this chatd on it, which brings it up to date"
        )
