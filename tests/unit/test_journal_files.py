"""The files of a journal: what does not belong together is not used, and what is removed is had."""

import logging
import os
import random
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.backups import back_up
from chatd_supervisor.history import Question, recall
from chatd_supervisor.journal import Batch, Fact, JournalError
from chatd_supervisor.journal.files import check, index_of, log_of
from chatd_supervisor.journal.sqlite import SqliteJournal
from tended import tended

NOTHING = Batch([], [], [], [], [], [], [], [], 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "s" / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    path.parent.mkdir()
    made = SqliteJournal(path)
    say(made, "one")
    yield made
    made.close()


def say(journal: SqliteJournal, *texts: str) -> None:
    facts = [Fact(1, "alice", "#lobby", "say", text) for text in texts]
    journal.commit(NOTHING._replace(facts=facts))


def killed(path: Path, to: Path) -> Path:
    """Return a copy of the files of the journal, as a process that is killed leaves them."""
    to.mkdir()
    for file in (path, log_of(path), index_of(path)):
        if file.exists():
            shutil.copy(file, to)
    return to / path.name


def texts(path: Path) -> list[str]:
    return [entry.text for entry in recall(path, Question("#lobby"))]


# While it is used


@pytest.mark.parametrize("which", [(log_of,), (index_of,), (log_of, index_of)])
def test_a_log_that_is_removed_is_noticed_and_nothing_of_it_lost(
    journal: SqliteJournal,
    path: Path,
    tmp_path: Path,
    which: tuple[type[Path], ...],
    caplog: pytest.LogCaptureFixture,
) -> None:
    for file in which:
        file(path).unlink()
    with caplog.at_level(logging.ERROR, "chatd"):
        say(journal, "two")
        say(journal, "three")
    assert [record.message for record in caplog.records].count("journal log removed") == 1
    assert texts(killed(path, tmp_path / "k")) == ["one", "two", "three"]
    assert [entry.text for entry in journal.last("#lobby", 9)] == ["one", "two", "three"]
    tended(journal)
    assert len(journal.search("two", "#lobby", 9)[0]) == 1


def test_a_log_that_is_replaced_is_not_used(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    log = log_of(path)
    shutil.copy(log, tmp_path / "old")
    say(journal, "two")
    shutil.copy(tmp_path / "old", tmp_path / "new")
    os.replace(tmp_path / "new", log)
    say(journal, "three")
    assert texts(killed(path, tmp_path / "k")) == ["one", "two", "three"]


def test_while_somebody_reads_nothing_is_said_that_would_be_lost(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    reader = sqlite3.connect(path)
    reader.execute("SELECT count(*) FROM entries").fetchone()
    log_of(path).unlink()
    for _ in range(2):
        with pytest.raises(JournalError, match=r"journal\.db-wal was removed or replaced .* fuser"):
            say(journal, "two")
    reader.close()
    say(journal, "three")
    assert texts(killed(path, tmp_path / "k")) == ["one", "three"]


# At a start


def refused(path: Path, sentence: str) -> None:
    """See that nobody uses what is at ``path``, and that it stays as it is."""
    before = {file: file.read_bytes() for file in path.parent.iterdir()}
    with pytest.raises(JournalError, match=sentence):
        SqliteJournal(path)
    with pytest.raises(JournalError, match=sentence):
        check(path)
    if path.exists():
        with pytest.raises(JournalError, match=sentence):
            recall(path, Question("#lobby"))
    assert {file: file.read_bytes() for file in path.parent.iterdir()} == before


@pytest.mark.parametrize("content", [b"", b"x", b"x" * 511])
def test_what_is_too_short_is_not_begun_anew(path: Path, content: bytes) -> None:
    path.parent.mkdir()
    path.write_bytes(content)
    refused(path, rf"is no journal, it has {len(content)} bytes; .* or remove it to begin a new")
    path.unlink()
    SqliteJournal(path).close()
    assert [file.name for file in path.parent.iterdir()] == ["journal.db"]


@pytest.mark.usefixtures("journal")
def test_a_log_without_its_journal_is_not_begun_anew(path: Path, tmp_path: Path) -> None:
    left = killed(path, tmp_path / "k")
    left.rename(tmp_path / "elsewhere")
    refused(left, r"journal\.db-wal is there and .*journal\.db is not; put that back, or")
    (tmp_path / "elsewhere").rename(left)
    assert texts(left) == ["one"]


def test_the_log_of_another_journal_is_not_applied_to_a_backup(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    backup = tmp_path / "backup.db"
    back_up(path, backup)
    for number in range(50):
        say(journal, f"later {number} {'x' * 1000}")
    left = killed(path, tmp_path / "k")
    shutil.copy(backup, left)
    refused(left, r"journal\.db-wal is of another journal than .*journal\.db, which is a backup")
    log_of(left).unlink()
    index_of(left).unlink()
    assert texts(left) == ["one"]


def test_the_log_of_another_time_beside_a_copy_is_seen(
    journal: SqliteJournal, path: Path, tmp_path: Path
) -> None:
    # By a hand-made copy, which has a log as well.
    old = killed(path, tmp_path / "old")
    database = sqlite3.connect(old)
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(old, tmp_path / "copy.db")
    database.close()
    for number in range(3000):
        say(journal, f"later {number} {'x' * 500}")
        if not number % 500:
            tended(journal)
    left = killed(path, tmp_path / "k")
    shutil.copy(tmp_path / "copy.db", left)
    index_of(left).unlink()
    with pytest.raises(JournalError, match=r"is damaged \(.*chatd restore"):
        SqliteJournal(left)


def test_what_is_whole_is_never_taken_for_damaged(path: Path, tmp_path: Path) -> None:
    path.parent.mkdir()
    journal = SqliteJournal(path, max_size=200_000)
    chance = random.Random(5)
    for number in range(60):
        kinds = chance.choices(["say", "act", "join", "tell", "topic"], k=chance.randint(1, 40))
        facts = [Fact(1, "a", chance.choice(["#x", "#y"]), kind, "x" * 200) for kind in kinds]
        journal.commit(NOTHING._replace(facts=facts))
        tended(journal)
        if not number % 10:
            SqliteJournal(killed(path, tmp_path / str(number))).close()
    journal.close()
