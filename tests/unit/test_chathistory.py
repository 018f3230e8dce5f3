"""CHATHISTORY: every part of what was said, to whom it may be shown, and each line once."""

from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_supervisor.hub import Rules
from chatd_supervisor.journal import JournalError
from chatd_workers import commands as c
from chatd_workers import events as e
from past import HISTORY, LATEST, PLAYBACK, START, Place, by_id, by_time, say

ROOM = "#Ops"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path / "journal.db") as made:
        yield made


@pytest.fixture
def alice(place: Place) -> int:
    """Somebody who has said ten lines in a room, a tick each, and is there still."""
    number = place.arrive("alice", *HISTORY)
    place.do(number, c.Enter([ROOM]))
    for n in range(10):
        place.do(number, say(ROOM, f"{n}"))
        place.tick()
    return number


SELECTORS = pytest.mark.parametrize("by", [by_id, by_time])
By = Callable[[e.Past], c.Selector]


class TestWhatIsAskedFor:
    @SELECTORS
    def test_before_and_after_a_line(self, place: Place, alice: int, by: By) -> None:
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 50)
        assert [line.text for line in lines] == [f"{n}" for n in range(10)]
        middle = by(lines[6])
        assert place.texts(alice, "BEFORE", ROOM, middle, 50) == ["0", "1", "2", "3", "4", "5"]
        assert place.texts(alice, "BEFORE", ROOM, middle, 2) == ["4", "5"]
        assert place.texts(alice, "AFTER", ROOM, middle, 50) == ["7", "8", "9"]
        assert place.texts(alice, "AFTER", ROOM, middle, 2) == ["7", "8"]
        assert place.texts(alice, "BEFORE", ROOM, by(lines[0]), 9) == []
        assert place.texts(alice, "AFTER", ROOM, by(lines[-1]), 9) == []

    @SELECTORS
    def test_the_latest(self, place: Place, alice: int, by: By) -> None:
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 50)
        assert place.texts(alice, "LATEST", ROOM, LATEST, 3) == ["7", "8", "9"]
        assert place.texts(alice, "LATEST", ROOM, by(lines[4]), 50) == ["5", "6", "7", "8", "9"]
        assert place.texts(alice, "LATEST", ROOM, by(lines[4]), 1) == ["9"]

    @SELECTORS
    def test_between_two_lines_counted_from_the_first(
        self, place: Place, alice: int, by: By
    ) -> None:
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 50)
        first, last = by(lines[1]), by(lines[8])
        inside = ["2", "3", "4", "5", "6", "7"]
        for one, other in ((first, last), (last, first)):
            assert place.texts(alice, "BETWEEN", ROOM, one, other, 50) == inside
            assert place.texts(alice, "BETWEEN", ROOM, one, one, 50) == []
        assert place.texts(alice, "BETWEEN", ROOM, first, last, 3) == ["2", "3", "4"]
        assert place.texts(alice, "BETWEEN", ROOM, last, first, 3) == ["5", "6", "7"]

    @SELECTORS
    @pytest.mark.parametrize(
        ("line", "found"),
        [
            (7, "7"),
            (7, "67"),
            (7, "678"),
            (7, "0123456789"),
            (0, "0123"),
            (9, "6789"),
            (8, "56789"),
        ],
    )
    def test_around_a_line(self, place: Place, alice: int, by: By, line: int, found: str) -> None:
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 50)
        around = place.texts(alice, "AROUND", ROOM, by(lines[line]), len(found))
        assert "".join(around) == found

    def test_times_between_lines_are_places_too(self, place: Place, alice: int) -> None:
        assert place.texts(alice, "AFTER", ROOM, c.Selector(time=1), 2) == ["0", "1"]
        assert place.texts(alice, "AFTER", ROOM, c.Selector(), 2) == ["0", "1"]
        assert place.texts(alice, "BEFORE", ROOM, c.Selector(time=1), 2) == []
        assert place.texts(alice, "BEFORE", ROOM, c.Selector(time=place.now << 1), 2) == ["8", "9"]
        assert place.texts(alice, "AFTER", ROOM, c.Selector(time=place.now << 1), 2) == []

    def test_no_more_than_the_server_allows(self, place: Place, alice: int) -> None:
        place.hub.rules = Rules(history_lines=4)
        assert place.texts(alice, "LATEST", ROOM, LATEST, 1_000_000) == ["6", "7", "8", "9"]
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 4)
        assert len(place.lines(alice, "AROUND", ROOM, by_id(lines[0]), 1_000_000)) == 4

    def test_none_of_a_millisecond_is_left_out_unless_an_id_is_given(
        self, place: Place, alice: int
    ) -> None:
        place.hub.rules = Rules(history_lines=4)
        many = [f"{n}" for n in range(10, 40)]
        place.do(alice, *[say(ROOM, text) for text in many])
        assert place.texts(alice, "LATEST", ROOM, LATEST, 2) == many
        place.tick()
        place.do(alice, say(ROOM, "last"))
        last = place.lines(alice, "LATEST", ROOM, LATEST, 1)
        assert [line.text for line in last] == ["last"]
        assert place.texts(alice, "LATEST", ROOM, LATEST, 2) == [*many, "last"]
        assert place.texts(alice, "BEFORE", ROOM, by_time(last[0]), 1) == many
        before = by_time(place.lines(alice, "BEFORE", ROOM, by_time(last[0]), 1)[0])
        assert place.texts(alice, "BEFORE", ROOM, before, 1) == ["9"]
        assert place.texts(alice, "AROUND", ROOM, before, 1) == many
        ninth = place.lines(alice, "BEFORE", ROOM, before, 1)[0]
        assert place.texts(alice, "AFTER", ROOM, by_time(ninth), 1) == many
        assert place.texts(alice, "AFTER", ROOM, by_id(ninth), 1) == ["10"]
        assert place.texts(alice, "BEFORE", ROOM, by_id(last[0]), 1) == ["39"]

    def test_what_was_said_in_the_same_tick(self, place: Place, alice: int) -> None:
        place.do(alice, say(ROOM, "now"), say(ROOM, "and now"))
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 3)
        assert [line.text for line in lines] == ["9", "now", "and now"]
        now = place.now
        for by in (by_id, by_time):
            assert place.texts(alice, "AFTER", ROOM, by(lines[0]), 9) == ["now", "and now"]
        assert place.texts(alice, "BEFORE", ROOM, by_id(lines[2]), 1) == ["now"]
        assert place.texts(alice, "AFTER", ROOM, c.Selector(time=now + 1000), 9) == []
        place.tick()
        # It has the times and ids that it was shown with.
        assert place.lines(alice, "LATEST", ROOM, LATEST, 3) == lines

    def test_after_a_restart_all_is_the_same(self, place: Place, alice: int) -> None:
        lines = place.lines(alice, "LATEST", ROOM, LATEST, 50)
        place.again()
        assert place.lines(alice, "AROUND", ROOM, by_id(lines[5]), 50) == lines

    def test_it_can_be_labeled(self, place: Place, alice: int) -> None:
        entry = c.Chathistory("LATEST", ROOM, LATEST, None, 1)
        answer = place.ask(alice, c.Labeled("x", entry))
        assert isinstance(answer, e.Answered)
        (shown,) = answer.events
        assert isinstance(shown, e.HistoryShown)
        assert [line.text for line in shown.lines] == ["9"]


