"""What a journal needs beside being written: in the pauses, a few milliseconds at a time.

Filling the full-text index, moving the write-ahead log into the file, which waits for the disk,
and forgetting what is too old.
"""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from chatd_supervisor.journal import full_text
from chatd_supervisor.journal.forgetting import Forgetting, transaction
from chatd_supervisor.logbook import note

STEP: Final = 250
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
        now: Callable[[], int],
        running: Callable[[], float],
        until_believed: Callable[[], float | None],
    ) -> None:
        """``names`` are those in room_names; what is forgotten is taken out of it.

        ``max_age`` is in seconds, ``max_size`` in bytes; 0: no limit. ``now`` returns what time it
        surely is, ``until_believed`` when that may be later than it seems (``clock.Passed``),
        ``running`` the seconds of a clock that nobody sets.
        """
        self._database = database
        self._path = path
        self._forgetting = Forgetting(
            database, names, max_age=max_age, max_size=max_size, now=now, running=running
        )
        self._until_believed = until_believed
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
        if self._forgetting.forget(seq, self._indexed, STEP):
            self._pages += PAGES_A_BATCH
            more = True
        if more:
            return PAUSE if behind <= BEHIND else 0.0
        return self._later()

    def _later(self) -> float | None:
        """Return the seconds until something is to be done though nothing is said; None: never."""
        scrubbed = self._forgetting.scrub()
        if scrubbed is not None:
            return max(scrubbed, PAUSE)
        due = self._forgetting.due()
        if due is None:
            return None
        believed = self._until_believed()
        # Not at once: what is due by then is looked for again.
        return max(due if believed is None else min(due, believed), PAUSE)

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
        with transaction(self._database) as execute:
            upto = full_text.add(self._database, self._indexed, min(self._indexed + STEP, seq))
            execute("UPDATE state SET indexed = ?", (upto,))
        self._indexed = upto
        self._pages += PAGES_A_BATCH
        return True
