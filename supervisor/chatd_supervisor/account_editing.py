"""Changing accounts beside a server, or without one: ``chatd account``.

The server need not be asked: SQLite lets one write at a time, and it looks accounts up when it
needs them. Whoever writes is short: passwords are hashed before, and what was written is brought
to the disk after, when nobody has to wait for it.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatd_supervisor.credentials import Credentials
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.account_tables import SqliteAccounts, make
from chatd_supervisor.journal.accounts import Account, Added, Change
from chatd_supervisor.journal.faults import explain, refuse_older
from chatd_supervisor.journal.schema import WrongFile
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.paths import make_directory

PATIENCE: Final = 10.0
"""Seconds that are waited for the server, and other commands, to let us write."""


class Editor:
    """The accounts of a journal that may be in use."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        self._path = path
        self._database = database
        self.accounts = SqliteAccounts(database, self._explained)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise JournalError(explain(self._path, error)) from error

    def change(self, *changes: Change) -> None:
        """Make ``changes``, all or none, for good. Raises AccountConflict, JournalError."""
        with self._explained():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                make(self._database, changes)
                self._database.execute("COMMIT")
            except BaseException:
                self._database.execute("ROLLBACK")
                raise
        self._sync()

    def _sync(self) -> None:
        """Bring what was written to the disk: it is to survive a power loss."""
        try:
            log = os.open(f"{self._path}-wal", os.O_RDONLY)
        except FileNotFoundError:
            return  # it has been moved into the file, which is synced then
        try:
            os.fsync(log)
        finally:
            os.close(log)


@contextlib.contextmanager
def editing(path: Path) -> Iterator[Editor]:
    """Open the accounts of the journal at ``path``, which is begun if there is none.

    Raises JournalError, PathError.
    """
    if not path.exists():
        make_directory(path.parent)
        SqliteJournal(path).close()
    try:
        with contextlib.closing(
            sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, timeout=PATIENCE, isolation_level=None
            )
        ) as database:
            refuse_older(path, database)
            # The server does not wait for us to fill the disk: it, or we last of all, see to that.
            database.execute("PRAGMA synchronous = NORMAL")
            database.execute("PRAGMA wal_autocheckpoint = 0")
            yield Editor(path, database)
    except (sqlite3.Error, WrongFile) as error:
        raise JournalError(explain(path, error)) from error


def new_account(name: str, credentials: Credentials, email: str = "") -> Added:
    """Return the change that makes an account, as of now."""
    return Added(Account(name, time.time_ns() // 1000, credentials, email, suspended=False))
