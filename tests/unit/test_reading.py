"""Marks of what is read: only on, for all clients of one person, and for nobody else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.hub import reading
from chatd_workers import commands as c
from chatd_workers import events as e
from past import MARKS, START, Place

EARLIER = START - 3_600_000_000


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path / "journal.db") as made:
        yield made


def mark(place: Place, session: int, target: str, time: int | None = None) -> int:
    answer = place.ask(session, c.Markread(target, time))
    assert isinstance(answer, e.ReadMarked)
    assert answer.target == target
    return answer.time


@pytest.mark.parametrize("account", ["", "alice"])
@pytest.mark.parametrize("written", [True, False])
def test_a_mark_only_moves_on(place: Place, account: str, written: bool) -> None:
    alice = place.arrive("alice", *MARKS, account=account)
    assert mark(place, alice, "#nowhere") == 0
    for time, known in ((5, 5), (9, 9), (7, 9), (9, 9)):
        assert mark(place, alice, "#Ops", EARLIER + time) == EARLIER + known
        if written:
            place.tick()
        assert mark(place, alice, "#ops") == EARLIER + known
    assert mark(place, alice, "bob", EARLIER) == EARLIER
    assert mark(place, alice, "BOB") == EARLIER


def test_nothing_is_read_before_it_is_said(place: Place) -> None:
    alice = place.arrive("alice", *MARKS)
    assert mark(place, alice, "#ops", START * 2) == place.now


def test_an_accounts_marks_last_and_those_of_others_go_with_them(place: Place) -> None:
    alice = place.arrive("alice", *MARKS, account="alice")
    guest = place.arrive("guest", *MARKS)
    for number in (alice, guest):
        mark(place, number, "#ops", EARLIER)
        place.do(number, c.Depart("bye"))
    place.tick()
    place.again()
    guest = place.arrive("guest", *MARKS)
    assert mark(place, guest, "#ops") == 0
    place.log_in(guest, "guest")
    assert mark(place, guest, "#ops") == 0
    again = place.arrive("alice_", *MARKS, account="ALICE")
    assert mark(place, again, "#ops") == EARLIER
    reader = place.journal.strands
    assert [reader.marks(who) for who in ("1", "2", "@alice")] == [0, 0, 1]


def test_all_clients_of_the_account_are_told_and_nobody_else(place: Place) -> None:
    alice = place.arrive("alice", *MARKS, account="alice")
    other = place.arrive("alice_", *MARKS, account="Alice")
    without = place.arrive("alice__", account="alice")
    strangers = [place.arrive("bob", *MARKS, account="bob"), place.arrive("guest", *MARKS)]
    place.heard.clear()
    marked = e.ReadMarked("#ops", EARLIER)
    labeled = place.ask(alice, c.Labeled("x", c.Markread("#ops", EARLIER)))
    assert labeled == e.Answered("x", (marked,))
    assert place.heard[other] == [marked]
    for nobody in (without, *strangers):
        assert not place.heard.get(nobody)
    # What is known is not told again, and a question is nobody else's business.
    mark(place, alice, "#ops", EARLIER)
    mark(place, alice, "#ops")
    assert place.heard[other] == [marked]
    place.heard.clear()
    mark(place, strangers[1], "#ops", EARLIER)
    assert list(place.heard) == [strangers[1]]


def test_whoever_comes_into_a_room_is_told_before_the_names(place: Place) -> None:
    alice = place.arrive("alice", *MARKS)
    for time in (0, EARLIER):
        told = [type(event) for event in place.do(alice, c.Enter(["#Ops"]))]
        assert told.index(e.Joined) < told.index(e.ReadMarked) < told.index(e.NamesListed)
        assert e.ReadMarked("#Ops", time) in place.heard[alice]
        mark(place, alice, "#ops", EARLIER)
        place.do(alice, c.Part(["#ops"]))
    place.do(place.arrive("bob"), c.Enter(["#ops"]))
    assert not any(isinstance(event, e.ReadMarked) for event in place.heard[2])


@pytest.mark.parametrize("target", ["", "*", "#", "a b", "x\x1b", "#\udcff"])
def test_only_what_can_be_called_so(place: Place, target: str) -> None:
    alice = place.arrive("alice", *MARKS)
    answer = place.ask(alice, c.Markread(target, EARLIER))
    assert isinstance(answer, e.Refused)
    assert answer.problem == "markread-invalid"
    assert place.hub.facts[-1].kind != "read"


def test_not_more_than_one_can_want(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_MARKS", 3)
    alice = place.arrive("alice", *MARKS, account="alice")
    for room in ("#a", "#b", "#c"):
        mark(place, alice, room, EARLIER)
    place.tick()
    refused = e.Refused("markread-failed", "#d", "", "alice")
    assert place.ask(alice, c.Markread("#d", EARLIER)) == refused
    assert mark(place, alice, "#c", EARLIER + 1) == EARLIER + 1
