"""Reading what is in the journal: for the master, and for commands beside it.

Whoever keeps others waiting meanwhile says for how long at most (``Reader.allow``); SQLite asks
after some of its steps whether that is over (sqlite3_progress_handler), also within a search.
"""

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, Final

from chatd_supervisor.journal import Entry, Found, full_text
from chatd_supervisor.journal.schema import SHOWN_ONLY
from chatd_supervisor.journal.words import Wanted, clean, wanted
from chatd_workers.events import COUNTED
from chatd_workers.names import fold

SPELLINGS: Final = 64
"""Ways of writing a room's name that are looked for: nobody can make it take long by inventing
thousands of them."""

PREFILTERED: Final = 4
"""Words that a line is looked through for before."""

SEARCH: Final = 0.5
"""The part of what is allowed that a search may take."""

STEPS: Final = 20
"""Steps of SQLite's virtual machine after which it is seen whether it takes too long;"""
PAUSE: Final = 0.002
"""and how many seconds of what has passed since the last time count at most: it may have been the
garbage collector's, which is nobody's fault."""


class Reader:
    """Asks a journal's database. Every method may raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (self._id,) = database.execute("SELECT id FROM state").fetchone()
        # Seconds of CPU for what is asked until more is allowed; None: as long as it takes.
        self._left: float | None = None

    def allow(self, seconds: float) -> None:
        """Take so many seconds of CPU at most, in all, for what is asked from now on.

        What would take longer raises sqlite3.OperationalError, SQLITE_INTERRUPT.
        """
        self._left = seconds

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of all kinds after ``after``, in order."""
        return self.entries(
            "SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )

    def once(self, number: str) -> Entry | None:
        """Return the line to which its client has given this id."""
        found = self.entries(
            "SELECT entries.* FROM onces CROSS JOIN entries USING (seq) WHERE onces.id = ?",
            (number,),
        )
        return found[0] if found else None

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` (any case), in order."""
        found: list[Entry] = []
        with self.moment():
            for name in self.spellings(room):
                found += self.entries(
                    f"SELECT * FROM entries WHERE room = ? AND {SHOWN_ONLY}"  # noqa: S608  # constants
                    " ORDER BY seq DESC LIMIT ?",
                    (name, count),
                )
        return sorted(found)[-count:]

    def missed(self, nick: str, room: str, count: int, after: int = 0) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since ``nick`` last left, and how much there is."""
        found: list[Entry] = []
        total = 0
        with self.moment():
            left = self._database.execute(
                "SELECT seq FROM departures WHERE folded = ?", (fold(nick),)
            ).fetchone()
            if left is None:
                return [], -1
            since = max(left[0], after)
            for name in self.spellings(room):
                where = f"FROM entries WHERE room = ? AND seq > ? AND {SHOWN_ONLY}"
                total += self._database.execute(
                    f"SELECT count(*) FROM (SELECT 1 {where} LIMIT ?)",  # noqa: S608  # constants
                    (name, since, COUNTED + 1),
                ).fetchone()[0]
                found += self.entries(
                    f"SELECT * {where} ORDER BY seq LIMIT ?", (name, since, count)
                )
        return sorted(found)[:count], min(total, COUNTED + 1)

    def search(self, words: str, room: str, count: int) -> Found:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order.

        What holds them is in ``words``. What would take too long is left out, the oldest.
        """
        what = wanted(words)
        found: list[Entry] = []
        if what is None:
            return Found(found)
        try:
            with self.moment(SEARCH):
                found.extend(self._search(what, room, count))
        except sqlite3.OperationalError as error:
            if not is_interrupted(error):
                raise
            return Found(sorted(found)[-count:], is_all=False)
        return Found(sorted(found)[-count:])

    def _search(self, what: Wanted, room: str, count: int) -> Iterator[Entry]:
        """Yield entries of ``room`` that hold what is wanted, the last ``count`` among them."""
        (upto,) = self._database.execute("SELECT indexed FROM state").fetchone()
        left = count
        # What has been said of late is not in the index yet.
        for entry in self._fresh(what, room, upto, count):
            left -= 1
            yield entry
        if left <= 0:
            return
        candidates = full_text.candidates(self._database, what, room, upto)
        held = (seq for seq, text in candidates if what.is_held_by(text))
        for seq in islice(held, left):
            yield from self.entries("SELECT * FROM entries WHERE seq = ?", (seq,))

    def _fresh(self, what: Wanted, room: str, after: int, count: int) -> Iterator[Entry]:
        """Yield the last ``count`` entries ``after`` one, of each way to write ``room``."""
        likely, patterns = _prefilter(what)
        for name in self.spellings(room):
            rows = self._database.execute(
                f"SELECT seq, text FROM entries WHERE room = ? AND seq > ? AND {SHOWN_ONLY}"  # noqa: S608
                f" {likely} ORDER BY seq DESC",
                (name, after, *patterns),
            )
            held = (seq for seq, text in rows if what.is_held_by(text))
            for seq in islice(held, count):
                yield from self.entries("SELECT * FROM entries WHERE seq = ?", (seq,))

    def spellings(self, room: str) -> list[str]:
        """Return the ways in which the name of ``room`` was written."""
        found = self._database.execute(
            "SELECT name FROM room_names WHERE folded = ? LIMIT ?", (clean(fold(room)), SPELLINGS)
        )
        return [name for (name,) in found]

    def entries(self, query: str, values: Sequence[Any]) -> list[Entry]:
        """Return the entries that ``query`` selects, all columns of them."""
        found = self._database.execute(query, values)
        return [Entry._make((*row, f"{self._id}-{row[0]}")) for row in found]

    def id_of(self, seq: int) -> str:
        """Return the message id of the entry with sequence number ``seq``."""
        return f"{self._id}-{seq}"

    def place_of(self, message_id: str) -> int | None:
        """Return the sequence number in a message id; None if it is not of this journal."""
        own, _, digits = message_id.rpartition("-")
        ours = own == self._id and digits.isascii() and digits.isdigit() and len(digits) < 19
        return int(digits) if ours else None

    @contextlib.contextmanager
    def moment(self, part: float = 1.0) -> Iterator[None]:
        """See everything as it is at one moment: another process may be writing.

        And keep to that part of the time that is allowed.
        """
        if self._database.in_transaction:
            yield
            return
        self._database.execute("BEGIN")
        try:
            with self._limited(part):
                yield
        finally:
            # Not within the limit, or this would be interrupted as well.
            self._database.execute("ROLLBACK")

    @contextlib.contextmanager
    def _limited(self, part: float) -> Iterator[None]:
        if self._left is None:
            yield
            return
        meter = _Meter(self._left * part)
        self._database.set_progress_handler(meter.is_over, STEPS)
        try:
            yield
        finally:
            self._database.set_progress_handler(None, STEPS)
            meter.is_over()
            self._left = max(0.0, self._left - meter.spent)


class _Meter:
    """Seconds of CPU that something takes: that others use the machine is nobody's fault."""

    def __init__(self, most: float) -> None:
        self._most = most
        self._last = time.thread_time()
        self.spent = 0.0

    def is_over(self) -> bool:
        """Return whether it has taken more than it may."""
        now = time.thread_time()
        self.spent += min(now - self._last, PAUSE)
        self._last = now
        return self.spent > self._most


def is_interrupted(error: sqlite3.Error) -> bool:
    """Tell whether ``error`` says that something has taken too long."""
    return getattr(error, "sqlite_errorname", "") == "SQLITE_INTERRUPT"


def _prefilter(what: Wanted) -> tuple[str, list[str]]:
    """Return an SQL condition that all lines meet that hold what is wanted, and its values.

    Much quicker than the exact answer. Only letters and digits of ASCII are looked for, and a line
    that has others may hold them in other clothes.
    """
    parts = [word for word in what.words if word.isascii() and word.isalnum()][:PREFILTERED]
    if not parts:
        return "", []
    likely = " AND ".join(["text LIKE ?"] * len(parts))
    other = "text GLOB '*[^' || char(1) || '-' || char(127) || ']*'"
    return f"AND ({likely} OR {other})", [f"%{part}%" for part in parts]
