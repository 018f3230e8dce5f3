"""Forgetting what is too old, or too much: the oldest first, a few milliseconds at a time.

How old an entry is goes by the time that has surely passed (``clock.Passed``), so no jump of the
clock forgets anything. An entry that is dated later than it is now was said while the clock was
ahead: it is forgotten with what comes after it.

What is forgotten is not to be found in the files either. SQLite overwrites it (secure_delete); the
full-text index has its words until its segments are merged, and the write-ahead log the pages as
they were. Both are seen to when nothing is left to be forgotten for now (``scrub``).
"""

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from typing import Any, Final

from chatd_supervisor.journal import full_text, strand_tables
from chatd_supervisor.journal.schema import SHOWN_ONLY

FORGOTTEN: Final = "forgotten"
"""The kind of the last entry when even that was too old: its number is still needed."""

LOOKED_THROUGH: Final = 10_000
"""Entries at a time among which one is looked for that is not dated later than it is now."""

MERGED: Final = 64
"""Pages of the index that are merged at a time."""

SHARE: Final = 0.01
"""The part of the time in which scrubbing may be done: all of the index is written anew."""


class Forgetting:
    """Forgets entries of a journal's database. Its methods may raise sqlite3.Error."""

    def __init__(
        self,
        database: sqlite3.Connection,
        names: set[str],
        *,
        max_age: float,
        max_size: int,
        now: Callable[[], int],
        running: Callable[[], float],
    ) -> None:
        """``names`` are those in room_names; what is forgotten is taken out of it.

        ``max_age`` is in seconds, ``max_size`` in bytes; 0: no limit. ``now`` returns what time it
        surely is, in microseconds since the epoch; ``running`` the seconds of a clock that
        nobody sets.
        """
        self._database = database
        self._names = names
        self._max_age = round(max_age * 1e6)
        self._max_size = max_size
        self._now = now
        self._running = running
        # Entries before this are dated later than it is now.
        self._sought = 0
        (self._unscrubbed,) = database.execute("SELECT unscrubbed FROM state").fetchone()
        self._is_merging = False
        self._spent = 0.0
        self._not_before = 0.0

    def forget(self, seq: int, indexed: int, step: int) -> bool:
        """Forget the oldest ``step`` entries if they are to be; return whether there is more to do.

        ``seq`` is the number of the last one, and those up to ``indexed`` are in the index.
        """
        execute = self._database.execute
        first = execute("SELECT seq, kind FROM entries ORDER BY seq LIMIT 1").fetchone()
        if first is None or first == (seq, FORGOTTEN):
            return False
        upto = min(first[0] + step - 1, indexed)
        if upto < first[0]:
            return False
        if self._is_too_large():
            # Never the last one: it says where the numbers go on.
            upto = min(upto, seq - 1)
        elif self._max_age:
            old = self._too_old(first[0], upto)
            if old is None:
                return True
            upto = old
        else:
            return False
        if upto < first[0]:
            return False
        self._remove(first[0], upto, seq)
        return True

    def _too_old(self, first: int, upto: int) -> int | None:
        """Return up to which entry, ``upto`` at most, all are too old; None: it is looked for."""
        execute = self._database.execute
        now = self._now()
        before = now - self._max_age
        dated = self._oldest_dated(first, now)
        if dated is None:
            return None
        seq, when = dated
        if when > before:
            return first - 1
        if seq > upto:
            return upto
        (young,) = execute(
            "SELECT min(seq) FROM entries WHERE seq > ? AND seq <= ? AND time > ? AND time <= ?",
            (seq, upto, before, now),
        ).fetchone()
        (old,) = execute(
            "SELECT max(seq) FROM entries WHERE seq < ? AND time <= ?",
            (young or upto + 1, before),
        ).fetchone()
        return int(old)

    def _oldest_dated(self, first: int, now: int) -> tuple[int, int] | None:
        """Return number and time of the first entry that is not dated later than ``now``.

        If all are, of the last of all; None: it is to be looked for further on.
        """
        start = max(first, self._sought)
        found: tuple[int, int] | None = self._database.execute(
            "SELECT seq, time FROM entries WHERE seq >= ? AND seq < ? AND time <= ?"
            " ORDER BY seq LIMIT 1",
            (start, start + LOOKED_THROUGH, now),
        ).fetchone()
        if found is not None:
            self._sought = found[0]
            return found
        last: tuple[int, int] = self._database.execute(
            "SELECT seq, time FROM entries ORDER BY seq DESC LIMIT 1"
        ).fetchone()
        if last[0] < start + LOOKED_THROUGH:
            self._sought = last[0]
            return last
        self._sought = start + LOOKED_THROUGH
        return None

    def due(self) -> float | None:
        """Return the seconds until the oldest entry is too old; None: never, by itself."""
        if not self._max_age:
            return None
        now = self._now()
        first = self._database.execute("SELECT seq, kind FROM entries ORDER BY seq LIMIT 1")
        row = first.fetchone()
        if row is None or row[1] == FORGOTTEN:
            return None
        dated = self._oldest_dated(row[0], now)
        return 0.0 if dated is None else max(dated[1] + self._max_age - now, 0) / 1e6

    def _remove(self, first: int, upto: int, last: int) -> None:
        with transaction(self._database) as execute:
            upto = full_text.remove(self._database, first - 1, upto)
            row = execute("SELECT time FROM entries WHERE seq = ?", (upto,)).fetchone()
            gone = self._remove_entries(upto)
            if upto == last:
                # It says where the numbers go on.
                values = (upto, *row, 0, "", "", FORGOTTEN, "", "")
                execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
            execute("UPDATE state SET unscrubbed = 1")
        self._unscrubbed = 1
        self._names -= gone

    def _remove_entries(self, upto: int) -> set[str]:
        """Remove entries, and what was kept because of them; return rooms that were."""
        execute, many = self._database.execute, self._database.executemany
        strand_tables.forget(self._database, upto)
        rooms = execute(
            f"SELECT DISTINCT room FROM entries NOT INDEXED WHERE seq <= ? AND {SHOWN_ONLY}",  # noqa: S608
            (upto,),
        ).fetchall()
        execute("DELETE FROM onces WHERE seq <= ?", (upto,))
        execute("DELETE FROM steps_back WHERE seq <= ?", (upto,))
        execute("DELETE FROM entries WHERE seq <= ?", (upto,))
        gone = {
            name
            for (name,) in rooms
            if not execute(
                f"SELECT 1 FROM entries WHERE room = ? AND {SHOWN_ONLY} LIMIT 1",  # noqa: S608
                (name,),
            ).fetchone()
        }
        many("DELETE FROM room_names WHERE name = ?", [(name,) for name in gone])
        return gone

    def _is_too_large(self) -> bool:
        if not self._max_size:
            return False
        (size,) = self._database.execute(
            "SELECT (page_count - freelist_count) * page_size"
            " FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
        ).fetchone()
        return bool(size > self._max_size)

    def scrub(self) -> float | None:
        """Overwrite a little of what was forgotten; return the seconds until more is to be done.

        None: nothing is left. To be called when nothing is to be forgotten or indexed for now.
        """
        if not self._unscrubbed:
            return None
        now = self._running()
        if now < self._not_before:
            return self._not_before - now
        begun = time.perf_counter()
        done = self._merge() and self._empty_log()
        taken = time.perf_counter() - begun
        self._spent += taken
        if not done:
            return taken
        self._not_before = now + self._spent / SHARE
        self._spent = 0.0
        self._unscrubbed = 0
        return None

    def _merge(self) -> bool:
        """Merge a little of the index; return whether all of it is one segment now.

        What was deleted from a segment is left out when it becomes part of another one. A negative
        number begins with all segments (sqlite.org/fts5.html, the merge command).
        """
        before = self._database.total_changes
        with transaction(self._database) as execute:
            pages = MERGED if self._is_merging else -MERGED
            execute("INSERT INTO lines (lines, rank) VALUES ('merge', ?)", (pages,))
            done = self._database.total_changes - before < 2  # as it says there
            if done:
                execute("UPDATE state SET unscrubbed = 0")
        self._is_merging = not done
        return done

    def _empty_log(self) -> bool:
        """Move all that is in the log into the file, and cut it off; return whether that is done.

        Nobody is waited for: a reader that has begun before goes on in the log.
        """
        execute = self._database.execute
        ((patience,),) = execute("PRAGMA busy_timeout")
        execute("PRAGMA busy_timeout = 0")
        try:
            busy, _, _ = execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            execute(f"PRAGMA busy_timeout = {patience}")
        return not busy


@contextlib.contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[Any]:
    """Do all or nothing of what is done within. Raises sqlite3.Error."""
    execute = database.execute
    execute("BEGIN IMMEDIATE")
    try:
        yield execute
        execute("COMMIT")
    except BaseException:
        if database.in_transaction:
            execute("ROLLBACK")
        raise
