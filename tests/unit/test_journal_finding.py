"""Finding things in the journal whatever they are called, and tending it under load."""

import logging
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor.history import Question, recall
from chatd_supervisor.journal import (
    Batch,
    Entry,
    Fact,
    JournalError,
    TooMuch,
    schema,
    sqlite,
    tending,
)
from chatd_supervisor.journal.reading import Reader
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.journal.strands import END, Conversation, Span
from chatd_workers.events import COUNTED
from manual_clock import ManualClock
from tended import tended

NOTHING = Batch([], [], [], [], [], [], [], [], 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path)
    yield made
    made.close()


def said(room: str, *texts: str, nick: str = "a", kind: str = "say") -> Batch:
    return NOTHING._replace(facts=[Fact(1, nick, room, kind, text) for text in texts])


def texts(entries: list[Entry]) -> list[str]:
    return [entry.text for entry in entries]


def asked(path: Path, question: str) -> Any:
    """Return the one value that the database at ``path`` answers, beside the journal."""
    database = sqlite3.connect(path)
    (answer,) = database.execute(question).fetchone()
    database.close()
    return answer


ODD = [
    "#---",
    "#_",
    "#[x]",
    "#été",
    "#ete",
    "#dev-ops",
    "#dev_ops",
    "#ops",
    "#\u0915",
    "#\U00010d4a",
]
"""Names of rooms: of punctuation alone, in scripts the index does not know, in parts of others."""


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize("room", ODD)
def test_a_search_is_in_one_room_however_it_is_called(
    journal: SqliteJournal, room: str, indexed: bool
) -> None:
    for other in ODD:
        journal.commit(said(other, f"word in {other}"))
    if indexed:
        tended(journal)
    assert texts(journal.search("word", room, 9).entries) == [f"word in {room}"]
    assert texts(journal.last(room, 9)) == [f"word in {room}"]


@pytest.mark.parametrize("indexed", [True, False])
def test_rooms_whose_names_fold_alike_are_one(journal: SqliteJournal, indexed: bool) -> None:
    for name in ("#Straße", "#STRASSE", "#strasse"):
        journal.commit(said(name, f"word in {name}"))
    if indexed:
        tended(journal)
    assert len(journal.search("word", "#straße", 9).entries) == 3
    assert len(journal.last("#Strasse", 9)) == 3


SAID = [
    "don't panic",
    "do not, don, and t-shirts",
    "नमस्ते दुनिया",
    "ÉTÉ 2026 100% a_b",
    "the \u212aelvin scale",
    'say "hello" (now) * NEAR OR',
    "日本語テスト",
    "本日は カタカナ 👍🏽 done",
    "I like (C++), not C# or c",
    "サーバーが 서울에서 落ちた 👍",
    "a word " + "of many letters " * 5 + "x" * 90,
]


@pytest.mark.parametrize("indexed", [True, False])
@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("don't", [0]),
        ("t don", [0, 1]),
        ("नमस्ते", [2]),
        ("e\u0301te", [3]),
        ("ete", [3]),
        ("100%", [3]),
        ("a_b", [3]),
        ("%", [3]),
        ("$", []),
        ("日本", [6]),
        ("本", [6, 7]),
        ("日語", []),
        ("テスト", [6]),
        ("テ スト", [6]),
        ("カタ", [7]),
        ("ガ", []),
        ("が", [9]),
        ("서울", [9]),
        ("👍", [7, 9]),
        ("👍🏽", [7]),
        ("C++", [8]),
        ("c++,", [8]),
        ("C#", [8]),
        ("+", [8]),
        ("x" * 90, [10]),
        ("x" * 80, []),
        (" ".join(["of many letters"] * 5), [10]),
        (".".join(["of many letters"] * 5).replace(" ", "."), [10]),
        (".".join(["of many letters"] * 6).replace(" ", "."), []),
        ("kelvin", [4]),
        ("\u212aelvin", [4]),
        ('"hello" (now) *', [5]),
        ("*", [5]),
        ("OR near", [5]),
        ('"', []),
        ("hello -", [5]),
        ("text : hello", []),
        ("\udcff", []),
        ("", []),
    ],
)
def test_words_are_the_same_whether_they_are_indexed_yet(
    journal: SqliteJournal, words: str, found: list[int], indexed: bool
) -> None:
    journal.commit(said("#x", *SAID))
    if indexed:
        tended(journal)
    assert texts(journal.search(words, "#x", 9).entries) == [SAID[n] for n in found]


def test_the_latest_are_found_across_what_is_indexed_and_what_is_not(
    journal: SqliteJournal,
) -> None:
    for n in range(30):
        journal.commit(said("#x", f"word {n}", f"other {n}"))
        if n == 20:
            tended(journal)
    assert texts(journal.search("word", "#x", 12).entries) == [f"word {n}" for n in range(18, 30)]
    assert texts(journal.search("word", "#x", 3).entries) == ["word 27", "word 28", "word 29"]
    assert len(journal.search("word", "#x", 99).entries) == 30


