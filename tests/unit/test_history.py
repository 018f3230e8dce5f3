"""What ``chatd history`` reads and shows."""

import datetime as dt
import itertools
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor import history
from chatd_supervisor.history import (
    Question,
    as_json,
    as_text,
    follow,
    opened,
    parse_when,
    recall,
)
from chatd_supervisor.journal import Batch, Entry, Fact, JournalError
from chatd_supervisor.journal.sqlite import SqliteJournal

NOTHING = Batch([], [], [], [], [], [], [], [], 0)
NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path)
    yield made
    made.close()


@pytest.fixture
def in_newfoundland(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A local time that is not UTC by some hours and a half."""
    with monkeypatch.context() as local:
        local.setenv("TZ", "NST3:30")
        time.tzset()
        yield
    time.tzset()


def said(*texts: str, room: str = "#lobby", kind: str = "say") -> Batch:
    return NOTHING._replace(facts=[Fact(1, "alice", room, kind, text) for text in texts])


def entry(kind: str, text: str, nick: str = "alice") -> Entry:
    return Entry(7, 1_795_429_925_900_000, 1, nick, "#lobby", kind, text, "", "ab-7")


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("90m", "2026-11-23T10:30Z"),
        ("1.5h", "2026-11-23T10:30Z"),
        (" 3d ", "2026-11-20T12:00Z"),
        ("1w", "2026-11-16T12:00Z"),
        ("30s", "2026-11-23T11:59:30Z"),
        ("2026-11-23T10:30", "2026-11-23T14:00Z"),
        ("2026-11-23 10:30", "2026-11-23T14:00Z"),
        ("2026-11-23", "2026-11-23T03:30Z"),
        ("2026-11-23T10:30Z", "2026-11-23T10:30Z"),
        ("2026-11-23T10:30+02:00", "2026-11-23T08:30Z"),
    ],
)
@pytest.mark.usefixtures("in_newfoundland")
def test_times_that_can_be_asked_for(text: str, when: str) -> None:
    assert parse_when(text, NOW) == dt.datetime.fromisoformat(when).timestamp() * 1_000_000


@pytest.mark.parametrize(
    "text", ["", "yesterday", "3", "h", "-2h", "2026-13-01", "0001-01-01", "9" * 400 + "w", "1e9d"]
)
@pytest.mark.usefixtures("in_newfoundland")
def test_times_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="is no time; it can be 2026-11-23"):
        parse_when(text, NOW - dt.timedelta(days=365 * 1900))


@pytest.mark.parametrize(
    ("one", "line"),
    [
        (entry("say", "bonjour"), "alice : bonjour"),
        (entry("act", "waves"), "* alice waves"),
        (entry("topic", "tea"), "--- alice set the topic: tea"),
        (entry("topic", ""), "--- alice cleared the topic"),
        (entry("say", "\x1b[2J\nbob : \u202elie"), "alice : \\x1b[2J\\nbob : \\u202elie"),
        (entry("say", "été 🎉", "Éva"), "Éva : été 🎉"),
    ],
)
@pytest.mark.usefixtures("in_newfoundland")
def test_lines_for_people(one: Entry, line: str) -> None:
    assert as_text(one) == f"2026-11-23 07:02:05 {line}"


@given(st.text())
def test_a_line_is_one_line_and_an_object_is_whole(text: str) -> None:
    for kind in ("say", "act", "topic"):
        assert as_text(entry(kind, text)).isprintable()
    shown = as_json(entry("say", text))
    assert shown.isascii()
    assert shown.isprintable()
    assert json.loads(shown)["text"] == text
    assert json.loads(shown)["time"] == 1_795_429_925.9


def test_what_was_said_since_then_is_all_of_it(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "STEP", 2)
    clock = itertools.count(1000)
    monkeypatch.setattr("time.time_ns", lambda: next(clock) * 1000)
    for n in range(40):
        journal.commit(said(f"word {n}"))
        journal.commit(said("word", room="#ops"))
    times = [one.time for one in journal.last("#lobby", 99)]
    for words in ("", "word"):
        for n in range(40):
            found = recall(path, Question("#lobby", times[n], words))
            assert [one.text for one in found] == [f"word {k}" for k in range(n, 40)]
            found = recall(path, Question("#LOBBY", times[n] + 1, words, last=5))
            assert [one.text for one in found] == [f"word {k}" for k in range(n + 1, 40)][-5:]
        assert len(recall(path, Question("#lobby", 0, words))) == 40
        assert len(recall(path, Question("#lobby", None, words))) == 40
        assert len(recall(path, Question("#lobby", None, words, last=3))) == 3


def test_following_misses_nothing_and_shows_nothing_twice(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.commit(said("one", "two"))
    waits = iter(
        [
            said("three", "four"),
            said("elsewhere", room="#ops"),
            said("five"),
            NOTHING,
            said("psst", kind="tell"),
            said("six"),
        ]
    )

    def sleep(_seconds: float) -> None:
        journal.commit(next(waits))
        journal.tend()

    monkeypatch.setattr("time.sleep", sleep)
    shown: list[str] = []
    for found in follow(path, Question("#lobby", last=1)):
        # What is committed while it shows is not missed either.
        if "five" in [one.text for one in found]:
            journal.commit(said("five and a half"))
        shown += [one.text for one in found]
        if "six" in shown:
            break
    assert shown == ["two", "three", "four", "five", "five and a half", "six"]


def test_following_by_words(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.commit(said("tea", "coffee"))

    def sleep(_seconds: float) -> None:
        journal.commit(said("milk", "Tea and milk", "tea", "coffee"))
        journal.commit(said("tea", room="#ops"))

    monkeypatch.setattr("time.sleep", sleep)
    shown = [
        [one.text for one in found]
        for found in itertools.islice(follow(path, Question("#lobby", words="TEA")), 3)
    ]
    assert shown == [["tea"], ["Tea and milk", "tea"], ["Tea and milk", "tea"]]


def test_an_older_journal_is_not_read_but_said_so(journal: SqliteJournal, path: Path) -> None:
    journal.close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("PRAGMA user_version = 1")
    database.close()
    with (
        pytest.raises(JournalError, match=r"older chatd .*start this chatd") as raised,
        opened(path),
    ):
        pass
    assert str(path) in str(raised.value)
