"""The tables of strands and marks in SQLite: asking, writing and forgetting."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from chatd_supervisor.journal.entries import Entry, Fact
from chatd_supervisor.journal.places import place_of
from chatd_supervisor.journal.reading import Reader
from chatd_supervisor.journal.schema import SHOWN_ONLY
from chatd_supervisor.journal.strands import (
    STRANDED,
    Conversation,
    Span,
    reader_of,
    strands_of,
)
from chatd_supervisor.journal.words import clean
from chatd_supervisor.records import fields_of
from chatd_workers.names import fold

MAX_CORRESPONDENTS: Final = 1000
"""People with whom somebody has exchanged private lines that are looked through."""

APART: Final = STRANDED | {"depart", "read"}
"""Kinds of facts of which more is written than the entry."""


class SqliteStrands:
    """Asks the tables of a journal's database."""

    def __init__(
        self,
        database: sqlite3.Connection,
        reader: Reader,
        explained: Callable[[], AbstractContextManager[None]],
    ) -> None:
        """``explained`` turns what SQLite says into JournalError."""
        self._database = database
        self._reader = reader
        self._explained = explained

    def between(self, wanted: Conversation, span: Span) -> list[Entry]:
        """Return the entries of a conversation in ``span``, in order."""
        bounds = (span.after, span.before, span.most)
        said = "" if wanted.topics else "AND kind <> 'topic'"
        talk = (
            f"SELECT * FROM entries WHERE room = ? AND {SHOWN_ONLY} {said}"  # noqa: S608
            f" AND {_within('seq', span)}"
        )
        told = "" if wanted.events else "AND kind <> 'tell-tag'"
        rest = (
            "SELECT entries.* FROM strands CROSS JOIN entries USING (seq)"  # noqa: S608
            f" WHERE strand = ? {told} AND {_within('strands.seq', span)}"
        )
        found: set[Entry] = set()
        with self._explained(), self._reader.moment():
            if not wanted.readers:
                for name in self._reader.spellings(wanted.name):
                    found.update(self._reader.entries(talk, (name, *bounds)))
            for strand in wanted.strands:
                found.update(self._reader.entries(rest, (clean(strand), *bounds)))
        ordered = sorted(found)
        return ordered[-span.most :] if span.latest else ordered[: span.most]

    def first_at(self, time: int) -> int:
        """Return the sequence number of the first entry at or after ``time``; if none, the next."""
        with self._explained(), self._reader.moment():
            return place_of(self._database, time)

    def sealed(self, room: str) -> int:
        """Return the sequence number after which the past of ``room`` may be shown; 0: all."""
        with self._explained():
            ((seq,),) = self._database.execute(
                "SELECT coalesce(max(seq), 0) FROM strands WHERE strand = ?",
                (clean(f"sealed {fold(room)}"),),
            )
        return int(seq)

    def correspondents(self, reader: str, after: int, tags: bool) -> list[tuple[str, Entry]]:
        """Return with whom ``reader`` has exchanged private lines ``after``, and the last line.

        Each of its strands is looked up by its name, not line by line.
        """
        told = "" if tags else "AND kind <> 'tell-tag'"
        with self._explained(), self._reader.moment():
            found = self._database.execute(
                "WITH RECURSIVE theirs (name) AS ("  # noqa: S608  # constants
                " SELECT min(strand) FROM strands WHERE strand > ?1 AND strand < ?2 UNION ALL"
                " SELECT (SELECT min(strand) FROM strands WHERE strand > name AND strand < ?2)"
                " FROM theirs WHERE name IS NOT NULL LIMIT ?4"
                ") SELECT name, (SELECT seq FROM strands CROSS JOIN entries USING (seq)"
                f" WHERE strand = name AND seq > ?3 {told} ORDER BY strands.seq DESC LIMIT 1)"
                " FROM theirs WHERE name IS NOT NULL",
                (*_all_of(reader), after, MAX_CORRESPONDENTS),
            ).fetchall()
            last = "SELECT * FROM entries WHERE seq = ?"
            return [
                (name.partition(" ")[2], entry)
                for name, seq in found
                if seq is not None
                for entry in self._reader.entries(last, (seq,))
            ]

    def marked(self, reader: str, target: str) -> int:
        """Return up to when ``reader`` has read ``target`` (any case); 0: nothing is known."""
        with self._explained():
            found = self._database.execute(
                "SELECT time FROM marks WHERE reader = ? AND target = ?",
                (reader, clean(fold(target))),
            ).fetchone()
        return found[0] if found is not None else 0

    def marks(self, reader: str) -> int:
        """Return of how many targets it is known up to when ``reader`` has read them."""
        with self._explained():
            (count,) = self._database.execute(
                "SELECT count(*) FROM marks WHERE reader = ?", (reader,)
            ).fetchone()
        return int(count)


def _within(column: str, span: Span) -> str:
    """Return the condition and the order of ``span``, whose numbers are to be given."""
    order = "DESC" if span.latest else "ASC"
    return f"{column} > ? AND {column} < ? ORDER BY {column} {order} LIMIT ?"


def write(database: sqlite3.Connection, facts: Sequence[tuple[int, Fact]]) -> None:
    """Write, of facts with their sequence numbers, what is found by more than their rooms."""
    many = database.executemany
    many(
        "INSERT INTO strands VALUES (?, ?)",
        [(strand, seq) for seq, fact in facts for strand in strands_of(fact)],
    )
    many(
        "INSERT OR REPLACE INTO departures VALUES (?, ?)",
        [(fold(fact.nick), seq) for seq, fact in facts if fact.kind == "depart"],
    )
    marks = [(fold(fact.room), fields_of(fact.data)) for _, fact in facts if fact.kind == "read"]
    many(
        "INSERT INTO marks VALUES (?1, ?2, ?3) ON CONFLICT (reader, target)"
        " DO UPDATE SET time = ?3",
        [(fields["reader"], target, fields["time"]) for target, fields in marks],
    )


def forgetting(reader: str) -> Sequence[tuple[str, Sequence[str]]]:
    """Return the statements, with their values, that forget all that ``reader`` could read."""
    return (
        ("DELETE FROM marks WHERE reader = ?", (reader,)),
        ("DELETE FROM strands WHERE strand > ? AND strand < ?", _all_of(reader)),
    )


def _all_of(reader: str) -> tuple[str, str]:
    """Return between what the names of all strands of ``reader`` are."""
    # What comes after a blank is an exclamation mark.
    return f"{reader} ", f"{reader}!"


def leave(database: sqlite3.Connection, sessions: Sequence[int]) -> None:
    """Forget what ``sessions`` have read as nobody but themselves.

    Their strands stay until the lines are forgotten; nobody will ever read by them.
    """
    database.executemany(
        "DELETE FROM marks WHERE reader = ?", [(reader_of(number, ""),) for number in sessions]
    )


def forget(database: sqlite3.Connection, upto: int) -> None:
    """Forget what was written of the entries up to ``upto``, which are still there."""
    many = database.executemany
    kinds = ", ".join(f"'{kind}'" for kind in STRANDED)
    rows = database.execute(
        f"SELECT * FROM entries NOT INDEXED WHERE seq <= ? AND kind IN ({kinds})",  # noqa: S608
        (upto,),
    )
    entries = [Entry._make((*row, "")) for row in rows]
    many(
        "DELETE FROM departures WHERE folded = ? AND seq <= ?",
        [(fold(entry.nick), upto) for entry in entries if entry.kind == "depart"],
    )
    many(
        "DELETE FROM strands WHERE strand = ? AND seq = ?",
        [(strand, entry.seq) for entry in entries for strand in strands_of(entry)],
    )