def test_a_search_for_very_many_words_is_answered(journal: SqliteJournal) -> None:
    many = " ".join(f"w{n}" for n in range(2000))
    journal.commit(said("#x", many, "w1 w2"))
    for _ in range(2):
        assert texts(journal.search(many, "#x", 9).entries) == [many]
        tended(journal)


@pytest.mark.parametrize("indexed", [True, False])
def test_what_would_take_too_long_is_not_found_and_said_to_be_left_out(
    journal: SqliteJournal, indexed: bool
) -> None:
    for _ in range(4):
        journal.commit(said("#x", *["even a", "odd a"] * 500))
    if indexed:
        tended(journal)
    journal.allow(0.0)
    assert journal.search("even odd", "#x", 9).is_all is False
    journal.commit(said("#x", "goes on"))
    journal.allow(60.0)
    assert journal.search("even odd", "#x", 9) == ([], True)
    assert len(journal.search("a.a even", "#x", 9).entries) == 0
    assert len(journal.search("even.a", "#x", 9).entries) == 9


def test_what_takes_too_long_is_told_without_the_file(journal: SqliteJournal, path: Path) -> None:
    journal.commit(said("#x", *["topic"] * 2000, kind="topic"))
    talk = Conversation("#x", topics=False)
    span = Span(0, END, 9, latest=True)
    assert journal.strands.between(talk, span) == []
    journal.allow(0.0)
    with pytest.raises(TooMuch, match="ask for less") as raised:
        journal.strands.between(talk, span)
    assert str(path) not in str(raised.value)
    # Once it is used up, it is for all that is asked until more is allowed.
    with pytest.raises(TooMuch):
        journal.last("#x", 1000)
    journal.commit(said("#x", "goes on"))
    journal.allow(60.0)
    assert len(journal.last("#x", 1000)) == 1000


