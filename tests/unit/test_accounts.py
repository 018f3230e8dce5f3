"""Accounts in the journal: found by name and certificate, changed whole or not at all."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from account_samples import account, credentials
from chatd_supervisor.account_editing import editing
from chatd_supervisor.accounts import AccountBook
from chatd_supervisor.journal import Batch, Fact, JournalError, schema
from chatd_supervisor.journal.accounts import (
    AccountConflict,
    Added,
    Certified,
    Change,
    Rekeyed,
    Removed,
    Suspended,
    Uncertified,
    is_address,
    read_fingerprint,
)
from chatd_supervisor.journal.sqlite import SqliteJournal

NOTHING = Batch([], [], [], [], [], [], [], [], 0)
PRINT = "ab" * 32
OTHER = "cd" * 32


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path)
    yield made
    made.close()


def change(journal: SqliteJournal, *changes: Change) -> None:
    journal.commit(NOTHING._replace(accounts=changes))


def test_an_account_is_found_by_its_name_in_any_case(journal: SqliteJournal, path: Path) -> None:
    alice = account("Alice")._replace(email="a@b")
    change(journal, Added(alice), Added(account("été")))
    for name in ("Alice", "alice", "ALICE", "\uff21lice"):
        assert journal.accounts.find(name) == alice
    assert journal.accounts.find("ÉTÉ") == account("été")
    for name in ("bob", "", "alic\ud800"):
        assert journal.accounts.find(name) is None
    again = SqliteJournal(path)
    assert again.accounts.all() == [alice, account("été")]
    again.close()


def test_it_changes_its_password_is_suspended_and_goes(journal: SqliteJournal) -> None:
    change(journal, Added(account("alice")), Added(account("bob")))
    change(journal, Rekeyed("ALICE", credentials("other")), Suspended("Bob", suspended=True))
    assert journal.accounts.find("alice") == account("alice", "other")
    assert journal.accounts.find("bob") == account("bob", suspended=True)
    change(journal, Removed("Alice"), Suspended("bob", suspended=False))
    assert journal.accounts.all() == [account("bob")]


def test_a_certificate_is_one_accounts_and_goes_with_it(journal: SqliteJournal) -> None:
    change(journal, Added(account("alice")), Added(account("bob")), Certified("Alice", PRINT))
    change(journal, Certified("alice", PRINT), Certified("alice", OTHER))
    assert journal.accounts.by_certificate(PRINT) == account("alice")
    assert journal.accounts.certificates() == [("alice", PRINT), ("alice", OTHER)]
    with pytest.raises(AccountConflict, match=f"certificate {PRINT} belongs to another account"):
        change(journal, Certified("bob", PRINT))
    change(journal, Uncertified(PRINT))
    assert journal.accounts.by_certificate(PRINT) is None
    change(journal, Removed("alice"), Added(account("alice")))
    assert journal.accounts.by_certificate(OTHER) is None
    assert journal.accounts.certificates() == []


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (Added(account("ALICE")), "exists"),
        (Rekeyed("bob", credentials("x")), "unknown"),
        (Suspended("bob", suspended=True), "unknown"),
        (Removed("bob"), "unknown"),
        (Certified("bob", PRINT), "unknown"),
        (Uncertified(PRINT), "certificate-unknown"),
    ],
)
def test_of_a_batch_with_a_change_that_does_not_fit_nothing_is_written(
    journal: SqliteJournal, wrong: Change, reason: str
) -> None:
    change(journal, Added(account("alice")))
    before = journal.load()
    with pytest.raises(AccountConflict) as raised:
        journal.commit(
            NOTHING._replace(
                facts=[Fact(1, "a", "#room", "say", "unheard")],
                accounts=[Added(account("carol")), wrong],
            )
        )
    assert raised.value.reason == reason
    assert journal.load() == before
    assert journal.read(0, 9) == []
    assert journal.accounts.all() == [account("alice")]
    # And the next one is.
    assert journal.commit(NOTHING._replace(accounts=[Added(account("carol"))])) == before.tick + 1


def test_the_command_writes_beside_the_server_and_each_sees_the_other(
    journal: SqliteJournal, path: Path
) -> None:
    with editing(path) as editor:
        editor.change(Added(account("alice")))
        assert journal.accounts.find("alice") == account("alice")
        change(journal, Added(account("bob")))
        assert editor.accounts.find("bob") == account("bob")
        with pytest.raises(AccountConflict, match="there is an account bob already"):
            editor.change(Removed("alice"), Added(account("bob")))
        assert journal.accounts.find("alice")
        # What the hub has found is not there any more when it is written.
        editor.change(Removed("bob"))
        with pytest.raises(AccountConflict, match="there is no account bob"):
            change(journal, Rekeyed("bob", credentials("x")))


def test_the_command_begins_a_journal_where_there_is_none(tmp_path: Path) -> None:
    path = tmp_path / "state" / "journal.db"
    with editing(path) as editor:
        editor.change(Added(account("alice")))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    journal = SqliteJournal(path)
    assert journal.accounts.find("alice")
    journal.close()


def test_the_command_does_not_wait_without_end_for_somebody_who_writes(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    SqliteJournal(path).close()
    monkeypatch.setattr("chatd_supervisor.account_editing.PATIENCE", 0.1)
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with (
        editing(path) as editor,
        pytest.raises(JournalError, match="is locked by another program"),
    ):
        editor.change(Added(account("alice")))
    other.close()


@pytest.mark.parametrize("version", range(1, schema.VERSION))
def test_a_journal_of_any_version_gets_accounts_and_keeps_what_it_has(
    path: Path, version: int
) -> None:
    database = sqlite3.connect(path, isolation_level=None)
    schema.migrate(database, schema.MIGRATIONS[:version])
    database.execute(
        "INSERT INTO entries (seq, time, session, nick, room, kind, text)"
        " VALUES (1, 2, 3, 'a', '#room', 'say', 'kept')"
    )
    database.close()
    with pytest.raises(JournalError, match="of an older chatd"), editing(path):
        pass
    journal = SqliteJournal(path)
    change(journal, Added(account("alice")))
    assert journal.accounts.find("alice")
    assert [entry.text for entry in journal.read(0, 9)] == ["kept"]
    journal.close()


def test_of_two_who_begin_a_journal_together_one_does(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = schema.inspect
    made: list[sqlite3.Connection] = []
    database = sqlite3.connect(path, isolation_level=None)
    other = sqlite3.connect(path, isolation_level=None)

    def looked_and_was_slow(looking: sqlite3.Connection) -> int:
        version = real(looking)
        if looking is database and not made:
            schema.migrate(other, (made.append,))
        return version

    monkeypatch.setattr(schema, "inspect", looked_and_was_slow)
    schema.migrate(database, (made.append,))
    assert made == [other]
    assert real(database) == 1
    database.close()
    other.close()


def test_salts_for_nobody_are_made_from_a_secret_that_lasts(
    journal: SqliteJournal, tmp_path: Path
) -> None:
    other = SqliteJournal(tmp_path / "other.db")
    assert len(journal.accounts.salting_key()) == 32
    assert journal.accounts.salting_key() == journal.accounts.salting_key()
    assert journal.accounts.salting_key() != other.accounts.salting_key()
    other.close()


# The book

names = st.sampled_from(["alice", "Alice", "bob", "ß", "SS"])
prints = st.sampled_from([PRINT, OTHER])
changes = st.one_of(
    st.builds(lambda name: Added(account(name)), names),
    st.builds(lambda name: Rekeyed(name, credentials("x")), names),
    st.builds(Suspended, names, st.booleans()),
    st.builds(Removed, names),
    st.builds(Certified, names, prints),
    st.builds(Uncertified, prints),
)


def seen(accounts: Any) -> list[Any]:
    return [
        [accounts.find(name) for name in ("alice", "bob", "ss")],
        [accounts.by_certificate(fingerprint) for fingerprint in (PRINT, OTHER)],
    ]


@given(st.lists(st.lists(changes, max_size=6), max_size=4))
@settings(max_examples=80, deadline=None)
def test_what_the_book_shows_is_what_is_written(
    tmp_path_factory: pytest.TempPathFactory, ticks: list[list[Change]]
) -> None:
    journal = SqliteJournal(tmp_path_factory.mktemp("journal") / "journal.db")
    book = AccountBook(journal.accounts)
    for tick in ticks:
        for one in tick:
            before = seen(book)
            try:
                book.change(one)
            except AccountConflict as conflict:
                assert seen(book) == before
                refused = conflict.reason
                with pytest.raises(AccountConflict) as raised:
                    change(journal, *book._changes, one)
                assert raised.value.reason == refused
        shown = seen(book)
        change(journal, *book.take_changes())
        assert seen(book) == seen(journal.accounts) == shown
    journal.close()


def test_what_a_tick_that_failed_had_decided_is_forgotten(journal: SqliteJournal) -> None:
    book = AccountBook(journal.accounts)
    book.change(Added(account("alice")))
    assert book.find("ALICE")
    assert journal.accounts.find("alice") is None
    book.forget()
    assert book.find("alice") is None
    assert book.take_changes() == []
    assert book.salting_key() == journal.accounts.salting_key()


@pytest.mark.parametrize(
    ("text", "read"),
    [
        (PRINT, PRINT),
        (":".join(["AB"] * 32), PRINT),
        (f" {PRINT}\n", PRINT),
        (PRINT[1:], None),
        ("g" * 64, None),
        ("", None),
        ("٣" * 64, None),
    ],
)
def test_fingerprints_are_read_as_openssl_prints_them(text: str, read: str | None) -> None:
    assert read_fingerprint(text) == read


@pytest.mark.parametrize("text", ["a@b", "a.b+c@host.example", "é@ü"])
def test_an_address(text: str) -> None:
    assert is_address(text)


@pytest.mark.parametrize("text", ["", "a", "@", "a@", "@b", "a b@c", "a@b\n", "a@" + "b" * 300])
def test_what_is_no_address(text: str) -> None:
    assert not is_address(text)
