"""Lines with an id of their client's: said once, whatever becomes of the first answer."""

from pathlib import Path

import pytest

from chatd_supervisor.journal import Batch, Fact
from chatd_supervisor.journal.sqlite import SqliteJournal

ID = "a" * 22


def batch(facts: list[Fact], onces: dict[str, int]) -> Batch:
    return Batch(facts, [], [], [], [], [], [], [], 0, onces=onces)


def said(text: str) -> Fact:
    return Fact(1, "ann", "#room", "say", text)


def test_a_line_is_found_by_its_id_also_after_a_restart(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    assert journal.once(ID) is None
    journal.commit(batch([said("zero"), said("one")], {ID: 2}))
    journal.close()
    journal = SqliteJournal(tmp_path / "journal.db")
    found = journal.once(ID)
    assert found is not None
    assert (found.seq, found.text, found.id) == (2, "one", journal.id_of(0))
    assert journal.once("b" * 22) is None
    journal.close()


def test_an_id_is_forgotten_with_its_line(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "journal.db", max_size=1)
    for number in range(3):
        journal.commit(batch([said(f"{number} {place}") for place in range(500)], {f"{number}": 1}))
    while journal.tend() is not None:
        pass
    assert journal.once("0") is None
    journal.close()


@pytest.mark.parametrize("number", ["0", "1"])
def test_ids_that_are_there_twice_are_refused_by_the_journal(tmp_path: Path, number: str) -> None:
    journal = SqliteJournal(tmp_path / "journal.db")
    journal.commit(batch([said("one")], {number: 1}))
    with pytest.raises(OSError, match="UNIQUE"):
        journal.commit(batch([said("two")], {number: 1}))
    found = journal.once(number)
    assert found is not None
    assert found.text == "one"
    journal.close()
