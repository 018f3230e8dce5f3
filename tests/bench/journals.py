"""A journal of a million lines: starting with it, and finding things in it.

It has fifty rooms and words as a language has them, some common and most of them rare, and is
written as a server does, a batch a tick. Each thing is looked for again and again, while the file
is in the page cache, as that of a running server is.
"""

import random
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from itertools import accumulate, count
from pathlib import Path
from typing import Any, Final

from bench.figures import Row, median, number
from chatd_supervisor.journal import Batch, Fact
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.journal.strands import END, Conversation, Span, reader_of
from chatd_supervisor.records import data_of
from harness import PATIENCE, Server, eventually

LINES: Final = 1_000_000
QUICK_LINES: Final = 50_000

ROOMS: Final = 50
BATCH: Final = 128
"""Lines that are written at once."""

TIMES: Final = 30
"""How often each thing is done."""

ROOM: Final = "#room7"
"""The room that is looked at."""

RARE: Final = "hapax"
"""Is in every hundredth part of the lines once; COMMON are in every third and every fourth."""
COMMON: Final = ("often", "usual")
ELSEWHERE: Final = "elsewhere"
"""Is in every second line of all other rooms, and in three early ones of ROOM."""

EVENT_EVERY: Final = 10
"""Lines to one coming or going;"""
PRIVATE_EVERY: Final = 20
"""and to one that is private."""

CORRESPONDENTS: Final = [f"friend{n}" for n in range(21)]
"""The first of them exchanges private lines with all others."""
READER: Final = reader_of(0, CORRESPONDENTS[0])

SHOWN: Final = 50
"""Lines that are wanted."""

NOTHING: Final = Batch([], [], [], [], [], [], [], [], 0)


def journals(directory: Path, quick: bool) -> list[Row]:
    """Return rows for writing, opening, the last of a room, and searches."""
    lines = QUICK_LINES if quick else LINES
    path = directory / "s" / "journal.db"
    path.parent.mkdir()
    facts = _facts(random.Random(5))
    rows = _written(path, facts, lines)
    what = f"journal of {lines:,} lines"
    rows += _found(path, f"{what}: ")
    rows += _started(directory, f"{what}: ")
    rest = lines // 10
    _write(path, facts, rest)
    rows += _found(path, f"{rest:,} of them not indexed: ")
    rows += _caught_up(path)
    return rows