class TestWhatIsRefused:
    @pytest.mark.parametrize("target", ["#nowhere", "#Others", "", "*", "#", "a b", "-x"])
    @pytest.mark.parametrize("verb", ["LATEST", "BEFORE", "AFTER", "AROUND", "BETWEEN"])
    def test_where_one_is_not(self, place: Place, alice: int, verb: str, target: str) -> None:
        place.do(place.arrive("bob"), c.Enter(["#Others"]), say("#Others", "secret"))
        place.tick()
        entry = c.Chathistory(verb, target, LATEST, LATEST, 9)  # type: ignore[arg-type]
        assert place.ask(alice, entry) == e.Refused("chathistory-target", target, verb, "alice")

    def test_once_one_has_left(self, place: Place, alice: int) -> None:
        place.do(place.arrive("bob"), c.Enter([ROOM]))
        place.do(alice, c.Part([ROOM]))
        entry = c.Chathistory("LATEST", ROOM, LATEST, None, 9)
        assert place.ask(alice, entry) == e.Refused("chathistory-target", ROOM, "LATEST", "alice")

    @pytest.mark.parametrize("message", ["x", "x-1", "-1", "1", "", "\udcff-1"])
    def test_ids_that_are_not_of_this_journal(self, place: Place, alice: int, message: str) -> None:
        own = place.hub.id_of(1).rpartition("-")[0]
        for name in {message, f"{own}{message}", f"{own}-", f"{own}-x", f"{own}-²"} - {""}:
            entry = c.Chathistory("BEFORE", ROOM, c.Selector(id=name), None, 9)
            if name != f"{own}-1":
                refused = e.Refused("chathistory-failed", ROOM, "BEFORE", "alice")
                assert place.ask(alice, entry) == refused

    def test_if_the_journal_cannot_be_read(
        self, place: Place, alice: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: object) -> None:
            raise JournalError("out of paper")

        monkeypatch.setattr(place.journal.strands, "between", fails)
        monkeypatch.setattr(place.journal.strands, "marked", fails)
        entry = c.Chathistory("LATEST", ROOM, LATEST, None, 9)
        assert place.ask(alice, entry) == e.Refused("chathistory-failed", ROOM, "LATEST", "alice")
        entry = c.Chathistory("TARGETS", "", c.Selector(time=1), c.Selector(time=START * 2), 9)
        assert place.ask(alice, entry) == e.Refused("chathistory-failed", "*", "TARGETS", "alice")
        refused = e.Refused("markread-failed", ROOM, "", "alice")
        assert place.ask(alice, c.Markread(ROOM)) == refused


