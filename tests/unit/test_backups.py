"""``chatd backup``: whole, of one moment, or not there."""

import functools
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor import backups
from chatd_supervisor.backups import back_up
from chatd_supervisor.journal import Batch, Fact, JournalError
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.paths import PathError

NOTHING = Batch([], [], [], [], [], [], [], [], 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.db"


@pytest.fixture
def journal(path: Path) -> Iterator[SqliteJournal]:
    made = SqliteJournal(path)
    made.commit(said(*["x" * 500] * 2000))
    yield made
    made.close()


@pytest.fixture
def target(tmp_path: Path) -> Path:
    made = tmp_path / "copies" / "copy.db"
    made.parent.mkdir()
    return made


def said(*texts: str) -> Batch:
    return NOTHING._replace(facts=[Fact(1, "alice", "#lobby", "say", text) for text in texts])


def test_a_copy_is_a_journal(journal: SqliteJournal, path: Path, target: Path) -> None:
    assert back_up(path, target) == 2000
    assert list(target.parent.iterdir()) == [target]
    assert target.stat().st_mode & 0o777 == 0o600
    copy = SqliteJournal(target)
    assert copy.load() == journal.load()
    assert copy.read(0, 9999) == journal.read(0, 9999)
    assert copy.commit(said("next")) == 2
    copy.close()


def test_a_server_that_writes_all_the_time_does_not_make_it_begin_anew(
    journal: SqliteJournal, path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks = 0

    class Interrupted(sqlite3.Connection):
        def backup(self, target: sqlite3.Connection, **options: Any) -> None:
            def write(*_: int) -> None:
                nonlocal looks
                looks += 1
                if looks < 500:
                    journal.commit(said("meanwhile"))

            super().backup(target, progress=write, **options)

    monkeypatch.setattr(backups, "COPIED", 10)
    connect = functools.partial(sqlite3.connect, factory=Interrupted)
    monkeypatch.setattr("sqlite3.connect", connect)
    # It is of the moment at which it began.
    assert back_up(path, target) == 2000
    assert 20 < looks < 100


@pytest.mark.usefixtures("journal")
@pytest.mark.parametrize("kind", ["file", "directory", "dangling link"])
def test_nothing_is_replaced(path: Path, target: Path, kind: str) -> None:
    if kind == "file":
        target.write_bytes(b"precious")
    elif kind == "directory":
        target.mkdir()
    else:
        target.symlink_to("nowhere")
    before = target.lstat()
    with pytest.raises(PathError, match=f"{target} exists"):
        back_up(path, target)
    assert target.lstat() == before
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("journal")
def test_a_file_that_comes_meanwhile_is_not_replaced(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_through = backups._look_through

    def slow(copy: sqlite3.Connection) -> None:
        look_through(copy)
        target.write_bytes(b"precious")

    monkeypatch.setattr(backups, "_look_through", slow)
    with pytest.raises(PathError, match="exists"):
        back_up(path, target)
    assert target.read_bytes() == b"precious"
    assert list(target.parent.iterdir()) == [target]


@pytest.mark.usefixtures("journal")
def test_whoever_interrupts_it_finds_nothing(
    path: Path, target: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_copy: sqlite3.Connection) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(backups, "_look_through", interrupted)
    with pytest.raises(KeyboardInterrupt):
        back_up(path, target)
    assert list(target.parent.iterdir()) == []


def test_a_damaged_journal_is_not_copied_as_if_it_were_whole(
    journal: SqliteJournal, path: Path, target: Path
) -> None:
    journal.close()
    data = bytearray(path.read_bytes())
    middle = len(data) // 2 // 4096 * 4096
    data[middle : middle + 4096] = b"\xa5" * 4096
    path.write_bytes(data)
    with pytest.raises(JournalError, match="is damaged") as raised:
        back_up(path, target)
    assert str(raised.value).startswith(str(path))
    assert "\n" not in str(raised.value)
    assert list(target.parent.iterdir()) == []
