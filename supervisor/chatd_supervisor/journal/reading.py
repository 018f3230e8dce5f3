"""Reading what is in the journal: for the master, and for commands beside it."""

import re
import sqlite3
import unicodedata
from collections.abc import Sequence
from typing import Any, Final

from chatd_supervisor.journal import SHOWN, Entry
from chatd_workers.names import fold

SHOWN_ONLY: Final = f"kind IN {SHOWN}"
"""An SQL condition; Python writes the tuple as SQL writes a list of strings."""


class Reader:
    """Asks a journal's database. Every method may raise sqlite3.Error."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        (self._id,) = database.execute("SELECT id FROM state").fetchone()

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of all kinds after ``after``, in order."""
        return self._entries(
            "SELECT * FROM entries WHERE seq > ? ORDER BY seq LIMIT ?", (after, limit)
        )

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` (any case), in order."""
        found: list[Entry] = []
        for name in self._written(room):
            found += self._entries(
                f"SELECT * FROM entries WHERE room = ? AND {SHOWN_ONLY}"  # noqa: S608  # constants
                " ORDER BY seq DESC LIMIT ?",
                (name, count),
            )
        return sorted(found)[-count:]

    def missed(self, nick: str, room: str, count: int) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since ``nick`` last left, and how much there is."""
        (left,) = self._database.execute(
            "SELECT max(seq) FROM entries WHERE nick = ? COLLATE NOCASE AND kind = 'depart'",
            (nick,),
        ).fetchone()
        if left is None:
            return [], -1
        found: list[Entry] = []
        total = 0
        for name in self._written(room):
            where = f"FROM entries WHERE room = ? AND seq > ? AND {SHOWN_ONLY}"
            total += self._database.execute(
                f"SELECT count(*) {where}",
                (name, left),
            ).fetchone()[0]
            found += self._entries(
                f"SELECT * {where} ORDER BY seq LIMIT ?",
                (name, left, count),
            )
        return sorted(found)[:count], total

    def search(self, words: str, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order."""
        wanted = tokens(words)
        if not wanted:
            return []
        (indexed,) = self._database.execute("SELECT indexed FROM state").fetchone()
        names = self._written(room)
        places = ", ".join("?" * len(names))
        found = self._entries(
            "SELECT entries.* FROM lines JOIN entries ON entries.seq = lines.rowid"  # noqa: S608
            f" WHERE lines MATCH ? AND entries.room IN ({places})"
            " ORDER BY lines.rowid DESC LIMIT ?",
            (_expression(wanted, room), *names, count),
        )
        # What has been said of late is not in the index yet.
        fresh = [
            entry
            for entry in self._entries(
                f"SELECT * FROM entries WHERE seq > ? AND +room IN ({places})"  # noqa: S608
                f" AND {SHOWN_ONLY} ORDER BY seq DESC",
                (indexed, *names),
            )
            if wanted <= tokens(entry.text)
        ]
        return sorted(found + fresh)[-count:]

    def _written(self, room: str) -> list[str]:
        """Return all ways in which the name of ``room`` was ever written."""
        found = self._database.execute(
            "SELECT name FROM room_names WHERE folded = ?", (fold(room),)
        )
        return [name for (name,) in found]

    def _entries(self, query: str, values: Sequence[Any]) -> list[Entry]:
        found = self._database.execute(query, values)
        return [Entry._make((*row, f"{self._id}-{row[0]}")) for row in found]


def tokens(text: str) -> frozenset[str]:
    """Return the words of ``text`` as the index has them: no case, no accents."""
    bare = "".join(
        char
        for char in unicodedata.normalize("NFKD", text.lower())
        if not unicodedata.combining(char)
    )
    return frozenset(re.findall(r"[^\W_]+", bare))


def _expression(wanted: frozenset[str], room: str) -> str:
    """Return the FTS5 expression for all of the words; each quoted, so that none is syntax."""
    parts = [f'text : "{word}"' for word in sorted(wanted)]
    named = " ".join(re.findall(r"[^\W_]+", room.lower()))
    if named:
        parts.append(f'room : "{named}"')
    return " AND ".join(parts)