class TestSealing:
    """What was said in a closed room is not for whoever makes one of that name later."""

    @pytest.mark.parametrize("written", [True, False])
    @pytest.mark.parametrize("closed", [{"key": "x"}, {"modes": "in"}, {"modes": "R"}, {}])
    @pytest.mark.parametrize("end", [c.Part([ROOM]), c.LeaveAll(), c.Depart("bye")])
    def test_if_not_everybody_could_come_in(
        self, place: Place, alice: int, end: c.Entry, closed: dict[str, str], written: bool
    ) -> None:
        room = place.hub.rooms["#ops"]
        place.hub.change_in(place.hub.sessions[alice], room, "access", **closed)
        bob = place.arrive("bob", *PLAYBACK)
        place.hub.change_in(place.hub.sessions[bob], room, "join")
        place.do(bob, say(ROOM, "last"), c.Part([ROOM]))
        assert place.texts(alice, "LATEST", ROOM, LATEST, 50)[-2:] == ["9", "last"]
        place.do(alice, end)
        if written:
            place.tick()
        place.do(bob, c.Enter([ROOM]), say(ROOM, "new"))
        place.hub.change_in(place.hub.sessions[bob], "#ops", "topic", "tea")
        seen = ["new", "tea"] if closed else [*"0123456789", "last", "new", "tea"]
        for _ in range(2):
            lines = place.lines(bob, "LATEST", ROOM, LATEST, 50)
            assert [line.text for line in lines if line.kind in ("say", "topic")] == seen
            assert place.texts(bob, "BEFORE", ROOM, by_id(lines[-1]), 50)[-1] == "new"
            past = place.hub.past
            assert [entry.text for entry in past.last("#OPS", 50)] == seen
            place.tick()
        found = past.search("last", ROOM, 9).entries
        assert [entry.text for entry in found] == ["last"] * (not closed)
        # Rooms of other names are others.
        carol = place.arrive("carol", *HISTORY)
        place.do(carol, c.Enter(["#dev"]), say("#dev", "x"))
        assert place.texts(carol, "LATEST", "#dev", LATEST, 9) == ["x"]

    def test_nothing_was_missed_of_what_is_sealed(self, place: Place, alice: int) -> None:
        bob = place.arrive("bob")
        place.do(bob, c.Depart("bye"))
        place.do(alice, say(ROOM, "secret"))
        place.tick()
        assert place.hub.past.missed("bob", ROOM, 9)[1] == 1
        place.hub.change_in(place.hub.sessions[alice], ROOM, "access", key="x")
        place.do(alice, c.Part([ROOM]), c.Enter([ROOM]), say(ROOM, "new"))
        for _ in range(2):
            found, total = place.hub.past.missed("bob", ROOM, 9)
            assert ([entry.text for entry in found], total) == (["new"], 1)
            place.tick()


