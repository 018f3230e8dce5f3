"""Where in the order of entries a time is.

The order is that of the sequence numbers. Times follow it as long as nobody sets the clock back;
where somebody has, a new run of entries begins, in each of which times do not decrease. Those who
page by times ask for the times of lines that they were shown, so a time is looked for in the run
that has an entry next to it: nobody who pages is led from one run to another, and no line is left
out because another is dated wrongly. What is before all times is before all entries, and what is
after all times after them.
"""

import sqlite3
from itertools import pairwise
from typing import Final

SHOWN: Final = 1000
"""Microseconds from an entry's time within which it is the one that was shown."""

RUNS: Final = 64
"""Runs that are looked through, the latest: a clock that is set back all the time costs no more."""


def place_of(database: sqlite3.Connection, time: int) -> int:
    """Return the sequence number of the first entry at or after ``time``; if none, the next.

    May raise sqlite3.Error. Takes some 20 looks for each run.
    """
    execute = database.execute
    # Each end by itself, for both at once would be looked for among all.
    ((first,),) = execute("SELECT coalesce(min(seq), 1) FROM entries")
    ((end,),) = execute("SELECT coalesce(max(seq), 0) + 1 FROM entries")
    steps = execute(
        "SELECT seq FROM steps_back WHERE seq > ? ORDER BY seq DESC LIMIT ?", (first, RUNS - 1)
    ).fetchall()
    if not steps:
        return _halved(database, first, end, time)
    bounds = [first, *sorted(seq for (seq,) in steps), end]
    runs = [
        (low, high, _time_at(database, low), _time_at(database, high - 1))
        for low, high in pairwise(bounds)
    ]
    found = [_halved(database, low, high, time) for low, high, *_ in runs]
    # The latest of those that are equally near.
    distance, place = min(
        (_distance(database, low, high, place, time), -place)
        for (low, high, *_), place in zip(runs, found, strict=True)
    )
    if distance > SHOWN and all(time < begins for _, _, begins, _ in runs):
        return int(first)
    if distance > SHOWN and all(time > ends for *_, ends in runs):
        return int(end)
    return -place


def _halved(database: sqlite3.Connection, low: int, high: int, time: int) -> int:
    """Return the first number from ``low`` on, below ``high``, at or after ``time``; or ``high``.

    Times do not decrease between them.
    """
    while low < high:
        middle = (low + high) // 2
        seq, when = database.execute(
            "SELECT seq, time FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1", (middle,)
        ).fetchone()
        if when < time:
            low = seq + 1
        else:
            high = middle
    return high


def _distance(database: sqlite3.Connection, low: int, high: int, place: int, time: int) -> int:
    """Return how far ``time`` is from the entries around ``place`` in a run."""
    around = [seq for seq in (place - 1, place) if low <= seq < high]
    return min(abs(_time_at(database, seq) - time) for seq in around)


def _time_at(database: sqlite3.Connection, seq: int) -> int:
    ((time,),) = database.execute(
        "SELECT time FROM entries WHERE seq <= ? ORDER BY seq DESC LIMIT 1", (seq,)
    )
    return int(time)
