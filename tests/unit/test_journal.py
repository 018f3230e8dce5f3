"""The journal on SQLite: what was committed is there, all of it or nothing, and is found again."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_supervisor.journal import (
    Arrival,
    Batch,
    Entry,
    Fact,
    JournalError,
    Snapshot,
    StoredSession,
    Stream,
    schema,
)
from chatd_supervisor.journal.files import check
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.records import RoomRecord, Seat, SessionRecord, data_of, encode
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


def said(*lines: tuple[str, str, str], kind: str = "say") -> Batch:
    return NOTHING._replace(facts=[Fact(1, nick, room, kind, text) for nick, room, text in lines])


def texts(entries: list[Entry]) -> list[str]:
    return [entry.text for entry in entries]


def test_a_new_journal_is_empty(journal: SqliteJournal, path: Path) -> None:
    assert journal.load() == Snapshot(0, 0, [], [], 0, 0)
    assert path.stat().st_mode & 0o777 == 0o600


def test_entries_are_numbered_in_one_order_and_named_for_good(
    journal: SqliteJournal, path: Path
) -> None:
    assert journal.commit(said(("alice", "#lobby", "one"), ("bob", "#ops", "two"))) == 1
    assert journal.commit(said(("alice", "#lobby", "three"))) == 2
    entries = journal.read(0, 10)
    assert [(e.seq, e.nick, e.room, e.text) for e in entries] == [
        (1, "alice", "#lobby", "one"),
        (2, "bob", "#ops", "two"),
        (3, "alice", "#lobby", "three"),
    ]
    assert [e.time for e in entries] == sorted(e.time for e in entries)
    assert len({e.id for e in entries}) == 3
    journal.close()
    again = SqliteJournal(path)
    assert again.read(0, 10) == entries
    assert again.read(1, 1) == entries[1:2]
    assert again.commit(NOTHING) == 3
    again.close()


def test_times_are_those_of_the_clock_but_for_small_steps_back(path: Path) -> None:
    clock = ManualClock()
    journal = SqliteJournal(path, clock=clock)
    right = clock.wall
    for ahead in (0, -4, 365 * 86400, 0, 3):
        clock.set(ahead)
        journal.commit(said(("a", "#lobby", "x")))
    year = 365 * 86400 * 1_000_000
    assert [e.time - right for e in journal.read(0, 9)] == [0, 0, year, 0, 3_000_000]
    assert [e.seq for e in journal.read(0, 9)] == [1, 2, 3, 4, 5]
    journal.close()


sessions = st.integers(1, 4)
names = st.sampled_from(["alice", "Bob", "été"])
rooms = st.sampled_from(["#lobby", "#Ops", "#ops", "#dev"])
offsets = st.integers(0, 1 << 40)
changes = st.one_of(
    st.tuples(st.just("member"), sessions, names, st.booleans(), rooms, st.integers(0, 99)),
    st.tuples(st.just("stream"), sessions, offsets, st.booleans(), st.binary(max_size=9)),
    st.tuples(st.just("leave"), sessions),
    st.tuples(st.just("close"), sessions),
    st.tuples(st.just("room"), rooms, names, st.integers(0, 99)),
    st.tuples(st.just("gone"), rooms),
    st.tuples(st.just("fact"), names, rooms, st.sampled_from(["say", "tell", "join"])),
)


@given(st.lists(st.lists(changes, max_size=6), max_size=6))
@settings(max_examples=60, deadline=None)
def test_what_is_loaded_is_what_was_committed(
    tmp_path_factory: pytest.TempPathFactory,
    ticks: list[list[tuple[Any, ...]]],
) -> None:
    path = tmp_path_factory.mktemp("journal") / "journal.db"
    journal = SqliteJournal(path)
    stored: dict[int, StoredSession] = {}
    kept: dict[str, str] = {}
    facts: list[Fact] = []
    for tick in ticks:
        batch = Batch([], [], [], [], [], [], [], [], len(facts))
        for kind, *values in tick:
            apply(kind, values, batch, stored, kept)
        facts += batch.facts
        journal.commit(batch)
    for opened in (journal, SqliteJournal(path)):
        found = opened.load()
        assert found.tick == len(ticks)
        assert found.seq == len(facts)
        assert found.sessions == [stored[number] for number in sorted(stored)]
        assert sorted(found.rooms) == sorted(kept.values())
        assert [Fact(*entry[2:8]) for entry in opened.read(0, 999)] == facts
        opened.close()


def apply(
    kind: str,
    values: list[Any],
    batch: Batch,
    stored: dict[int, StoredSession],
    kept: dict[str, str],
) -> None:
    """Put one change into ``batch`` and into what is expected."""
    if kind == "room":
        name, topic, made = values
        room = encode(RoomRecord(name=name, topic=topic, made=made))
        if not batch.rooms and not batch.rooms_gone:
            batch.rooms.append((name.lower(), room))
            kept[name.lower()] = room
    elif kind == "gone":
        if not batch.rooms:
            batch.rooms_gone.append(values[0].lower())
            kept.pop(values[0].lower(), None)
    elif kind == "fact":
        nick, room, what = values
        batch.facts.append(Fact(1, nick, room, what, "text", data_of({"user": nick})))
    else:
        number, *rest = values
        if number in batch.leaving or number in batch.closed:
            return
        if number not in stored:
            arrival = Arrival(number, "127.0.0.1:1", "text", 7)
            batch.arrivals.append(arrival)
            stored[number] = StoredSession(arrival, None, Stream(number, 0, False, b"", 0))
        if kind == "member":
            nick, named, room, joined = rest
            seats = {room: Seat(joined)}
            record = encode(SessionRecord(nick=nick, named=named, seats=seats))
            batch.members.append((number, record))
            stored[number] = stored[number]._replace(record=record)
        elif kind == "stream":
            offset, discarding, carry = rest
            stream = Stream(number, offset, discarding, carry, 3)
            batch.streams.append(stream)
            stored[number] = stored[number]._replace(stream=stream)
        elif kind == "leave":
            batch.leaving.append(number)
            stored[number] = stored[number]._replace(record=None)
        else:
            batch.closed.append(number)
            del stored[number]


# Finding


def test_the_last_of_a_room_whatever_its_case_and_nobody_elses(journal: SqliteJournal) -> None:
    journal.commit(said(("a", "#ops", "one"), ("a", "#lobby", "other"), ("a", "#Ops", "two")))
    journal.commit(said(("a", "b", "secret"), kind="tell"))
    journal.commit(said(("a", "#ops", ""), kind="join"))
    journal.commit(said(("a", "#OPS", "three"), kind="act"))
    assert texts(journal.last("#oPs", 2)) == ["two", "three"]
    assert texts(journal.last("#ops", 9)) == ["one", "two", "three"]
    assert journal.last("#nowhere", 9) == []
    assert journal.last("b", 9) == []


def test_what_was_missed_begins_where_one_left(journal: SqliteJournal) -> None:
    journal.commit(said(("a", "#ops", "before")))
    assert journal.missed("bob", "#ops", 9) == ([], -1)
    journal.commit(said(("Bob", "#ops", ""), kind="depart"))
    assert journal.missed("bob", "#ops", 9) == ([], 0)
    journal.commit(said(*[("a", "#ops", f"{n}") for n in range(5)], ("a", "#dev", "x")))
    found, total = journal.missed("bob", "#OPS", 3)
    assert (texts(found), total) == (["0", "1", "2"], 5)


@pytest.mark.parametrize("indexed", [True, False])
def test_a_search_finds_words_without_case_and_accents(
    journal: SqliteJournal, indexed: bool
) -> None:
    journal.commit(
        said(
            ("a", "#ops", "L'été à Orléans"),
            ("a", "#dev", "été ailleurs"),
            ("a", "#ops", "ete AND orleans again"),
            ("a", "#ops", 'quoted "stuff" NEAR(x)'),
        )
    )
    journal.commit(said(("a", "#ops", "été secret"), kind="tell"))
    if indexed:
        tended(journal)
    assert texts(journal.search("ETE orleans", "#ops", 9).entries) == [
        "L'été à Orléans",
        "ete AND orleans again",
    ]
    assert texts(journal.search("été", "#Ops", 1).entries) == ["ete AND orleans again"]
    assert texts(journal.search('"STUFF" near(', "#ops", 9).entries) == ['quoted "stuff" NEAR(x)']
    assert journal.search("secret", "#ops", 9).entries == []
    assert journal.search('" - *', "#ops", 9).entries == []


# Forgetting


def test_what_is_too_old_is_forgotten_also_by_the_search(path: Path) -> None:
    clock = ManualClock()
    journal = SqliteJournal(path, max_age=3600, clock=clock)
    journal.commit(said(*[("a", "#ops", f"old {n}") for n in range(1200)]))
    clock.go(4000)
    journal.commit(said(("a", "#ops", "new")))
    tended(journal)
    assert texts(journal.read(0, 9)) == ["new"]
    assert journal.search("old", "#ops", 9).entries == []
    assert journal.read(0, 9)[0].seq == 1201
    journal.close()


def test_what_is_too_much_is_forgotten_from_the_oldest_on(path: Path) -> None:
    journal = SqliteJournal(path, max_size=2 << 20)
    journal.commit(NOTHING._replace(arrivals=[Arrival(1, "peer", "text", 0)]))
    for n in range(100):
        journal.commit(said(*[("a", "#ops", f"{n} " + "x" * 400) for _ in range(100)]))
        tended(journal)
    left = journal.read(0, 1_000_000)
    assert 1000 < len(left) < 8000
    assert left[-1].text.startswith("99 ")
    assert [e.seq for e in left] == list(range(left[0].seq, 10_001))
    assert len(journal.load().sessions) == 1
    journal.close()


# Files that are no journals


def test_a_newer_file_is_not_touched(path: Path) -> None:
    SqliteJournal(path).close()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(f"PRAGMA user_version = {schema.VERSION + 1}")
    database.close()
    before = path.read_bytes()
    for use in (SqliteJournal, check):
        with pytest.raises(JournalError, match="newer chatd") as raised:
            use(path)
        assert str(path) in str(raised.value)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "content", [b"no database at all " * 300, b"SQLite format 3\0" + b"x" * 9999]
)
def test_a_damaged_file_is_told_and_not_replaced(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    for use in (SqliteJournal, check):
        with pytest.raises(JournalError, match="is damaged") as raised:
            use(path)
        assert str(path) in str(raised.value)
    assert path.read_bytes() == content


def test_a_database_of_another_program_is_not_touched(path: Path) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE theirs (x)")
    database.close()
    with pytest.raises(JournalError, match="another program"):
        SqliteJournal(path)


def test_a_page_that_is_torn_is_told_when_it_is_met(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.commit(said(*[("a", "#ops", "x" * 500) for _ in range(2000)]))
    journal.close()
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 200_000] = b"\xa5" * 200_000
    path.write_bytes(data)
    with (
        pytest.raises(JournalError, match="is damaged"),
        closing(SqliteJournal(path)) as damaged,
    ):
        damaged.read(0, 10_000)


def test_a_failed_migration_leaves_the_file_as_it_was(path: Path) -> None:
    SqliteJournal(path).close()

    def fails(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE half (done)")
        raise sqlite3.OperationalError("out of ideas")

    database = sqlite3.connect(path, isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        schema.migrate(database, (*schema.MIGRATIONS, fails))
    assert schema.inspect(database) == schema.VERSION
    assert not database.execute("SELECT 1 FROM sqlite_schema WHERE name = 'half'").fetchone()
    database.close()


def test_a_migration_keeps_what_is_there(path: Path) -> None:
    journal = SqliteJournal(path)
    journal.commit(said(("a", "#ops", "kept")))
    journal.close()

    def next_one(database: sqlite3.Connection) -> None:
        database.execute("ALTER TABLE entries ADD COLUMN given_id TEXT")

    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database, (*schema.MIGRATIONS, next_one))
    assert database.execute("PRAGMA user_version").fetchone() == (schema.VERSION + 1,)
    assert database.execute("SELECT text, given_id FROM entries").fetchone() == ("kept", None)
    database.close()