class TestKinds:
    def test_without_event_playback_only_what_was_said(self, place: Place, alice: int) -> None:
        bob = place.arrive("bob", *PLAYBACK)
        place.do(bob, c.Enter([ROOM]))
        place.do(alice, c.Topic("tea", ROOM))
        place.do(alice, c.Send("act", [ROOM], "waves"), c.Send("notice", [ROOM], "psst"))
        place.do(alice, c.Send("tag", [ROOM], "", {"draft/react": "+1", "draft/reply": "x"}))
        place.do(alice, c.Send("tag", [ROOM], "", {"typing": "active"}))
        place.do(alice, c.Send("say", [f"@{ROOM}"], "for operators"))
        place.do(alice, c.Rename("alicia"))
        place.do(bob, c.Part([ROOM], "bye"), c.Enter([ROOM]))
        place.do(alice, c.Depart("gone"))
        place.tick()
        carol = place.arrive("carol", *HISTORY)
        place.do(carol, c.Enter([ROOM]))
        place.tick()
        lines = place.lines(carol, "AFTER", ROOM, LATEST, 200)[10:]
        assert [(line.kind, line.text) for line in lines] == [("act", "waves"), ("notice", "psst")]
        lines = place.lines(bob, "LATEST", ROOM, LATEST, 10)
        assert [(line.kind, line.nick, line.text) for line in lines] == [
            ("join", "bob", ""),
            ("topic", "alice", "tea"),
            ("act", "alice", "waves"),
            ("notice", "alice", "psst"),
            ("tag", "alice", ""),
            ("nick", "alice", "alicia"),
            ("part", "bob", "bye"),
            ("join", "bob", ""),
            ("depart", "alicia", "gone"),
            ("join", "carol", ""),
        ]
        assert lines[4].tags == (("draft/react", "+1"), ("draft/reply", "x"))

    def test_who_did_it_by_all_names(self, place: Place, alice: int) -> None:
        place.log_in(alice, "Alice")
        bob = place.arrive("bob", *PLAYBACK)
        place.do(bob, c.Enter([ROOM]))
        place.do(alice, c.Topic("tea", ROOM), c.Rename("alicia"), say(ROOM, "x"))
        place.do(alice, c.Part([ROOM]))
        place.tick()
        *_, topic, nick, line, part = place.lines(bob, "LATEST", ROOM, LATEST, 50)
        source = e.Source("alice", "~alice", "10.0.0.1", "Alice")
        assert topic.source == nick.source == source
        assert line.source == part.source == e.Source("alicia", "~alice", "10.0.0.1", "Alice")

    def test_in_all_rooms_of_who_is_called_otherwise_and_in_no_other(
        self, place: Place, alice: int
    ) -> None:
        bob = place.arrive("bob", *PLAYBACK)
        place.do(bob, c.Enter([ROOM, "#dev", "#else"]))
        place.do(alice, c.Enter(["#DEV"]), c.Rename("alicia"), c.Depart("bye"))
        place.tick()
        for room, kinds in ((ROOM, ["nick", "depart"]), ("#dev", ["nick", "depart"])):
            lines = place.lines(bob, "LATEST", room, LATEST, 9)
            assert [line.kind for line in lines[-2:]] == kinds
        assert [line.kind for line in place.lines(bob, "LATEST", "#else", LATEST, 9)] == ["join"]

    def test_who_comes_by_other_dialects_comes_too(self, place: Place) -> None:
        alice = place.arrive("alice", *PLAYBACK)
        place.do(alice, c.Enter(["#lobby"]))
        place.do(99, c.Arrive("text", "10.0.0.2"), c.Rename("zoe"), c.Say("hello"))
        lines = place.lines(alice, "LATEST", "#lobby", LATEST, 9)
        assert [(line.kind, line.nick) for line in lines] == [
            ("join", "alice"),
            ("join", "guest1"),
            ("nick", "guest1"),
            ("say", "zoe"),
        ]
        assert lines[1].source == e.Source("guest1", "guest1", "10.0.0.2")


