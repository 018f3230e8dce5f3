"""The full-text index in SQLite: of each shown entry its words (``words.indexed``).

``detail = none`` and ``columnsize = 0``: it has which word is in which entry, and no more, which
is all that is asked of it. To forget an entry it must be told the same words again, so these are a
function of room and text alone. (With another version of Unicode they may differ for characters
that are new in it; what is left over then is of no entry, and is never found.)
"""

import sqlite3
from collections.abc import Iterator
from typing import Final

from chatd_supervisor.journal.entries import SHOWN
from chatd_supervisor.journal.words import Wanted, indexed

CREATE: Final = """
CREATE VIRTUAL TABLE lines USING fts5 (
    words, content = '', detail = none, columnsize = 0, tokenize = 'ascii'
)
"""

MOST_WORDS: Final = 3000
"""Words that are written, or removed, at a time: some milliseconds."""


def candidates(
    database: sqlite3.Connection, wanted: Wanted, room: str, upto: int
) -> Iterator[tuple[int, str]]:
    """Yield number and text of entries that may hold what is ``wanted``, the latest first.

    Entries after ``upto`` are not looked for. The words first, then the entries: not every entry of
    the room.
    """
    return database.execute(
        "SELECT seq, text FROM lines CROSS JOIN entries ON seq = lines.rowid"
        " WHERE lines MATCH ? AND lines.rowid <= ? ORDER BY lines.rowid DESC",
        (wanted.expression(room), upto),
    )


def add(database: sqlite3.Connection, after: int, upto: int) -> int:
    """Index entries ``after`` one, up to another at most; return the last that was looked at."""
    last, rows = _words(database, after, upto)
    database.executemany("INSERT INTO lines (rowid, words) VALUES (?, ?)", rows)
    return last


def remove(database: sqlite3.Connection, after: int, upto: int) -> int:
    """Undo ``add``."""
    last, rows = _words(database, after, upto)
    database.executemany("INSERT INTO lines (lines, rowid, words) VALUES ('delete', ?, ?)", rows)
    return last


def _words(
    database: sqlite3.Connection, after: int, upto: int
) -> tuple[int, list[tuple[int, str]]]:
    rows = []
    written = 0
    entries = database.execute(
        "SELECT seq, room, kind, text FROM entries WHERE seq > ? AND seq <= ? ORDER BY seq",
        (after, upto),
    )
    for seq, room, kind, text in entries:
        if kind not in SHOWN:
            continue
        words = indexed(room, text)
        rows.append((seq, words))
        written += words.count(" ")
        if written >= MOST_WORDS:
            entries.close()
            return seq, rows
    return upto, rows