def _written(path: Path, facts: Iterator[Fact], lines: int) -> list[Row]:
    """Write the journal, and tend it as a server would; return what both have cost."""
    rows = _cost(path.with_name("cost.db"))
    with closing(SqliteJournal(path)) as journal:
        each: list[float] = []
        steps: list[float] = []
        for _ in range(lines // BATCH):
            batch = _batch(facts, BATCH)
            each.append(_timed(journal.commit, batch) / BATCH)
            steps.append(_timed(journal.tend))
        while journal.tend() is not None:
            pass
    return [
        *rows,
        Row(f"... in {ROOMS} rooms, each, p50", f"{number(median(each) * 1e6)} µs"),
        _row("... tending it after each", steps, ""),
    ]


def _cost(path: Path) -> list[Row]:
    """Return what writing costs in one room, at once and one by one."""
    with closing(SqliteJournal(path)) as journal:
        said = (fact for fact in _facts(random.Random(5)) if fact.kind == "say")
        facts = (fact._replace(room=ROOM) for fact in said)
        many, one = (
            [_timed(journal.commit, batch) for batch in [_batch(facts, size) for _ in range(500)]]
            for size in (BATCH, 1)
        )
    each = median(many) / BATCH * 1e6
    return [
        Row(f"journal: {BATCH} lines at once, each, p50", f"{number(each)} µs", reach="<= 2.7 µs"),
        Row("... one line, p50", f"{number(median(one) * 1e6)} µs", reach="<= 40 µs"),
    ]


def _batch(facts: Iterator[Fact], size: int) -> Batch:
    return NOTHING._replace(facts=[next(facts) for _ in range(size)])


def _write(path: Path, facts: Iterator[Fact], lines: int) -> None:
    with closing(SqliteJournal(path)) as journal:
        for _ in range(0, lines, BATCH):
            journal.commit(_batch(facts, BATCH))


def _started(directory: Path, what: str) -> list[Row]:
    """Return how long ``chatd run`` takes until it is ready."""
    server = Server(directory)
    taken = []
    try:
        for turn in range(3):
            server.process.terminate()
            server.process.wait(PATIENCE)
            begun = time.perf_counter()
            server.again()
            eventually("it serves", server.is_ready)
            taken.append(time.perf_counter() - begun)
            print(f"  start {turn}: {taken[-1]:.3f} s", file=sys.stderr)
    finally:
        assert server.stop() == 0, server.log()[-4000:]
    return [_row(f"{what}chatd run until ready", taken, "<= 2,000 ms")]


def _found(path: Path, what: str) -> list[Row]:
    opening = []
    for _ in range(TIMES):
        begun = time.perf_counter()
        with closing(SqliteJournal(path)) as journal:
            journal.load()
            opening.append(time.perf_counter() - begun)
    rows = [_row(f"{what}opening and loading", opening, "<= 2,000 ms")]
    with closing(SqliteJournal(path)) as journal:
        rows += _parts(journal)
        searches: Sequence[tuple[str, str, int]] = (
            ("a rare word", RARE, 1),
            ("a common word", COMMON[0], SHOWN),
            ("two common words", " ".join(COMMON), SHOWN),
            ("a word that is common elsewhere", ELSEWHERE, 3),
            ("a word that is nowhere", "nowhere", 0),
        )
        last = [_timed(journal.last, ROOM, SHOWN) for _ in range(TIMES)]
        assert len(journal.last(ROOM, SHOWN)) == SHOWN
        rows.append(_row(f"... the last {SHOWN} lines of a room", last, "<= 5 ms"))
        for name, words, least in searches:
            assert len(journal.search(words, ROOM, SHOWN).entries) >= least, words
            taken = [_timed(journal.search, words, ROOM, SHOWN) for _ in range(TIMES)]
            rows.append(_row(f"... searching {name}", taken, "<= 100 ms"))
    return rows


def _parts(journal: SqliteJournal) -> list[Row]:
    """Return what clients of IRC ask for: parts of a conversation, by times and by numbers."""
    strands = journal.strands
    (first,) = journal.read(0, 1)
    last = journal.seq_of(0)
    (middle,) = journal.read(first.seq + (last - first.seq) // 2, 1)
    room = Conversation(ROOM, events=True)
    private = Conversation(CORRESPONDENTS[1], (READER,))
    parts: Sequence[tuple[str, Conversation, Span, int]] = (
        ("a room with its events, the last", room, Span(0, END, SHOWN, latest=True), SHOWN),
        ("them from the middle on", room, Span(middle.seq, END, SHOWN, latest=False), SHOWN),
        ("them before the beginning", room, Span(0, first.seq, SHOWN, latest=True), 0),
        ("a private conversation", private, Span(0, END, SHOWN, latest=True), SHOWN),
    )
    rows = []
    for name, wanted, span, lines in parts:
        assert len(strands.between(wanted, span)) == lines, name
        taken = [_timed(strands.between, wanted, span) for _ in range(TIMES)]
        rows.append(_row(f"... {lines} lines of {name}", taken, "<= 5 ms"))
    taken = [_timed(strands.first_at, middle.time) for _ in range(TIMES)]
    rows.append(_row("... which line is the first at a time", taken, "<= 5 ms"))
    assert len(strands.correspondents(READER, 0, tags=True)) == len(CORRESPONDENTS) - 1
    taken = [_timed(strands.correspondents, READER, 0, True) for _ in range(TIMES)]
    return [*rows, _row("... with whom somebody has talked", taken, "<= 5 ms")]


def _caught_up(path: Path) -> list[Row]:
    """Return how long each step takes until everything is indexed."""
    steps = []
    with closing(SqliteJournal(path)) as journal:
        more = True
        while more:
            begun = time.perf_counter()
            more = journal.tend() is not None
            steps.append(time.perf_counter() - begun)
    total = Row("... indexing them, in all", f"{number(sum(steps) * 1e3)} ms")
    return [total, _row("... in steps of", steps, "")]


def _facts(chance: random.Random) -> Iterator[Fact]:
    """Yield what is said, the same every time."""
    words = [f"{'aeiou'[n % 5]}{n:x}{'lnrst'[n % 3]}" for n in range(20_000)]
    # Zipf: the nth word comes with a frequency of 1/n.
    weights = list(accumulate(1 / (n + 1) for n in range(len(words))))
    early = 0
    for n in count():
        room = f"#room{chance.randrange(ROOMS)}"
        said = chance.choices(words, cum_weights=weights, k=8)
        if n % 3 == 0:
            said.append(COMMON[0])
        if n % 4 == 0:
            said.append(COMMON[1])
        if n % (QUICK_LINES // 2) == 99:
            room = ROOM
            said.append(RARE)
        if (n % 2 and room != ROOM) or (room == ROOM and early < 3):
            early += room == ROOM
            said.append(ELSEWHERE)
        if n % EVENT_EVERY == 0:
            yield Fact(n % 500, f"nick{n % 500}", room, ("join", "part")[n // EVENT_EVERY % 2], "")
        if n % PRIVATE_EVERY == 0:
            other = CORRESPONDENTS[1 + n // PRIVATE_EVERY % (len(CORRESPONDENTS) - 1)]
            data = data_of({"account": CORRESPONDENTS[0], "to": (0, other)})
            yield Fact(1, CORRESPONDENTS[0], other, "tell", " ".join(said), data)
        yield Fact(n % 500, f"nick{n % 500}", room, "say", " ".join(said))


def _timed(what: Callable[..., Any], *arguments: Any) -> float:
    begun = time.perf_counter()
    what(*arguments)
    return time.perf_counter() - begun


def _row(what: str, seconds: Sequence[float], reach: str) -> Row:
    shown = f"{number(median(seconds) * 1e3)} ms, worst {number(max(seconds) * 1e3)} ms"
    return Row(f"{what}, p50", shown, reach=reach)