class TestPrivate:
    def test_both_directions_and_nobody_elses(self, place: Place) -> None:
        alice, bob, carol = (place.arrive(nick, *HISTORY) for nick in ("alice", "Bob", "carol"))
        place.do(alice, say("bob", "one"), say("carol", "secret"))
        place.tick()
        place.do(bob, say("ALICE", "two"))
        lines = place.lines(alice, "LATEST", "BOB", LATEST, 9)
        assert [(line.text, line.nick, line.room) for line in lines] == [
            ("one", "alice", "Bob"),
            ("two", "Bob", "alice"),
        ]
        assert place.lines(bob, "LATEST", "alice", LATEST, 9) == lines
        assert place.texts(carol, "LATEST", "alice", LATEST, 9) == ["secret"]
        assert place.texts(carol, "LATEST", "bob", LATEST, 9) == []
        assert place.texts(alice, "AFTER", "bob", by_id(lines[0]), 9) == ["two"]
        assert place.texts(alice, "LATEST", "nobody", LATEST, 9) == []

    def test_to_oneself(self, place: Place) -> None:
        alice = place.arrive("alice", *HISTORY, account="alice")
        place.do(alice, say("alice", "note"))
        assert place.texts(alice, "LATEST", "alice", LATEST, 9) == ["note"]
        place.tick()
        assert place.texts(alice, "LATEST", "alice", LATEST, 9) == ["note"]

    def test_an_account_reads_what_it_was_told_earlier_and_nobody_else_of_the_nick(
        self, place: Place
    ) -> None:
        alice = place.arrive("alice", *HISTORY, account="alice")
        guest = place.arrive("guest", *HISTORY)
        place.do(alice, say("guest", "for your eyes"))
        place.do(guest, say("alice", "thanks"), c.Depart("bye"))
        place.do(alice, c.Depart("bye"))
        place.tick()
        place.again()
        # Whoever has the name of a guest now, and even an account of that name, is another.
        guest = place.arrive("guest", *HISTORY)
        assert place.texts(guest, "LATEST", "alice", LATEST, 9) == []
        place.log_in(guest, "guest")
        assert place.texts(guest, "LATEST", "alice", LATEST, 9) == []
        # And whoever has the nick without the account is another as well.
        thief = place.arrive("alice", *HISTORY)
        assert place.texts(thief, "LATEST", "guest", LATEST, 9) == []
        owner = place.arrive("alice2", *HISTORY, account="ALICE")
        assert place.texts(owner, "LATEST", "guest", LATEST, 9) == ["for your eyes", "thanks"]

    def test_what_was_said_before_one_has_logged_in(self, place: Place) -> None:
        alice, bob = place.arrive("alice", *HISTORY), place.arrive("bob", *HISTORY)
        place.do(alice, say("bob", "one"))
        place.tick()
        place.log_in(alice, "alice")
        place.do(alice, say("bob", "two"))
        place.tick()
        assert place.texts(alice, "LATEST", "bob", LATEST, 9) == ["one", "two"]
        assert place.texts(bob, "LATEST", "alice", LATEST, 9) == ["one", "two"]

    def test_kinds(self, place: Place) -> None:
        alice, bob = place.arrive("alice", *PLAYBACK), place.arrive("bob", *HISTORY)
        place.do(alice, c.Send("act", ["bob"], "waves"), c.Send("notice", ["bob"], "psst"))
        place.do(alice, c.Send("tag", ["bob"], "", {"draft/react": "+1"}))
        place.do(alice, c.Send("tag", ["bob"], "", {"draft/typing": "active", "reply": "x"}))
        for _ in range(2):
            lines = place.lines(alice, "LATEST", "bob", LATEST, 9)
            assert [line.kind for line in lines] == ["act", "notice", "tag"]
            assert lines[2].tags == (("draft/react", "+1"),)
            lines = place.lines(bob, "LATEST", "alice", LATEST, 9)
            assert [line.kind for line in lines] == ["act", "notice"]
            place.tick()


def targets(place: Place, session: int, first: int, second: int, limit: int = 9) -> list[str]:
    entry = c.Chathistory("TARGETS", "", c.Selector(time=first), c.Selector(time=second), limit)
    answer = place.ask(session, entry)
    assert isinstance(answer, e.TargetsShown)
    return [name for name, _ in answer.targets]