def test_lines_that_were_missed_are_counted_up_to_a_number(journal: SqliteJournal) -> None:
    journal.commit(said("#x", "", nick="a", kind="depart"))
    for _ in range(3):
        journal.commit(said("#x", *["missed"] * (COUNTED // 2)))
    found, total = journal.missed("a", "#x", 5)
    assert (len(found), total) == (5, COUNTED + 1)


def test_long_lines_are_indexed_few_at_a_time(journal: SqliteJournal, path: Path) -> None:
    journal.commit(said("#x", *[" ".join(f"{n}w{word}" for word in range(1500)) for n in range(9)]))
    steps = []
    while journal.tend() is not None:
        steps.append(asked(path, "SELECT indexed FROM state"))
    assert steps == [2, 4, 6, 8, 9]
    assert len(journal.search("8w1499", "#x", 9).entries) == 1


def test_nothing_is_found_twice_while_the_server_indexes(
    journal: SqliteJournal, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal.commit(said("#x", *[f"word {n}" for n in range(50)]))
    fresh = Reader._fresh

    def interrupted(*arguments: Any) -> Iterator[Entry]:
        tended(journal)
        return fresh(*arguments)

    monkeypatch.setattr(Reader, "_fresh", interrupted)
    assert texts(recall(path, Question("#x", words="word"))) == [f"word {n}" for n in range(50)]
    assert asked(path, "SELECT indexed FROM state") == 50


def test_who_left_is_known_in_any_case(journal: SqliteJournal) -> None:
    journal.commit(said("#x", "", nick="Éva", kind="depart"))
    journal.commit(said("#x", "missed"))
    found, total = journal.missed("éVA", "#x", 9)
    assert (texts(found), total) == (["missed"], 1)


def test_comings_and_goings_are_not_gone_through_for_what_was_said(journal: SqliteJournal) -> None:
    journal.commit(said("#x", "said"))
    for _ in range(20):
        journal.commit(said("#x", *[""] * 1000, kind="join"))
    steps = 0

    def step() -> None:
        nonlocal steps
        steps += 1

    journal._database.set_progress_handler(step, 100)
    assert texts(journal.last("#x", 50)) == ["said"]
    assert steps < 20


# Tending


def test_forgetting_leaves_nothing_of_what_is_forgotten(path: Path) -> None:
    clock = ManualClock()
    journal = SqliteJournal(path, max_age=3600, clock=clock)
    journal.commit(said("#old", *[f"old {n}" for n in range(900)]))
    journal.commit(said("#old", "", nick="Bob", kind="depart"))
    journal.commit(said("#both", "old"))
    clock.go(4000)
    journal.commit(said("#both", "new"))
    journal.commit(said("#both", "", nick="carol", kind="depart"))
    tended(journal)
    assert texts(journal.last("#both", 9)) == ["new"]
    assert journal.last("#old", 9) == []
    assert journal.missed("bob", "#both", 9) == ([], -1)
    assert journal.missed("carol", "#both", 9) == ([], 0)
    assert asked(path, "SELECT group_concat(name) FROM room_names") == "#both"
    vocabulary = sqlite3.connect(path)
    vocabulary.execute("CREATE VIRTUAL TABLE temp.words USING fts5vocab('main', 'lines', 'row')")
    # "new", and the room that it was said in.
    assert vocabulary.execute("SELECT count(*), max(doc) FROM temp.words").fetchone() == (2, 1)
    vocabulary.close()
    # A room that was forgotten can come again.
    journal.commit(said("#OLD", "again"))
    assert texts(journal.last("#old", 9)) == ["again"]
    tended(journal)
    assert texts(journal.search("again", "#old", 9).entries) == ["again"]
    journal.close()


def test_the_index_keeps_up_whatever_is_said_and_so_does_forgetting(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tending, "BEHIND", 10_000)
    clock = ManualClock()
    journal = SqliteJournal(path, max_age=3600, clock=clock)
    journal.commit(said("#x", *["old"] * 5000))
    for _ in range(6):
        journal.tend()
    clock.go(4000)
    waiting = []
    for turn in range(30):
        journal.commit(said("#x", *["new"] * 1500))
        before = 5000 + 1500 * (turn + 1) - asked(path, "SELECT indexed FROM state")
        assert journal.tend() == (0 if before > tending.BEHIND else tending.PAUSE)
        # As often as it is called when it is urgent.
        for _ in range(7):
            journal.tend()
        waiting.append(before)
    assert max(waiting) <= tending.BEHIND + 1500
    assert journal.read(0, 1)[0].text == "new"
    journal.close()


def test_a_reader_that_stays_costs_room_only_and_is_told_of(
    path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sqlite, "FORCED_CHECKPOINT", 200)
    monkeypatch.setattr(tending, "CHECKPOINT", 50)
    monkeypatch.setattr(tending, "LARGE_LOG", 400)
    journal = SqliteJournal(path)
    log = path.with_name("journal.db-wal")

    def talk(turns: int) -> None:
        for _ in range(turns):
            journal.commit(said("#x", "x" * 3000))
            journal.tend()

    talk(10)
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    assert reader.execute("SELECT count(*) FROM entries").fetchone() == (10,)
    with caplog.at_level(logging.WARNING, "chatd"):
        talk(300)
    grown = log.stat().st_size
    assert grown > 1_000_000
    assert reader.execute("SELECT count(*) FROM entries").fetchone() == (10,)
    assert [record.__dict__["fields"]["file"] for record in caplog.records] == [str(log)]
    reader.close()
    talk(100)
    assert log.stat().st_size <= 200 * 4096 < grown
    assert len(journal.read(0, 999)) == 410
    journal.close()


# The file


def test_a_journal_of_the_first_version_goes_on(path: Path) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database, schema.MIGRATIONS[:1])
    rows = [
        (n, 1000 + n, 1, nick, "#Ops", kind, text)
        for n, (nick, kind, text) in enumerate(
            [
                ("bob", "say", "forgotten"),
                ("bob", "say", "first"),
                ("Éva", "depart", "bye"),
                ("bob", "say", "second"),
            ],
            1,
        )
    ]
    database.executemany("INSERT INTO entries VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    database.execute("INSERT INTO room_names VALUES ('#Ops', '#ops')")
    database.execute(
        "INSERT INTO lines (rowid, room, text) SELECT seq, room, text FROM entries"
        " WHERE kind = 'say'"
    )
    database.execute("UPDATE state SET indexed = 4")
    database.execute("DELETE FROM entries WHERE seq = 1")
    database.close()
    journal = SqliteJournal(path)
    for _ in range(2):
        assert texts(journal.last("#ops", 9)) == ["first", "second"]
        assert texts(journal.search("first", "#ops", 9).entries) == ["first"]
        found, total = journal.missed("éva", "#ops", 9)
        assert (texts(found), total) == (["second"], 1)
        tended(journal)
    assert journal.commit(said("#ops", "third")) == 1
    assert journal.read(4, 1)[0].seq == 5
    journal.close()
    assert asked(path, "PRAGMA user_version") == schema.VERSION


@pytest.mark.parametrize("how", ["moved", "removed", "replaced"])
def test_a_file_that_lost_its_name_is_not_written_on(
    journal: SqliteJournal, path: Path, how: str
) -> None:
    journal.commit(said("#x", "one"))
    away = path.with_name("away.db")
    path.rename(away)
    if how == "removed":
        away.unlink()
    elif how == "replaced":
        path.write_bytes(b"")
    for _ in range(2):
        with pytest.raises(JournalError, match="moved, removed or replaced") as raised:
            journal.commit(said("#x", "two"))
        assert str(path) in str(raised.value)
    # What there was is still known.
    assert texts(journal.read(0, 9)) == ["one"]
    if how != "removed":
        away.rename(path)
        journal.commit(said("#x", "three"))
        assert texts(journal.read(0, 9)) == ["one", "three"]


def test_a_file_that_is_locked_for_long_is_told(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteJournal(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    monkeypatch.setattr(sqlite, "PATIENCE", 0.01)
    with pytest.raises(JournalError, match="is locked by another program") as raised:
        SqliteJournal(path)
    assert str(path) in str(raised.value)
    other.close()
    SqliteJournal(path).close()
