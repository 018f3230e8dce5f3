"""The journal in an SQLite file: one writer, the master; any number of readers beside it.

Write-ahead logging (sqlite.org/wal.html), so that readers never stop the writer, and one
transaction for each batch. No thread: what takes longer than a tick may is done in small steps in
the pauses (``tend``): filling the full-text index, moving the write-ahead log into the file, which
waits for the disk, and forgetting what is too old.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import count as counting
from itertools import repeat
from pathlib import Path
from typing import Any, Final, Literal

from chatd_supervisor.journal import (
    Arrival,
    Batch,
    Entry,
    JournalError,
    Member,
    RoomState,
    Snapshot,
    StoredSession,
    Stream,
)
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.journal.reading import SHOWN_ONLY, Reader
from chatd_supervisor.journal.schema import WrongFile, inspect, migrate
from chatd_workers.names import fold

STEP: Final = 500
"""Entries that are indexed or forgotten at a time: some milliseconds."""

PAUSE: Final = 0.02
"""Seconds between steps."""

CHECKPOINT: Final = 1000
"""Pages (4 KiB) in the write-ahead log after which it is moved into the file, in a pause."""

FORCED_CHECKPOINT: Final = 16_000
"""Pages after which it is moved in any case."""

ROWS_A_PAGE: Final = 30
"""Entries that fit in a page, about."""

PAGES_A_BATCH: Final = 4
"""Pages that a batch changes at least."""

BUSY: Final = 0.1
"""Seconds that are waited for somebody else who writes into the file."""


class SqliteJournal:
    """The journal, open for writing."""

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Literal["normal", "full"] = "normal",
        max_age: float = 0,
        max_size: int = 0,
    ) -> None:
        """Open the journal at ``path``, or begin a new one there.

        ``synchronous``: ``normal`` survives the death of processes, ``full`` a power loss as well.
        Entries older than ``max_age`` seconds, and the oldest while there are more than
        ``max_size`` bytes, are forgotten; 0: none. Raises JournalError.
        """
        self._path = path
        self._max_age = max_age
        self._max_size = max_size
        with self._explained():
            # Its messages are not for others to read.
            path.touch(mode=0o600)
            self._database = sqlite3.connect(path, timeout=BUSY, isolation_level=None)
        try:
            with self._explained():
                migrate(self._database)
                self._database.execute("PRAGMA journal_mode = WAL")
                self._database.execute(f"PRAGMA synchronous = {synchronous}")
                self._database.execute(f"PRAGMA wal_autocheckpoint = {FORCED_CHECKPOINT}")
                self._begin()
        except JournalError:
            self._database.close()
            raise

    def _begin(self) -> None:
        execute = self._database.execute
        self._tick, self._guests, self._last_session, self._indexed = execute(
            "SELECT tick, guests, last_session, indexed FROM state"
        ).fetchone()
        self._reader = Reader(self._database)
        last = execute("SELECT seq, time FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq: int
        self._time: int
        self._seq, self._time = last or (0, 0)
        self._names = {name for (name,) in execute("SELECT name FROM room_names")}
        self._pages = 0
        self._forget_at = 0.0

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, WrongFile, OSError) as error:
            raise JournalError(explain(self._path, error)) from error

    def load(self) -> Snapshot:
        """Return the state after the last batch. Raises JournalError."""
        with self._explained():
            execute = self._database.execute
            sessions = [
                _stored(row)
                for row in execute(
                    "SELECT id, peer, dialect, since, nick, named, warned, room, joined,"
                    " offset, discarding, carry, lines FROM sessions ORDER BY id"
                )
            ]
            rooms = [
                RoomState(*row)
                for row in execute("SELECT name, topic, made FROM rooms ORDER BY made")
            ]
        return Snapshot(self._tick, self._seq, sessions, rooms, self._guests, self._last_session)

    # Writing

    def commit(self, batch: Batch) -> int:
        """Write ``batch``; return its number. Raises JournalError, then nothing is written."""
        database = self._database
        now = max(time.time_ns() // 1000, self._time)
        last_session = max([self._last_session, *[a.session for a in batch.arrivals]])
        try:
            database.execute("BEGIN IMMEDIATE")
            self._write(batch, now)
            database.execute(
                "UPDATE state SET tick = ?, guests = ?, last_session = ?",
                (self._tick + 1, batch.guests, last_session),
            )
            database.execute("COMMIT")
        except sqlite3.Error as error:
            self._names = {name for name in self._names if name not in _rooms_of(batch)}
            if database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
            raise JournalError(explain(self._path, error)) from error
        tick: int = self._tick + 1
        self._tick = tick
        self._seq += len(batch.facts)
        self._time = now
        self._guests = batch.guests
        self._last_session = last_session
        self._pages += PAGES_A_BATCH + len(batch.facts) // ROWS_A_PAGE
        return tick

    def _write(self, batch: Batch, now: int) -> None:
        many = self._database.executemany
        if batch.facts:
            # Made by zip alone: this is the one loop over all that is said.
            rows = zip(counting(self._seq + 1), repeat(now), *zip(*batch.facts, strict=True))
            many("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
            fresh = _rooms_of(batch) - self._names
            if fresh:
                self._names |= fresh
                many(
                    "INSERT OR IGNORE INTO room_names VALUES (?, ?)",
                    [(name, fold(name)) for name in fresh],
                )
        if batch.arrivals:
            many(
                "INSERT INTO sessions (id, peer, dialect, since) VALUES (?, ?, ?, ?)",
                batch.arrivals,
            )
        if batch.members:
            many(
                "UPDATE sessions SET nick = ?3, named = ?4, warned = ?5, room = ?6, joined = ?7"
                " WHERE id = ?1 AND dialect = ?2",
                batch.members,
            )
        if batch.leaving:
            many(
                "UPDATE sessions SET nick = NULL WHERE id = ?",
                [(session,) for session in batch.leaving],
            )
        if batch.streams:
            many(
                "UPDATE sessions SET offset = ?2, discarding = ?3, carry = ?4, lines = ?5"
                " WHERE id = ?1",
                batch.streams,
            )
        if batch.closed:
            many("DELETE FROM sessions WHERE id = ?", [(session,) for session in batch.closed])
        if batch.rooms:
            many(
                "INSERT OR REPLACE INTO rooms VALUES (?, ?, ?, ?)",
                [(fold(room.name), *room) for room in batch.rooms],
            )
        if batch.rooms_gone:
            many("DELETE FROM rooms WHERE folded = ?", [(room,) for room in batch.rooms_gone])

    # Reading

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of all kinds after ``after``, in order."""
        with self._explained():
            return self._reader.read(after, limit)

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` (any case), in order."""
        with self._explained():
            return self._reader.last(room, count)

    def missed(self, nick: str, room: str, count: int) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since ``nick`` last left, and how much there is."""
        with self._explained():
            return self._reader.missed(nick, room, count)

    def search(self, words: str, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order."""
        with self._explained():
            return self._reader.search(words, room, count)

    # Tending

    def tend(self) -> float | None:
        """Index, forget and checkpoint a little; return seconds until more is to be done."""
        with self._explained():
            # First, for there may be more to index all the time; and a log that begins anew is
            # written over what is in memory already.
            if self._pages >= CHECKPOINT:
                self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._pages = 0
            return PAUSE if self._index() or self._forget() else None

    def _index(self) -> bool:
        """Index the next STEP entries; return whether there are more."""
        if self._indexed >= self._seq:
            return False
        upto = min(self._indexed + STEP, self._seq)
        with self._transaction() as execute:
            execute(
                "INSERT INTO lines (rowid, room, text) SELECT seq, room, text FROM entries"  # noqa: S608
                f" WHERE seq > ? AND seq <= ? AND {SHOWN_ONLY}",
                (self._indexed, upto),
            )
            execute("UPDATE state SET indexed = ?", (upto,))
        self._indexed = upto
        self._pages += PAGES_A_BATCH
        return True

    def _forget(self) -> bool:
        """Forget the oldest STEP entries if they are to be; return whether they were."""
        execute = self._database.execute
        first = execute("SELECT seq, time FROM entries ORDER BY seq LIMIT 1").fetchone()
        if first is None or first[0] == self._seq:
            return False
        if not (self._is_too_old(first[1]) or self._is_too_large()):
            return False
        # Never the last one: it says where the numbers go on.
        upto = min(first[0] + STEP - 1, self._indexed, self._seq - 1)
        if self._is_too_old(first[1]) and not self._is_too_large():
            before = int((time.time() - self._max_age) * 1e6)
            (upto,) = execute(
                "SELECT max(seq) FROM entries WHERE seq <= ? AND time < ?", (upto, before)
            ).fetchone()
        with self._transaction() as execute:
            execute(
                "INSERT INTO lines (lines, rowid, room, text)"  # noqa: S608
                " SELECT 'delete', seq, room, text FROM entries"
                f" WHERE seq <= ? AND {SHOWN_ONLY}",
                (upto,),
            )
            execute("DELETE FROM entries WHERE seq <= ?", (upto,))
        self._pages += PAGES_A_BATCH
        return True

    def _is_too_old(self, when: int) -> bool:
        return bool(self._max_age) and when < (time.time() - self._max_age) * 1e6

    def _is_too_large(self) -> bool:
        if not self._max_size:
            return False
        (size,) = self._database.execute(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        return bool(size > self._max_size)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[Any]:
        execute = self._database.execute
        execute("BEGIN IMMEDIATE")
        try:
            yield execute
            execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                execute("ROLLBACK")
            raise

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def check(path: Path) -> None:
    """See whether this version can go on with the journal at ``path``. Raises JournalError."""
    if not path.exists():
        return
    try:
        with contextlib.closing(
            sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY)
        ) as database:
            inspect(database)
    except (sqlite3.Error, WrongFile) as error:
        raise JournalError(explain(path, error)) from error


def _rooms_of(batch: Batch) -> set[str]:
    # A private line has the other's nick in the place of the room.
    return {fact.room for fact in batch.facts if fact.kind != "tell"}


def _stored(row: Sequence[Any]) -> StoredSession:
    number, peer, dialect, since, nick, named, warned, room, joined = row[:9]
    offset, discarding, carry, lines = row[9:]
    member = None
    if nick is not None:
        member = Member(number, dialect, nick, bool(named), warned, room, joined)
    return StoredSession(
        Arrival(number, peer, dialect, since),
        member,
        Stream(number, offset, bool(discarding), carry, lines),
    )