class TestTargets:
    def test_by_the_time_of_the_last_line(self, place: Place) -> None:
        alice = place.arrive("alice", *HISTORY, account="alice")
        bob = place.arrive("Bob", *HISTORY)
        place.do(alice, c.Enter(["#One", "#two", "#silent"]))
        place.do(bob, c.Enter(["#one", "#others"]))
        for entry in (say("bob", "x"), say("#one", "x"), say("#two", "x")):
            place.do(alice, entry)
            place.tick(10_000)
        place.do(bob, say("#others", "x"))
        place.do(bob, say("alice", "x"), c.Topic("not said", "#one"))
        end = place.now + 1000
        for _ in range(2):
            assert targets(place, alice, 1, end) == ["#One", "#two", "Bob"]
            assert targets(place, alice, 1, end, 1) == ["#One"]
            assert targets(place, alice, end, 1, 2) == ["#two", "Bob"]
            # Neither of the times themselves.
            assert targets(place, alice, START + 10_000, place.now) == ["#two"]
            assert targets(place, alice, 1, START) == []
            assert targets(place, bob, 1, end) == ["#One", "#others", "alice"]
            place.tick(0)

    @pytest.mark.parametrize("written", [True, False])
    def test_none_of_a_millisecond_is_left_out(self, place: Place, written: bool) -> None:
        alice = place.arrive("alice", *HISTORY)
        for nick in ("bob", "carol", "dave", "erin", "frank"):
            place.arrive(nick)
        place.do(alice, say("bob", "x"))
        place.tick()
        place.do(alice, *[say(nick, "x") for nick in ("carol", "dave", "erin")])
        place.do(alice, c.Enter([ROOM]), say(ROOM, "x"))
        place.tick()
        place.do(alice, say("frank", "x"))
        if written:
            place.tick()
        end = place.now + 1000
        moment = ["carol", "dave", "erin", ROOM]
        assert targets(place, alice, 1, end, 1) == ["bob"]
        assert targets(place, alice, 1, end, 2) == ["bob", *moment]
        assert targets(place, alice, 1, end, 5) == ["bob", *moment]
        assert targets(place, alice, end, 1, 1) == ["frank"]
        assert targets(place, alice, end, 1, 3) == [*moment, "frank"]
        assert targets(place, alice, end, 1, 6) == ["bob", *moment, "frank"]

    def test_people_are_as_many_as_one_likes(self, place: Place) -> None:
        alice = place.arrive("alice", *HISTORY)
        for n in range(30):
            place.arrive(f"Bob{n:02}")
            place.do(alice, say(f"bob{n:02}", "x"))
            place.tick()
        assert targets(place, alice, place.now, 1, 5) == [f"Bob{n}" for n in range(25, 30)]


class TestOnJoining:
    def test_the_last_lines_but_for_whoever_asks_for_them(self, place: Place, alice: int) -> None:
        place.hub.rules = Rules(history_on_join=3)
        place.do(alice, c.Topic("tea", ROOM))
        recalled = [
            event
            for event in place.do(place.arrive("bob"), c.Enter([ROOM]))
            if isinstance(event, e.Recalled)
        ]
        assert [(event.room, event.kind, event.to) for event in recalled] == [
            (ROOM, "joined", "bob")
        ]
        assert [line.text for line in recalled[0].lines] == ["7", "8", "9"]
        heard = place.do(place.arrive("carol", "draft/chathistory"), c.Enter([ROOM]))
        assert not any(isinstance(event, e.Recalled) for event in heard)

    def test_nothing_if_there_is_nothing(self, place: Place) -> None:
        place.hub.rules = Rules(history_on_join=3)
        heard = place.do(place.arrive("bob"), c.Enter([ROOM]))
        assert not any(isinstance(event, e.Recalled) for event in heard)


# Whatever was said whenever, by pages of whatever size

STEPS = st.sampled_from([0, 1, 300, 999, 1000, 5000])
SAID = st.sampled_from([f"{ROOM}", "#ops", "#dev", "bob", "carol", "topic", "join", "nick", "tag"])
TICKS = st.lists(st.tuples(st.lists(SAID, max_size=4), STEPS), max_size=12)


