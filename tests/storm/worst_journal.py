"""The journal of a server that has been used for long, for attacks to meet.

Most of what was said was said in the lobby, where everybody starts; some in each of the rooms
``#room0``, ``#room1`` and so on, which last. ``a`` is in every line, ``even`` in every second one
and ``odd`` in all others. People called ``m0`` to ``m199`` left before all of it.
"""

import random
from collections.abc import Iterator
from contextlib import closing
from itertools import accumulate, islice
from pathlib import Path
from typing import Final

from chatd_supervisor.journal import Batch, Fact
from chatd_supervisor.journal.schema import VERSION
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.records import RoomRecord, encode
from chatd_workers.names import LOBBY

BATCH: Final = 1000
"""Lines that are written at once."""

ELSEWHERE: Final = 10
"""One line in so many is said in one of the rooms."""

GONE: Final = 200
"""People who have left."""

NOTHING: Final = Batch([], [], [], [], [], [], [], [], 0)


def template(directory: Path, lines: int, rooms: int) -> Path:
    """Return the directory of a journal with so many lines and rooms; made if it is not there."""
    made = directory / f"journal-{VERSION}-{lines}-{rooms}"
    if not made.exists():
        begun = directory / f"{made.name}.begun"
        begun.mkdir(parents=True)
        _write(begun / "journal.db", lines, rooms)
        begun.rename(made)
    return made


def _write(path: Path, lines: int, rooms: int) -> None:
    records = [
        RoomRecord(name=f"#room{n}", made=n + 1, created=1, modes="nt", founder="keeper")
        for n in range(rooms)
    ]
    gone = [Fact(0, f"m{n}", "", "depart", "") for n in range(GONE)]
    with closing(SqliteJournal(path)) as journal:
        kept = [(record.name, encode(record)) for record in records]
        journal.commit(NOTHING._replace(facts=gone, rooms=kept))
        facts = _facts(random.Random(5), lines, rooms)
        while batch := list(islice(facts, BATCH)):
            journal.commit(NOTHING._replace(facts=batch))
        while journal.tend() is not None:
            pass


def _facts(dice: random.Random, lines: int, rooms: int) -> Iterator[Fact]:
    words = [f"{'aeiou'[n % 5]}{n:x}{'lnrst'[n % 3]}" for n in range(20_000)]
    # Zipf: the nth word comes with a frequency of 1/n.
    weights = list(accumulate(1 / (n + 1) for n in range(len(words))))
    for n in range(lines):
        said = ["a", "odd" if n % 2 else "even", *dice.choices(words, cum_weights=weights, k=8)]
        room = LOBBY if n % ELSEWHERE else f"#room{n // ELSEWHERE % rooms}"
        yield Fact(n % 500, f"nick{n % 500}", room, "say", " ".join(said))
