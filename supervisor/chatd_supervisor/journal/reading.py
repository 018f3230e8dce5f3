"""Reading what is in the journal: for the master, and for commands beside it."""

import contextlib
import re
import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

from chatd_supervisor.journal import Entry
from chatd_supervisor.journal.schema import SHOWN_ONLY, TOKENIZE
from chatd_workers.names import fold

SPELLINGS: Final = 64
"""Ways of writing a room's name that are looked for: nobody can make it take long by inventing
thousands of them."""

MAX_WORDS: Final = 32
"""Words that are searched for; the others, which a line would have to hold as well, are not."""

SIFTED: Final = 500
"""Lines of which it is seen at a time whether they hold the words."""

PREFILTERED: Final = 4
"""Words that a line is looked through for before."""


class Reader:
    """Asks a journal's database. Every method may raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (self._id,) = database.execute("SELECT id FROM state").fetchone()
        self._sieve: sqlite3.Connection | None = None

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
                    f"SELECT count(*) {where}", (name, since)
                ).fetchone()[0]
                found += self.entries(
                    f"SELECT * {where} ORDER BY seq LIMIT ?", (name, since, count)
                )
        return sorted(found)[:count], total

    def search(self, words: str, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order.

        A word of several, as ``don't``, is to be found as it is, the words in this order.
        """
        wanted = _wanted(words)
        if not wanted:
            return []
        with self.moment():
            (indexed,) = self._database.execute("SELECT indexed FROM state").fetchone()
            names = self.spellings(room)
            # What has been said of late is not in the index yet.
            found = self._fresh(wanted, names, indexed, count)
            left = count - len(found)
            if names and left > 0:
                # The words first, then the lines: not every line of the room.
                found += self.entries(
                    "SELECT entries.* FROM lines CROSS JOIN entries ON entries.seq = lines.rowid"
                    " WHERE lines MATCH ? AND lines.rowid <= ? ORDER BY lines.rowid DESC LIMIT ?",
                    (f"({_expression(wanted)}) AND room : {room_word(room)}", indexed, left),
                )
        return sorted(found)

    def _fresh(
        self, wanted: Sequence[str], names: Sequence[str], indexed: int, count: int
    ) -> list[Entry]:
        """Return the last ``count`` entries after ``indexed`` that hold what is ``wanted``."""
        likely, patterns = _prefilter(wanted)
        found: list[Entry] = []
        for name in names:
            held: list[int] = []
            rows = self._database.execute(
                f"SELECT seq, text FROM entries WHERE room = ? AND seq > ? AND {SHOWN_ONLY}"  # noqa: S608
                f" {likely} ORDER BY seq DESC",
                (name, indexed, *patterns),
            )
            while len(held) < count and (some := rows.fetchmany(SIFTED)):
                held += self._sifted(some, wanted)
            rows.close()
            for seq in held[:count]:
                found += self.entries("SELECT * FROM entries WHERE seq = ?", (seq,))
        return sorted(found)[-count:]

    def _sifted(self, rows: Sequence[tuple[int, str]], wanted: Sequence[str]) -> list[int]:
        """Return which of ``rows`` hold what is ``wanted``, the latest first.

        By an index in memory, so that the same words are the same as in the other one.
        """
        if self._sieve is None:
            self._sieve = sqlite3.connect(":memory:", isolation_level=None)
            self._sieve.execute(
                f"CREATE VIRTUAL TABLE lines USING fts5 (text, content = '',"
                f" tokenize = '{TOKENIZE}')"
            )
        execute = self._sieve.execute
        execute("BEGIN")
        try:
            self._sieve.executemany("INSERT INTO lines (rowid, text) VALUES (?, ?)", rows)
            found = execute(
                "SELECT rowid FROM lines WHERE lines MATCH ? ORDER BY rowid DESC",
                (_expression(wanted),),
            ).fetchall()
        finally:
            execute("ROLLBACK")
        return [seq for (seq,) in found]

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
    def moment(self) -> Iterator[None]:
        """See everything as it is at one moment: another process may be writing."""
        if self._database.in_transaction:
            yield
            return
        self._database.execute("BEGIN")
        try:
            yield
        finally:
            self._database.execute("ROLLBACK")


def room_word(room: str) -> str:
    """Return the word by which the full-text index knows ``room``; that of SQL's hex(folded)."""
    return fold(room).encode(errors="replace").hex().upper()


def clean(text: str) -> str:
    """Return ``text`` as something that can be asked for; nobody has ever said a surrogate."""
    return text.encode(errors="replace").decode()


def _wanted(words: str) -> list[str]:
    """Return the different words that there are between the blanks."""
    return list(dict.fromkeys(clean(words).lower().split()))[:MAX_WORDS]


def _expression(wanted: Sequence[str]) -> str:
    """Return the FTS5 expression for all of the words; each quoted, so that none is syntax.

    One in which there is nothing to be found, as ``-``, is passed over.
    """
    return " ".join('text : "{}"'.format(word.replace('"', '""')) for word in wanted)


def _prefilter(wanted: Sequence[str]) -> tuple[str, list[str]]:
    """Return an SQL condition that all lines meet that hold what is ``wanted``, and its values.

    Much quicker than the exact answer. Only letters and digits of ASCII are looked for, and a line
    that has others may hold them in other clothes.
    """
    parts = [part for word in wanted if word.isascii() for part in re.findall("[a-z0-9]+", word)]
    parts = sorted(parts, key=len, reverse=True)[:PREFILTERED]
    if not parts:
        return "", []
    likely = " AND ".join(["text LIKE ?"] * len(parts))
    other = "text GLOB '*[^' || char(1) || '-' || char(127) || ']*'"
    return f"AND ({likely} OR {other})", [f"%{part}%" for part in parts]