def talk(place: Place, ticks: list[tuple[list[str], int]]) -> int:
    """Let somebody say and do things; return who has seen all of it."""
    alice = place.arrive("alice", *PLAYBACK, account="alice")
    bob = place.arrive("bob", *HISTORY)
    place.arrive("carol")
    place.do(alice, c.Enter([ROOM, "#dev"]))
    numbers = count()
    for what, later in ticks:
        for each in what:
            text = f"{next(numbers)}"
            if each == "topic":
                place.do(alice, c.Topic(text, ROOM))
            elif each == "join":
                place.do(bob, c.Enter([ROOM]), c.Part([ROOM]))
            elif each == "nick":
                place.do(alice, c.Rename(f"alice{text}"))
            elif each == "tag":
                place.do(alice, c.Send("tag", [ROOM, "bob"], "", {"react": text}))
            else:
                place.do(alice, say(each, text))
        place.tick(later)
    return alice


Ask = Callable[[str, c.Selector], list[e.Past]]


def pages(ask: Ask, verb: str, start: c.Selector, by: By) -> Iterator[list[e.Past]]:
    """Page through a conversation as a client does: from the end of each page on."""
    while page := ask(verb, start):
        yield page
        start = by(page[0] if verb == "BEFORE" else page[-1])


@given(TICKS, st.integers(1, 6), st.booleans(), st.sampled_from([ROOM, "#dev", "bob", "carol"]))
@settings(max_examples=60, deadline=None)
def test_paging_meets_every_line_once_in_order(
    tmp_path_factory: pytest.TempPathFactory,
    ticks: list[tuple[list[str], int]],
    size: int,
    unwritten: bool,
    target: str,
) -> None:
    with Place(tmp_path_factory.mktemp("past") / "journal.db") as place:
        reader = talk(place, ticks)
        if unwritten:
            place.do(reader, say(target, "one more"), say(target, "and more"))
        everything = place.lines(reader, "LATEST", target, LATEST, 200)
        assert [line.time for line in everything] == sorted(line.time for line in everything)
        said = sum(each.lower() == target.lower() for what, _ in ticks for each in what)
        assert sum(line.kind == "say" for line in everything) == said + 2 * unwritten

        def ask(verb: str, start: c.Selector) -> list[e.Past]:
            return place.lines(reader, verb, target, start, size)

        end = c.Selector(time=place.now + 10_000)
        for by in (by_id, by_time):
            on = list(pages(ask, "AFTER", c.Selector(), by))
            assert [line for page in on for line in page] == everything
            back = list(pages(ask, "BEFORE", end, by))
            assert [line for page in reversed(back) for line in page] == everything
            latest = ask("LATEST", LATEST)
            rest = list(pages(ask, "BEFORE", by(latest[0]), by)) if latest and by is by_time else []
            if by is by_time:
                assert [line for page in reversed([latest, *rest]) for line in page] == everything
            for found in (on, back):
                assert all(len(page) >= size for page in found[:-1])
                if by is by_id:
                    assert all(len(page) == size for page in found[1:-1])


@given(TICKS, st.integers(1, 6), st.data())
@settings(max_examples=40, deadline=None)
def test_parts_of_a_conversation_are_what_they_are_called(
    tmp_path_factory: pytest.TempPathFactory,
    ticks: list[tuple[list[str], int]],
    size: int,
    data: st.DataObject,
) -> None:
    with Place(tmp_path_factory.mktemp("past") / "journal.db") as place:
        reader = talk(place, ticks)
        lines = place.lines(reader, "LATEST", ROOM, LATEST, 200)
        a, b = (data.draw(st.integers(0, len(lines) - 1)) for _ in range(2))
        one, other = by_id(lines[a]), by_id(lines[b])
        assert place.lines(reader, "BEFORE", ROOM, one, size) == lines[:a][-size:]
        assert place.lines(reader, "AFTER", ROOM, one, size) == lines[a + 1 :][:size]
        assert place.lines(reader, "LATEST", ROOM, one, size) == lines[a + 1 :][-size:]
        between = lines[a + 1 : b][:size] if a <= b else lines[b + 1 : a][-size:]
        assert place.lines(reader, "BETWEEN", ROOM, one, other, size) == between
        around = place.lines(reader, "AROUND", ROOM, one, size)
        assert lines[a] in around
        assert len(around) == min(size, len(lines))
        assert around == lines[lines.index(around[0]) :][: len(around)]
