"""The tables of accounts and certificates in SQLite: asking them, and changing them."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from chatd_supervisor.credentials import Credentials
from chatd_supervisor.journal import strand_tables
from chatd_supervisor.journal.accounts import (
    Account,
    AccountConflict,
    Added,
    Certified,
    Change,
    Rekeyed,
    Removed,
    Suspended,
    Uncertified,
)
from chatd_supervisor.journal.strands import reader_of
from chatd_workers.names import fold

_ROW: Final = "name, created, hash, salt, rounds, stored_key, server_key, email, suspended"

_REKEY: Final = (
    "UPDATE accounts SET hash = ?, salt = ?, rounds = ?, stored_key = ?, server_key = ?"
    " WHERE folded = ?"
)

_OTHER: Final = "*[^ -~]*"
"""A pattern (GLOB) of names that are not of printable ASCII."""

# To the same account once more is no harm.
_CERTIFY: Final = (
    "INSERT INTO certificates VALUES (?1, ?2) ON CONFLICT (fingerprint)"
    " DO UPDATE SET account = ?2 WHERE account = ?2"
)


class SqliteAccounts:
    """Asks the tables of a journal's database."""

    def __init__(
        self,
        database: sqlite3.Connection,
        explained: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """``explained`` turns what SQLite says into JournalError."""
        self._database = database
        self._explained = explained

    def find(self, name: str) -> Account | None:
        """Return the account called ``name`` (any case)."""
        found = self._ask(f"SELECT {_ROW} FROM accounts WHERE folded = ?", _key(name))  # noqa: S608
        return _account(found[0]) if found else None

    def by_certificate(self, fingerprint: str) -> Account | None:
        """Return whose certificate has ``fingerprint``."""
        found = self._ask(
            f"SELECT {_ROW} FROM certificates JOIN accounts ON folded = account"  # noqa: S608
            " WHERE fingerprint = ?",
            fingerprint,
        )
        return _account(found[0]) if found else None

    def all(self) -> list[Account]:
        """Return all accounts, by name."""
        return [_account(row) for row in self._ask(f"SELECT {_ROW} FROM accounts ORDER BY folded")]  # noqa: S608

    def certificates(self) -> list[tuple[str, str]]:
        """Return all (name, fingerprint), by name."""
        return self._ask(
            "SELECT name, fingerprint FROM certificates JOIN accounts ON folded = account"
            " ORDER BY folded, fingerprint"
        )

    def beyond_ascii(self) -> list[str]:
        """Return the names of accounts that are not of ASCII alone."""
        return [
            name for (name,) in self._ask("SELECT name FROM accounts WHERE name GLOB ?", _OTHER)
        ]

    def version(self) -> int:
        """Return a number that is another one when others have written to the journal."""
        ((version,),) = self._ask("PRAGMA data_version")
        return int(version)

    def salting_key(self) -> bytes:
        """Return a secret of this journal, from which salts are made for who does not exist."""
        ((key,),) = self._ask("SELECT salting FROM account_secrets")
        return bytes(key)

    def _ask(self, query: str, *values: str) -> list[Any]:
        with self._explained():
            return self._database.execute(query, values).fetchall()


def make(database: sqlite3.Connection, changes: Sequence[Change]) -> None:
    """Make ``changes``, in a transaction that is open, in their order.

    Raises AccountConflict or sqlite3.Error, and then the transaction is to be rolled back.
    """
    for change in changes:
        for query, values, conflict in _statements(change):
            if database.execute(query, values).rowcount == 0 and conflict is not None:
                raise conflict


_Statement = tuple[str, Sequence[Any], AccountConflict | None]
"""A query, its values, and what is wrong if it changes nothing (None: that is all right)."""


def _statements(change: Change) -> Iterator[_Statement]:
    match change:
        case Added(account):
            # Who had an account of this name before was another.
            yield from _unread(account.name)
            yield (
                "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    _key(account.name),
                    account.name,
                    account.created,
                    *_fields(account.credentials),
                    account.email,
                    account.suspended,
                ),
                AccountConflict("exists", account.name),
            )
        case Rekeyed(name, credentials):
            yield (
                _REKEY,
                (*_fields(credentials), _key(name)),
                AccountConflict("unknown", name),
            )
        case Suspended(name, suspended):
            yield (
                "UPDATE accounts SET suspended = ? WHERE folded = ?",
                (suspended, _key(name)),
                AccountConflict("unknown", name),
            )
        case Removed(name):
            yield "DELETE FROM certificates WHERE account = ?", (_key(name),), None
            yield from _unread(name)
            yield (
                "DELETE FROM accounts WHERE folded = ?",
                (_key(name),),
                AccountConflict("unknown", name),
            )
        case Certified(name, fingerprint):
            # Changes nothing; only that there is one.
            yield (
                "UPDATE accounts SET name = name WHERE folded = ?",
                (_key(name),),
                AccountConflict("unknown", name),
            )
            yield (
                _CERTIFY,
                (fingerprint, _key(name)),
                AccountConflict("certificate-taken", fingerprint),
            )
        case Uncertified(fingerprint):
            yield (
                "DELETE FROM certificates WHERE fingerprint = ?",
                (fingerprint,),
                AccountConflict("certificate-unknown", fingerprint),
            )


def _unread(name: str) -> Iterator[_Statement]:
    """Yield what lets nobody read as ``name`` what was said before."""
    for query, values in strand_tables.forgetting(reader_of(0, _key(name))):
        yield query, values, None


def _key(name: str) -> str:
    # Nobody's name has a surrogate, but it may be asked for.
    return fold(name).encode(errors="replace").decode()


def _fields(credentials: Credentials) -> tuple[str, bytes, int, bytes, bytes]:
    return (
        credentials.hash,
        credentials.salt,
        credentials.rounds,
        credentials.stored_key,
        credentials.server_key,
    )


def _account(row: Sequence[Any]) -> Account:
    name, created, *credentials, email, suspended = row
    return Account(name, created, Credentials(*credentials), email, bool(suspended))
