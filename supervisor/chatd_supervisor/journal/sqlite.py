"""The journal in an SQLite file: one writer, the master; any number of readers beside it.

Write-ahead logging (sqlite.org/wal.html), so that readers never stop the writer, and one
transaction for each batch. No thread: what takes longer than a tick may is done in small steps in
the pauses (``tend``): filling the full-text index, moving the write-ahead log into the file, which
waits for the disk, and forgetting what is too old.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Sequence
from itertools import count as counting
from itertools import repeat
from pathlib import Path
from typing import Any, Final, Literal

from chatd_supervisor.clock import JUMP, MICROSECONDS, Clock, Passed
from chatd_supervisor.journal import (
    SHOWN,
    Arrival,
    Batch,
    Entry,
    Found,
    JournalError,
    Snapshot,
    StoredSession,
    Stream,
    TooMuch,
    strand_tables,
)
from chatd_supervisor.journal.account_tables import SqliteAccounts, make
from chatd_supervisor.journal.accounts import AccountConflict
from chatd_supervisor.journal.faults import explain
from chatd_supervisor.journal.files import Files, begin, look_through, refuse_unfit
from chatd_supervisor.journal.reading import Reader, is_interrupted
from chatd_supervisor.journal.schema import WrongFile, WrongFiles, migrate
from chatd_supervisor.journal.strand_tables import APART, SqliteStrands
from chatd_supervisor.journal.tending import Tending
from chatd_supervisor.logbook import note
from chatd_workers.names import fold

FORCED_CHECKPOINT: Final = 16_000
"""Pages after which it is moved in any case; and what is kept of its file when it begins anew."""

BUSY: Final = 0.1
"""Seconds that are waited for somebody else who writes into the file,"""

QUESTION: Final = 0.01
"""Seconds of CPU that one command of a client may take for all that it asks of the journal."""

PATIENCE: Final = 5.0
"""and at the beginning, when nobody is kept waiting by it."""


class SqliteJournal:
    """The journal, open for writing."""

    def __init__(
        self,
        path: Path,
        *,
        synchronous: Literal["normal", "full"] = "normal",
        max_age: float = 0,
        max_size: int = 0,
        clock: Clock | None = None,
    ) -> None:
        """Open the journal at ``path``, or begin a new one there.

        ``synchronous``: ``normal`` survives the death of processes, ``full`` a power loss as well.
        Entries older than ``max_age`` seconds, and the oldest while there are more than
        ``max_size`` bytes, are forgotten; 0: none. Raises JournalError.
        """
        self._path = path
        self._max_age = max_age
        self._max_size = max_size
        self._clock = clock or Clock(jumped=_tell_jump)
        with self._explained():
            refuse_unfit(path)
            if begin(path):
                note("journal begun", file=path)
            self._database = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            with self._explained():
                migrate(self._database)
                self._database.execute("PRAGMA journal_mode = WAL")
                # What is forgotten is not to be found in the file.
                self._database.execute("PRAGMA secure_delete = ON")
                self._database.execute(f"PRAGMA synchronous = {synchronous}")
                self._database.execute(f"PRAGMA wal_autocheckpoint = {FORCED_CHECKPOINT}")
                self._database.execute(f"PRAGMA journal_size_limit = {FORCED_CHECKPOINT * 4096}")
                # SQLite opens what cannot be written, for reading, and says so when it is written.
                self._database.execute("BEGIN IMMEDIATE")
                self._database.execute("UPDATE state SET tick = tick")
                self._database.execute("ROLLBACK")
                look_through(self._database)
                self._begin()
                self._database.execute(f"PRAGMA busy_timeout = {BUSY * 1000:.0f}")
        except JournalError:
            self._database.close()
            raise

    def _begin(self) -> None:
        execute = self._database.execute
        self._tick, self._guests, self._last_session, passed = execute(
            "SELECT tick, guests, last_session, passed FROM state"
        ).fetchone()
        self._reader = Reader(self._database)
        last = execute("SELECT seq, time FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        self._seq: int
        self._time: int
        self._seq, self._time = last or (0, 0)
        now = self._clock.now()
        if self._time > now + JUMP * MICROSECONDS:
            note("clock behind journal", seconds=(self._time - now) // MICROSECONDS)
        self._passed = Passed(passed or self._time, now, self._clock.ran)
        self._surely = self._passed.look(now, self._clock.ran)
        self._names = {name for (name,) in execute("SELECT name FROM room_names")}
        self._tending = Tending(
            self._database,
            self._path,
            self._names,
            max_age=self._max_age,
            max_size=self._max_size,
            now=self._passed_by_now,
            running=self._clock.running,
            until_believed=self._passed.until_believed,
        )
        self._files = Files(self._path, self._database)
        self.accounts = SqliteAccounts(self._database, self._answering)
        self.strands = SqliteStrands(self._database, self._reader, self._answering)

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except JournalError:
            raise
        except (sqlite3.Error, WrongFile, WrongFiles, OSError) as error:
            if isinstance(error, sqlite3.Error) and is_interrupted(error):
                raise TooMuch("this would take the server too long; ask for less") from error
            raise JournalError(explain(self._path, error)) from error

    @contextlib.contextmanager
    def _answering(self) -> Iterator[None]:
        """Explain, and log: clients ask, who are not told which file is wrong, and how."""
        try:
            with self._explained():
                yield
        except TooMuch:
            raise
        except JournalError as error:
            note("journal cannot be read", reason=error)
            raise

    def load(self) -> Snapshot:
        """Return the state after the last batch. Raises JournalError."""
        with self._explained():
            execute = self._database.execute
            sessions = [
                _stored(row)
                for row in execute(
                    "SELECT id, peer, dialect, since, state, offset, discarding, carry, lines"
                    " FROM sessions ORDER BY id"
                )
            ]
            rooms = [state for (state,) in execute("SELECT state FROM rooms")]
            bans = tuple(state for (state,) in execute("SELECT state FROM bans"))
        return Snapshot(
            self._tick, self._seq, sessions, rooms, self._guests, self._last_session, bans
        )

    # Writing

    def clock(self) -> int:
        """Return the time for the next batch, in microseconds since the epoch."""
        now = self._clock.now()
        self._surely = self._passed.look(now, self._clock.ran)
        # A step back of NTP is waited for; after a jump back times are honest again at once.
        return now if now < self._time - JUMP * MICROSECONDS else max(now, self._time)

    def passed(self) -> int:
        """Return what time it surely was when ``clock`` told it, in microseconds."""
        return self._surely

    def _passed_by_now(self) -> int:
        self.clock()
        return self._surely

    def id_of(self, ahead: int) -> str:
        """Return the message id of the entry that comes ``ahead`` (1: the next) of the last."""
        return self._reader.id_of(self._seq + ahead)

    def seq_of(self, ahead: int) -> int:
        """Return the number of the entry that comes ``ahead`` (1: the next) of the last."""
        return self._seq + ahead

    def place_of(self, message_id: str) -> int | None:
        """Return the sequence number in a message id; None if it is not of this journal."""
        return self._reader.place_of(message_id)

    def commit(self, batch: Batch) -> int:
        """Write ``batch``; return its number.

        Raises JournalError or AccountConflict, then nothing is written.
        """
        database = self._database
        now = batch.time or self.clock()
        last_session = max([self._last_session, *[a.session for a in batch.arrivals]])
        with self._explained():
            self._files.look()
        self._see_that_it_has_room()
        try:
            database.execute("BEGIN IMMEDIATE")
            self._write(batch, now)
            database.execute(
                "UPDATE state SET tick = ?, guests = ?, last_session = ?, passed = ?",
                (self._tick + 1, batch.guests, last_session, self._passed.known),
            )
            database.execute("COMMIT")
        except (sqlite3.Error, AccountConflict) as error:
            self._names -= _rooms_of(batch)
            if database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
            if isinstance(error, AccountConflict):
                raise
            if error.sqlite_errorname in ("SQLITE_FULL", "SQLITE_IOERR_WRITE"):
                with contextlib.suppress(sqlite3.Error):
                    self._tending.make_room()
            raise JournalError(explain(self._path, error)) from error
        tick: int = self._tick + 1
        self._tick = tick
        if batch.facts:
            self._seq += len(batch.facts)
            self._time = now
        self._guests = batch.guests
        self._last_session = last_session
        self._tending.written(len(batch.facts))
        return tick

    def _see_that_it_has_room(self) -> None:
        with self._explained():
            leaves_room = self._tending.leaves_room()
        if not leaves_room:
            raise JournalError(
                f"{self._path}-wal takes up the last of its file system, for a program that has"
                " long been reading the journal keeps it from being emptied;"
                f" fuser {self._path} tells which"
            )

    def _write(self, batch: Batch, now: int) -> None:
        many = self._database.executemany
        if batch.accounts:
            make(self._database, batch.accounts)
        if batch.facts:
            # Made by zip alone: this is the one loop over all that is said.
            rows = zip(counting(self._seq + 1), repeat(now), *zip(*batch.facts, strict=True))
            many("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", rows)
            if now < self._time:
                many("INSERT INTO steps_back VALUES (?)", [(self._seq + 1,)])
            facts = enumerate(batch.facts, self._seq + 1)
            apart = [(seq, fact) for seq, fact in facts if fact.kind in APART]
            if apart:
                strand_tables.write(self._database, apart)
            fresh = _rooms_of(batch) - self._names
            if fresh:
                self._names |= fresh
                many(
                    "INSERT OR IGNORE INTO room_names VALUES (?, ?)",
                    [(name, fold(name)) for name in fresh],
                )
        if batch.onces:
            many(
                "INSERT INTO onces VALUES (?, ?)",
                [(number, self._seq + place) for number, place in batch.onces.items()],
            )
        if batch.arrivals:
            many(
                # One that has come through a proxy arrives a second time, from its own address.
                "INSERT INTO sessions (id, peer, dialect, since) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET peer = excluded.peer",
                batch.arrivals,
            )
        if batch.members:
            many(
                "UPDATE sessions SET state = ?2 WHERE id = ?1",
                batch.members,
            )
        if batch.leaving:
            many(
                "UPDATE sessions SET state = NULL WHERE id = ?",
                [(session,) for session in batch.leaving],
            )
            strand_tables.leave(self._database, batch.leaving)
        if batch.streams:
            many(
                "UPDATE sessions SET offset = ?2, discarding = ?3, carry = ?4, lines = ?5"
                " WHERE id = ?1",
                batch.streams,
            )
        if batch.closed:
            many("DELETE FROM sessions WHERE id = ?", [(session,) for session in batch.closed])
        if batch.rooms or batch.rooms_gone or batch.bans:
            self._write_what_lasts(batch)

    def _write_what_lasts(self, batch: Batch) -> None:
        many = self._database.executemany
        if batch.rooms:
            many("INSERT OR REPLACE INTO rooms VALUES (?, ?)", batch.rooms)
        if batch.rooms_gone:
            many("DELETE FROM rooms WHERE folded = ?", [(room,) for room in batch.rooms_gone])
        if batch.bans:
            gone = [(key,) for key, state in batch.bans if state is None]
            many("DELETE FROM bans WHERE key = ?", gone)
            there = [(key, state) for key, state in batch.bans if state is not None]
            many("INSERT OR REPLACE INTO bans VALUES (?, ?)", there)

    # Reading

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of all kinds after ``after``, in order."""
        with self._answering():
            return self._reader.read(after, limit)

    def once(self, number: str) -> Entry | None:
        """Return the line to which its client has given this id."""
        with self._answering():
            return self._reader.once(number)

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` (any case), in order."""
        with self._answering():
            return self._reader.last(room, count)

    def missed(self, nick: str, room: str, count: int, after: int = 0) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since ``nick`` last left, and how much there is."""
        with self._answering():
            return self._reader.missed(nick, room, count, after)

    def search(self, words: str, room: str, count: int) -> Found:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order."""
        with self._answering():
            return self._reader.search(words, room, count)

    def allow(self, seconds: float = QUESTION) -> None:
        """Begin with a client's question: all that is asked for it may take so long (CPU)."""
        self._reader.allow(seconds)

    # Tending

    def tend(self) -> float | None:
        """Index, forget and checkpoint a little; return seconds until more is to be done."""
        with self._explained():
            return self._tending.tend(self._seq)

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(sqlite3.Error):
            self._database.close()


def _tell_jump(seconds: float) -> None:
    note("clock jumped", seconds=round(seconds, 1))


def _rooms_of(batch: Batch) -> set[str]:
    return {fact.room for fact in batch.facts if fact.kind in SHOWN}


def _stored(row: Sequence[Any]) -> StoredSession:
    number, peer, dialect, since, record, offset, discarding, carry, lines = row
    return StoredSession(
        Arrival(number, peer, dialect, since),
        record,
        Stream(number, offset, bool(discarding), carry, lines),
    )
