"""What is wrong with a journal's file, as sentences: which file, what, and what to do."""

from pathlib import Path
from typing import Final

from chatd_supervisor.journal.schema import WrongFile

_ADVICE: Final = (
    (
        ("SQLITE_CORRUPT", "SQLITE_NOTADB"),
        "{path} is damaged ({error}); move it and its -wal and -shm files away, put a backup there",
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


def explain(path: Path, error: Exception) -> str:
    """Return a sentence about ``error``: which file, what is wrong, what to do."""
    if isinstance(error, WrongFile):
        return f"{path} {error}; install that one, or move the file away to begin a new journal"
    if isinstance(error, OSError):
        return f"{path}: {error.strerror}"
    name: str = getattr(error, "sqlite_errorname", "")
    said = next(said for begins, said in _ADVICE if name.startswith(begins))
    return said.format(path=path, error=error)
