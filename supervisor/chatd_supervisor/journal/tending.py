"""What a journal needs beside being written: in the pauses, a few milliseconds at a time.

Filling the full-text index, moving the write-ahead log into the file, which waits for the disk,
and forgetting what is too old.
"""

import contextlib
import os
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from chatd_supervisor.journal import full_text, strand_tables
from chatd_supervisor.journal.schema import SHOWN_ONLY
from chatd_supervisor.logbook import note

STEP: Final = 500
"""Entries that are indexed or forgotten at a time, fewer of long ones (``full_text``): some
milliseconds."""

PAUSE: Final = 0.02
"""Seconds between steps."""

BEHIND: Final = 200_000
"""Entries that may be waiting to be indexed: a search goes through them one by one. If there are
more, it is urgent."""

CHECKPOINT: Final = 1000
"""Pages (4 KiB) in the write-ahead log after which it is moved into the file, in a pause."""

LARGE_LOG: Final = 64_000
"""Pages in the write-ahead log at which it is said that somebody keeps it from beginning anew."""

ROWS_A_PAGE: Final = 30
"""Entries that fit in a page, about."""

PAGES_A_BATCH: Final = 4
"""Pages that a batch changes at least."""

PAGE: Final = 4096
"""Bytes in a page."""

NO_ROOM: Final = 5.0
"""Seconds until it is tried again if there is no room for more in the log."""

SLACK: Final = 1 << 20
"""Bytes that are left free beside those that the log's pages need in the file, once somebody keeps
the log from beginning anew."""


class Tending:
    """Tends a journal's database. Its methods may raise sqlite3.Error."""

    def __init__(
        self,
        database: sqlite3.Connection,
        path: Path,
        names: set[str],
        *,
        max_age: float,
        max_size: int,
    ) -> None:
        """``names`` are those in room_names; what is forgotten is taken out of it.

        ``max_age`` is in seconds, ``max_size`` in bytes; 0: no limit.
        """
        self._database = database
        self._path = path
        self._names = names
        self._max_age = max_age
        self._max_size = max_size
        self._indexed: int
        (self._indexed,) = database.execute("SELECT indexed FROM state").fetchone()
        self._pages = 0
        self._large = False
        # Somebody who reads the journal kept pages in the log the last time they were to be moved.
        self._is_held = False

    def written(self, facts: int) -> None:
        """Take note that a batch with so many facts was written."""
        self._pages += PAGES_A_BATCH + facts // ROWS_A_PAGE

    def tend(self, seq: int) -> float | None:
        """Do a little; return seconds until more is to be done. ``seq`` is the last entry's."""
        # First, for there may be more to index all the time; and a log that begins anew is
        # written over what is in memory already.
        if self._pages >= CHECKPOINT:
            self._checkpoint()
        if not self.leaves_room():
            return NO_ROOM
        behind = seq - self._indexed
        more = self._index(seq)
        # Not only when there is nothing to be indexed, which may never be.
        more = self._forget(seq) or more
        if not more:
            return None
        return PAUSE if behind <= BEHIND else 0.0

    def leaves_room(self) -> bool:
        """Tell whether what is in the log would still find room in the file if more is written.

        A log that somebody keeps from beginning anew grows until the disk is full. If it took
        the last of it, the log could not be moved into the file, which must grow for that, and
        not be emptied for good, also when nobody keeps it any more. May raise sqlite3.Error.
        """
        if not self._is_held or self._has_room():
            return True
        self._checkpoint()  # whoever kept it may have gone
        return not self._is_held or self._has_room()

    def _has_room(self) -> bool:
        (pages,) = self._database.execute("PRAGMA page_count").fetchone()
        there = os.statvfs(self._path)
        missing = max(pages * PAGE - os.stat(self._path).st_size, 0)
        return bool(there.f_bavail * there.f_frsize >= missing + SLACK)

    def make_room(self) -> None:
        """Empty a long log, after there was no room for more in it. May raise sqlite3.Error.

        For the room in a short one it would only be full again at the next line.
        """
        if self._is_held or self._pages >= CHECKPOINT:
            self._checkpoint()

    def _checkpoint(self) -> None:
        _, pages, moved = self._database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        self._pages = 0
        self._is_held = moved < pages
        large = pages >= LARGE_LOG and moved < pages
        if large and not self._large:
            note(
                "journal log large",
                file=f"{self._path}-wal",
                megabytes=pages * PAGE // 1_000_000,
                hint="a program that has long been reading the journal keeps it from being emptied;"
                f" fuser {self._path} tells which",
            )
        self._large = large

    def _index(self, seq: int) -> bool:
        """Index the next entries; return whether there were any."""
        if self._indexed >= seq:
            return False
        with self._transaction() as execute:
            upto = full_text.add(self._database, self._indexed, min(self._indexed + STEP, seq))
            execute("UPDATE state SET indexed = ?", (upto,))
        self._indexed = upto
        self._pages += PAGES_A_BATCH
        return True

    def _forget(self, seq: int) -> bool:
        """Forget the oldest entries if they are to be; return whether they were."""
        execute = self._database.execute
        first = execute("SELECT seq, time FROM entries ORDER BY seq LIMIT 1").fetchone()
        if first is None:
            return False
        # Never the last one: it says where the numbers go on.
        upto = min(first[0] + STEP - 1, self._indexed, seq - 1)
        if upto < first[0] or not (self._is_too_old(first[1]) or self._is_too_large()):
            return False
        if self._is_too_old(first[1]) and not self._is_too_large():
            before = int((time.time() - self._max_age) * 1e6)
            (upto,) = execute(
                "SELECT max(seq) FROM entries WHERE seq <= ? AND time < ?", (upto, before)
            ).fetchone()
        with self._transaction():
            gone = self._remove(full_text.remove(self._database, first[0] - 1, upto))
        self._names -= gone
        self._pages += PAGES_A_BATCH
        return True

    def _remove(self, upto: int) -> set[str]:
        """Remove entries, and what was kept because of them; return rooms that were."""
        execute, many = self._database.execute, self._database.executemany
        strand_tables.forget(self._database, upto)
        rooms = execute(
            f"SELECT DISTINCT room FROM entries NOT INDEXED WHERE seq <= ? AND {SHOWN_ONLY}",  # noqa: S608
            (upto,),
        ).fetchall()
        execute("DELETE FROM onces WHERE seq <= ?", (upto,))
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
