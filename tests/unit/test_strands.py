"""Strands: what is found by more than its room, and how that is forgotten again."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from account_samples import account
from chatd_supervisor.journal import Batch, Entry, Fact, schema
from chatd_supervisor.journal.accounts import Added, Change, Removed
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.journal.strands import END, Conversation, Span, reader_of, strands_of
from chatd_supervisor.records import data_of
from manual_clock import ManualClock
from tended import tended

NOTHING = Batch([], [], [], [], [], [], [], [], 0)
ALL = Span(0, END, 1000, latest=True)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path)
    yield made
    made.close()


def fact(kind: str, room: str, text: str = "", nick: str = "Alice", **data: object) -> Fact:
    # ``in`` is a word of Python.
    fields = {name.rstrip("_"): value for name, value in data.items()}
    return Fact(7, nick, room, kind, text, data_of(fields))


@pytest.mark.parametrize(
    ("what", "strands"),
    [
        (fact("join", "#Ops"), ["#ops"]),
        (fact("arrive", "#lobby", "text"), ["#lobby"]),
        (fact("arrive", "", "irc"), []),
        (fact("part", "#ops", "bye"), ["#ops"]),
        (fact("kick", "#ops", "bob bye", session=3), ["#ops"]),
        (fact("mode", "#ops", "+t", modes="t"), ["#ops"]),
        (fact("mode", "#ops", "", modes="t"), []),
        (fact("status", "#ops", "+o bob", session=3, status="o"), ["#ops"]),
        (fact("status", "#ops", "", session=3, status="o"), []),
        (fact("tag", "#ops", tags={"react": "x"}), ["#ops"]),
        (fact("nick", "", "alicia", in_=["#Ops", "#dev"]), ["#ops", "#dev"]),
        (fact("nick", "", "alicia"), []),
        (fact("depart", "#ops", "bye", in_=["#Ops"]), ["#ops"]),
        (fact("tell", "Bob", "x", to=[8, ""]), ["7 bob", "8 alice"]),
        (fact("tell", "Bob", "x", account="A", to=[8, "Été"]), ["@a bob", "@été alice"]),
        (fact("tell-tag", "Alice", to=[7, ""]), ["7 alice"]),
        (fact("tell-act", "Bob", "x"), ["7 bob"]),
        (fact("say", "#ops", "x"), []),
        (fact("topic", "#ops", "x"), []),
        (fact("say-status", "#ops", "x"), []),
        (fact("away", "", "x", away="x"), []),
        (fact("seal", "#Ops"), ["sealed #ops"]),
        (fact("read", "#ops", reader="7", time=1), []),
    ],
)
def test_of_which_a_fact_is_part(journal: SqliteJournal, what: Fact, strands: list[str]) -> None:
    assert list(strands_of(what)) == strands
    journal.commit(NOTHING._replace(facts=[what]))
    rows = journal._database.execute("SELECT strand, seq FROM strands")
    assert sorted(rows) == sorted((strand, 1) for strand in strands)


def test_what_a_conversation_holds_is_what_is_found_of_it(journal: SqliteJournal) -> None:
    facts = [
        fact("say", "#OPS", "a"),
        fact("topic", "#ops", "b"),
        fact("join", "#Ops"),
        fact("tell", "ops", "c", to=[8, ""]),
        fact("tell-tag", "ops", to=[8, ""]),
        fact("say", "#dev", "d"),
        fact("say-status", "#ops", "e"),
        fact("nick", "", "f", in_=["#ops"]),
        fact("tell", "alice", "g", nick="Ops", account="eve", to=[7, ""]),
    ]
    journal.commit(NOTHING._replace(facts=facts))
    for room in ("#ops", "#OPS", "ops", "#dev", "#nowhere", "alice"):
        for readers in ((), ("7",), ("@eve",), ("8", "@eve")):
            for topics in (False, True):
                for events in (False, True):
                    wanted = Conversation(room, readers, topics, events)
                    found = journal.strands.between(wanted, ALL)
                    held = [n for n, each in enumerate(facts, 1) if wanted.holds(each)]
                    assert [entry.seq for entry in found] == held
    assert len(journal.strands.between(Conversation("#ops", events=True), ALL)) == 4
    assert len(journal.strands.between(Conversation("ops", ("7",), events=True), ALL)) == 3


def test_with_whom_somebody_has_talked(journal: SqliteJournal) -> None:
    facts = [
        fact("tell", nick, "x", account=account, to=[9, other])
        for nick, account, other in (
            ("bob", "alice", ""),
            ("carol", "alice", ""),
            ("bob", "alice", ""),
            ("dora", "alic", ""),
            ("eve", "alice1", "alice"),
            ("été", "alice", ""),
        )
    ]
    journal.commit(NOTHING._replace(facts=facts))

    def ask(reader: str, after: int) -> list[str]:
        return [nick for nick, _ in journal.strands.correspondents(reader, after, tags=True)]

    assert sorted(ask("@alice", 0)) == ["alice", "bob", "carol", "été"]
    assert sorted(ask("@alice", 2)) == ["alice", "bob", "été"]
    assert ask("@alice", 6) == []
    assert ask("9", 0) == ["alice"]
    assert ask("@ali", 0) == []


def test_where_a_time_is(journal: SqliteJournal) -> None:
    assert journal.strands.first_at(0) == journal.strands.first_at(99) == 1
    times = [10, 10, 10, 20, 30, 30, 31]
    for time in times:
        journal.commit(NOTHING._replace(facts=[fact("say", "#ops", "x")], time=time))
    journal._database.execute("DELETE FROM entries WHERE seq <= 2")
    for time in range(5, 35):
        later = [seq for seq, when in enumerate(times, 1) if when >= time and seq > 2]
        assert journal.strands.first_at(time) == (later[0] if later else 8)


def test_all_that_was_kept_of_an_entry_is_forgotten_with_it(path: Path) -> None:
    clock = ManualClock()
    journal = SqliteJournal(path, max_age=3600, clock=clock)
    old = [
        *(fact("join", f"#r{n}") for n in range(700)),
        fact("nick", "", "alicia", in_=["#ops", "#dev"]),
        fact("depart", "", "x", nick="bob", in_=["#ops"]),
        fact("tell", "bob", "secret", account="alice", to=[8, "bob"]),
        fact("read", "#ops", reader="@alice", time=5),
    ]
    new = [fact("join", "#ops"), fact("tell", "bob", "x", account="alice", to=[8, "bob"])]
    journal.commit(NOTHING._replace(facts=old))
    clock.go(4000)
    journal.commit(NOTHING._replace(facts=new))
    tended(journal)
    rows = journal._database.execute("SELECT strand, seq FROM strands ORDER BY strand").fetchall()
    assert rows == [("#ops", 705), ("@alice bob", 706), ("@bob alice", 706)]
    assert journal.missed("bob", "#ops", 9) == ([], -1)
    # A mark is no line, and outlives the line that has set it.
    assert journal.strands.marked("@alice", "#OPS") == 5
    journal.close()


def test_a_mark_is_the_last_that_was_written(journal: SqliteJournal) -> None:
    for time in (5, 7, 9):
        journal.commit(NOTHING._replace(facts=[fact("read", "#Ops", reader="@a", time=time)]))
    several = [fact("read", "#ops", reader="3", time=time) for time in (2, 4)]
    journal.commit(NOTHING._replace(facts=several))
    ask = journal.strands
    assert (ask.marked("@a", "#ops"), ask.marked("3", "#OPS"), ask.marked("4", "#ops")) == (9, 4, 0)
    journal.commit(NOTHING._replace(leaving=[3]))
    assert (ask.marks("@a"), ask.marks("3")) == (1, 0)


@pytest.mark.parametrize("changes", [("remove",), ("add",), ("remove", "add")])
def test_who_makes_an_account_reads_nothing_of_who_had_it_before(
    journal: SqliteJournal, changes: tuple[str, ...]
) -> None:
    possible: dict[str, Change] = {"remove": Removed("Alice"), "add": Added(account("alice"))}
    if changes[0] == "remove":
        journal.commit(NOTHING._replace(accounts=[Added(account("alice"))]))
    said = [fact("tell", "bob", "x", account="alice", to=[8, "bob"])]
    others = [fact("tell", "bob", "x", account="alice1", to=[8, "bob"])]
    marks = [fact("read", "bob", reader=who, time=5) for who in ("@alice", "@alice1", "@bob")]
    journal.commit(NOTHING._replace(facts=said + others + marks))
    fresh = said if changes[-1] == "add" else []
    accounts = [possible[name] for name in changes]
    journal.commit(NOTHING._replace(facts=fresh, accounts=accounts))

    def found(reader: str, nick: str) -> int:
        return len(journal.strands.between(Conversation(nick, (reader,)), ALL))

    assert found("@alice", "bob") == len(fresh)
    assert (found("@alice1", "bob"), found("@bob", "alice")) == (1, 2 + len(fresh))
    assert [journal.strands.marks(who) for who in ("@alice", "@alice1", "@bob")] == [0, 1, 1]


def test_ids_say_where_a_line_is(journal: SqliteJournal) -> None:
    journal.commit(NOTHING._replace(facts=[fact("say", "#ops", "x")] * 3))
    (*_, last) = journal.read(0, 9)
    assert journal.place_of(last.id) == 3 == journal.seq_of(0)
    assert journal.place_of(journal.id_of(5)) == 8 == journal.seq_of(5)
    own = last.id.rpartition("-")[0]
    for other in ("", "3", "-3", f"{own}", f"{own}-", f"{own}-+3", f"{own}-٣", f"x{own}-3"):
        assert journal.place_of(other) is None
    assert journal.place_of(f"{own}-{'9' * 30}") is None


def test_a_journal_from_before_there_were_strands_goes_on(path: Path) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database, schema.MIGRATIONS[:3])
    database.execute("INSERT INTO entries VALUES (1, 1, 1, 'a', '#ops', 'say', 'x', '')")
    database.execute("INSERT INTO entries VALUES (2, 1, 1, 'a', '#ops', 'join', '', '')")
    database.execute("INSERT INTO room_names VALUES ('#ops', '#ops')")
    database.close()
    journal = SqliteJournal(path)
    journal.commit(NOTHING._replace(facts=[fact("join", "#ops")]))
    found = journal.strands.between(Conversation("#ops", events=True), ALL)
    assert [entry.seq for entry in found] == [1, 3]
    journal.close()


def test_readers() -> None:
    assert reader_of(12, "") == "12"
    assert reader_of(12, "Été") == reader_of(13, "ÉTÉ") == "@été"


def plan(journal: SqliteJournal, query: str) -> str:
    rows = journal._database.execute(f"EXPLAIN QUERY PLAN {query}").fetchall()
    return "; ".join(row[-1] for row in rows)


def test_no_more_is_read_than_is_shown(journal: SqliteJournal) -> None:
    """Every query goes by an index, and none of them sorts."""
    asked: list[str] = []
    journal._database.set_trace_callback(asked.append)
    for latest in (False, True):
        span = Span(1, 9, 5, latest)
        journal.commit(NOTHING._replace(facts=[fact("say", "#ops", "x")]))
        journal.strands.between(Conversation("#ops", topics=False, events=True), span)
        journal.strands.between(Conversation("bob", ("7", "@alice")), span)
    journal.strands.first_at(1)
    journal.strands.correspondents("@alice", 0, tags=True)
    journal.strands.marks("@alice")
    journal.strands.marked("@alice", "bob")
    journal._database.set_trace_callback(None)
    queries = {query for query in asked if query.startswith(("SELECT", "WITH"))}
    assert len([query for query in queries if "entries" in query]) >= 6
    for query in queries:
        found = plan(journal, query)
        assert "TEMP B-TREE" not in found, (query, found)
        assert "SCAN" not in found.replace("SCAN theirs", "").replace("SCAN CONSTANT ROW", "")


def entries(*facts: Fact) -> list[Entry]:
    return [Entry(seq, 0, *each, f"{seq}") for seq, each in enumerate(facts, 1)]


def test_an_entry_is_part_of_the_same_as_its_fact() -> None:
    what = fact("tell", "bob", "x", account="alice", to=[8, "bob"])
    assert strands_of(entries(what)[0]) == strands_of(what)
