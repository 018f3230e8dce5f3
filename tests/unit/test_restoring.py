"""``chatd restore``: a whole backup in the place of the journal, or nothing has changed."""

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from chatd_supervisor.backups import back_up
from chatd_supervisor.history import Question, recall
from chatd_supervisor.journal import Batch, Fact, JournalError
from chatd_supervisor.journal.files import index_of, log_of
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import AlreadyRunning, PidFile
from chatd_supervisor.restoring import restore

NOTHING = Batch([], [], [], [], [], [], [], [], 0)


@pytest.fixture
def places(tmp_path: Path) -> Paths:
    return Paths(tmp_path / "r", tmp_path / "s")


@pytest.fixture
def backup(tmp_path: Path) -> Path:
    """A backup in which "one" was said."""
    made = SqliteJournal(tmp_path / "first.db")
    say(made, "one")
    back_up(tmp_path / "first.db", tmp_path / "backup.db")
    made.close()
    return tmp_path / "backup.db"


@pytest.fixture
def killed(places: Paths) -> Paths:
    """A state directory whose master was killed after "two" was said."""
    places.sessions_dir.mkdir(parents=True)
    (places.sessions_dir / "outbox.1").write_bytes(b"to be sent")
    made = SqliteJournal(places.journal_file)
    say(made, "two")
    left = places.state_dir.with_name("left")
    shutil.copytree(places.state_dir, left)
    made.close()
    shutil.rmtree(places.state_dir)
    left.rename(places.state_dir)
    assert log_of(places.journal_file).stat().st_size
    return places


def say(journal: SqliteJournal, text: str) -> None:
    journal.commit(NOTHING._replace(facts=[Fact(1, "alice", "#lobby", "say", text)]))


def texts(path: Path) -> list[str]:
    return [entry.text for entry in recall(path, Question("#lobby"))]


def contents(places: Paths) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in places.state_dir.rglob("*") if file.is_file()}


def test_the_backup_is_the_journal_and_the_one_before_is_kept(killed: Paths, backup: Path) -> None:
    entries, kept = restore(backup, killed, None)
    assert (entries, texts(killed.journal_file)) == (1, ["one"])
    assert killed.journal_file.stat().st_mode & 0o777 == 0o600
    assert not killed.sessions_dir.exists()
    assert not killed.state_lock.exists()
    # With what was in its log; and it can be gone back to.
    assert kept is not None
    assert texts(kept) == ["two"]
    assert restore(kept, killed, None)[0] == 1
    journal = SqliteJournal(killed.journal_file)
    say(journal, "three")
    journal.close()
    assert texts(killed.journal_file) == ["two", "three"]


def test_where_nothing_was_it_is_made(places: Paths, backup: Path) -> None:
    assert restore(backup, places, None) == (1, None)
    assert texts(places.journal_file) == ["one"]
    assert places.state_dir.stat().st_mode & 0o777 == 0o700


def test_nothing_is_left_of_a_journal_that_is_not_there(killed: Paths, backup: Path) -> None:
    killed.journal_file.unlink()
    assert restore(backup, killed, None) == (1, None)
    assert not log_of(killed.journal_file).exists()
    assert not index_of(killed.journal_file).exists()
    assert texts(killed.journal_file) == ["one"]


def test_one_of_root_is_the_servers_user_s(places: Paths, backup: Path) -> None:
    if os.geteuid():
        assert restore(backup, places, None)[0] == 1
        assert places.journal_file.stat().st_uid == os.geteuid()
        return
    restore(backup, places, (65534, 65534))
    for file in (places.state_dir, places.journal_file):
        assert (file.stat().st_uid, file.stat().st_gid) == (65534, 65534)
    again = backup.with_name("again.db")
    back_up(places.journal_file, again)
    assert again.stat().st_uid == 65534


def test_what_is_no_backup_changes_nothing(killed: Paths, backup: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.db"
    damaged.write_bytes(backup.read_bytes()[:4096] + b"\xa5" * 8192)
    empty = tmp_path / "empty.db"
    empty.touch()
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as database, database:
        database.execute("CREATE TABLE other (x)")
    database.close()
    text = tmp_path / "text"
    text.write_text("no journal at all\n" * 100)
    before = contents(killed)
    for file, said in (
        (damaged, "damaged"),
        (empty, "is no journal, it has 0 bytes"),
        (other, "is a database of another program"),
        (text, "damaged .*; restore another one"),
        (tmp_path / "nothing", "cannot be read: No such file"),
        (tmp_path, "cannot be read: Is a directory"),
    ):
        with pytest.raises(JournalError, match=said):
            restore(file, killed, None)
        assert contents(killed) == before


def test_a_server_that_runs_there_is_left_alone(killed: Paths, backup: Path) -> None:
    # Another process has it: locks of our own keep nobody out.
    pid = os.fork()
    if not pid:
        PidFile(killed.state_lock, killed.runtime_dir).acquire()
        os.kill(os.getpid(), 19)
        os._exit(0)
    os.waitpid(pid, os.WUNTRACED)
    before = contents(killed)
    try:
        with pytest.raises(AlreadyRunning, match=f"as pid {pid}, with the runtime directory"):
            restore(backup, killed, None)
        assert contents(killed) == before
    finally:
        os.kill(pid, 9)
        os.waitpid(pid, 0)
