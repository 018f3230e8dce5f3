"""The hub: who hears what, and rules that no order of entries can break."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from msgspec import structs

import account_samples
from chatd_supervisor.hub import Delivery, Hub, Leaving, Rules
from chatd_supervisor.hub.ownership import is_reserved
from chatd_supervisor.journal.accounts import Added, Removed
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold, is_nick, is_passable, is_safe
from hub_entries import PROLOGUE, RULES, apply, commands

S = e.Source


def bare(event: e.Event) -> e.Event:
    """Return ``event`` without times, ids, and all names of its source but the nick."""
    fields: dict[str, Any] = {"stamp": e.Stamp(), "to": "*", "by": "", "at": 0}
    if isinstance(source := getattr(event, "source", None), e.Source):
        fields["source"] = S(source.nick)
    known = event.__struct_fields__
    return structs.replace(event, **{name: fields[name] for name in fields if name in known})


class People:
    """A hub, and what each session has heard, bare."""

    def __init__(self, rules: Rules | None = None) -> None:
        self.hub = Hub(rules or Rules())
        self.heard: dict[int, list[e.Event]] = {}

    def do(self, session: int, entry: c.Entry) -> list[Any]:
        outcomes = apply(self.hub, session, entry)
        for outcome in outcomes:
            if isinstance(outcome, Delivery):
                for listener in outcome.audience.sessions:
                    if listener is not outcome.but:
                        self.heard.setdefault(listener.id, []).append(bare(outcome.event))
        return outcomes

    def arrive(self, *nicks: str) -> None:
        for number, nick in enumerate(nicks, 1):
            self.do(number, c.Arrive("text"))
            self.do(number, c.Rename(nick))
        self.heard.clear()


@pytest.fixture
def people() -> People:
    people = People()
    people.arrive("alice", "bob", "carol")
    return people


def test_a_newcomer_is_welcomed_and_announced() -> None:
    people = People()
    people.do(1, c.Arrive("text"))
    people.do(2, c.Arrive("text"))
    assert people.heard[1][-1] == e.Joined(S("guest2"), "#lobby")
    assert people.heard[2] == [
        e.Welcomed("chatd", "guest2", "#lobby", "", ("guest1",), 2),
        e.Hinted(),
    ]


def test_what_is_said_is_heard_by_all_in_the_room_the_speaker_too(people: People) -> None:
    people.do(1, c.Say("hello"))
    assert people.heard == {n: [e.Said(S("alice"), "#lobby", "hello")] for n in (1, 2, 3)}


def test_rooms_are_apart(people: People) -> None:
    people.do(2, c.Join("#ops"))
    people.heard.clear()
    people.do(2, c.Say("secret"))
    assert people.heard == {2: [e.Said(S("bob"), "#ops", "secret")]}


def test_moving_is_told_on_both_sides(people: People) -> None:
    people.do(1, c.Join("#ops"))
    people.heard.clear()
    people.do(2, c.Join("#ops"))
    assert people.heard[3] == [e.Left(S("bob"), "#lobby", "went to #ops")]
    assert people.heard[1] == [e.Joined(S("bob"), "#ops")]
    assert people.heard[2] == [e.Entered("#ops", "", ("alice",), 2)]


def test_a_room_is_gone_with_its_last_member_and_the_lobby_never(people: People) -> None:
    people.do(1, c.Join("#ops"))
    assert set(people.hub.rooms) == {"#lobby", "#ops"}
    people.do(1, c.Leave())
    assert set(people.hub.rooms) == {"#lobby"}
    for number in (1, 2, 3):
        people.do(number, c.Depart("gone"))
    assert set(people.hub.rooms) == {"#lobby"}


def test_a_private_line_is_heard_by_two(people: People) -> None:
    people.do(1, c.Tell("BOB", "psst"))
    told = e.Told(S("alice"), "bob", "psst")
    assert people.heard == {1: [told], 2: [told]}
    people.heard.clear()
    people.do(1, c.Tell("alice", "note to self"))
    assert people.heard == {1: [e.Told(S("alice"), "alice", "note to self")]}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        (c.Rename("bob"), "nick-in-use"),
        (c.Rename("BOB"), "nick-in-use"),
        (c.Rename("a b"), "nick-invalid"),
        (c.Rename(""), "nick-invalid"),
        (c.Rename("x" * 25), "nick-too-long"),
        (c.Join("#"), "room-invalid"),
        (c.Join("nohash"), "room-invalid"),
        (c.Join("#" + "x" * 32), "room-too-long"),
        (c.Join("#LOBBY"), "already-there"),
        (c.Leave(), "in-lobby"),
        (c.Tell("nobody", "x"), "nick-unknown"),
        (c.Who("#nowhere"), "room-unknown"),
        (c.Topic("x" * 301), "topic-too-long"),
        (c.Say("\x1b[2J"), "text-unsafe"),
        (c.Act("\x07"), "text-unsafe"),
        (c.Tell("bob", "\n"), "text-unsafe"),
        (c.Topic("\u202e"), "text-unsafe"),
        (c.Refuse("unknown-command", "/x\x1b"), "unknown-command"),
    ],
)
def test_what_is_refused_disturbs_nobody_else(
    people: People, entry: c.Command, problem: str
) -> None:
    people.do(1, entry)
    assert list(people.heard) == [1]
    (refused,) = people.heard[1]
    assert isinstance(refused, e.Refused)
    assert refused.problem == problem
    assert is_safe(refused.value)


def test_the_number_of_rooms_is_limited() -> None:
    people = People(Rules(max_rooms=2))
    people.arrive("alice", "bob")
    people.do(1, c.Join("#ops"))
    people.do(2, c.Join("#dev"))
    assert people.heard[2][-1] == e.Refused("rooms-full", "2", "#dev")


def test_the_number_of_rooms_from_one_network_is_limited() -> None:
    people = People(Rules(rooms_per_network=1))
    networks = {1: "192.0.2.1", 2: "192.0.2.1", 3: "192.0.2.3", 4: ""}
    people.hub.network_of = networks.__getitem__
    people.arrive("alice", "bob", "carol", "exempt")
    people.do(1, c.Join("#ops"))
    people.do(2, c.Join("#dev"))
    assert people.heard[2][-1] == e.Refused("network-rooms-full", "1", "#dev")
    people.do(2, c.Join("#ops"))
    people.do(3, c.Join("#dev"))
    people.do(4, c.Join("#a"))
    assert people.hub.rooms["#dev"].record.network == "192.0.2.3"
    people.do(4, c.Join("#b"))
    assert people.hub.state.rooms_from == {"192.0.2.1": 1, "192.0.2.3": 1}
    # Whoever is in it, it counts for where it was made, until it is gone.
    people.do(1, c.Leave())
    people.do(1, c.Join("#a"))
    assert people.heard[1][-1] == e.Refused("network-rooms-full", "1", "#a")
    people.do(2, c.Leave())
    people.do(1, c.Join("#a"))
    assert people.hub.rooms.keys() == {"#lobby", "#dev", "#b", "#a"}


def test_one_can_spell_ones_own_name_anew(people: People) -> None:
    people.do(1, c.Rename("Alice"))
    assert people.heard[3] == [e.Renamed(S("alice"), "Alice")]


def test_topics(people: People) -> None:
    people.do(1, c.Topic("tea"))
    people.do(2, c.Topic(None))
    people.do(3, c.Topic(""))
    assert people.heard[2] == [
        e.TopicChanged(S("alice"), "#lobby", "tea"),
        e.TopicShown("#lobby", "tea"),
        e.TopicChanged(S("carol"), "#lobby", ""),
    ]


def test_comings_and_goings_are_not_told_in_a_crowd() -> None:
    people = People(Rules(announce_members=2))
    people.arrive("alice", "bob", "carol")
    people.do(4, c.Arrive("text"))
    people.do(3, c.Rename("caroline"))
    people.do(2, c.Depart("gone"))
    assert people.heard.get(1) is None
    assert people.heard[3] == [e.Renamed(S("carol"), "caroline")]


def test_quitting_asks_the_master(people: People) -> None:
    assert people.do(1, c.Quit("bye")) == [Leaving(1, "bye", cause="quit")]
    people.do(1, c.Depart("bye"))
    assert people.heard[2] == [e.Departed(S("alice"), "bye", "#lobby")]


class TestTheLabsClient:
    """``pseudo : text``."""

    def test_names_a_guest_and_says_the_text(self) -> None:
        people = People()
        people.do(1, c.Arrive("text"))
        people.heard.clear()
        people.do(1, c.SayAs("alice", "bonjour"))
        people.do(1, c.SayAs("alice", "encore"))
        assert people.heard[1] == [
            e.Renamed(S("guest1"), "alice"),
            e.Said(S("alice"), "#lobby", "bonjour"),
            e.Said(S("alice"), "#lobby", "encore"),
        ]

    def test_at_its_end_says_nothing(self, people: People) -> None:
        people.do(1, c.SayAs("alice", ""))
        assert people.heard == {}

    def test_whose_name_is_taken_speaks_as_a_guest_and_is_told_once(self, people: People) -> None:
        people.do(4, c.Arrive("text"))
        guest = people.hub.sessions[4].nick
        people.heard.clear()
        people.do(4, c.SayAs("alice", "one"))
        people.do(4, c.SayAs("alice", "two"))
        assert people.heard[4] == [
            e.Refused("nick-in-use", "alice", "alice"),
            e.Said(S(guest), "#lobby", "one"),
            e.Said(S(guest), "#lobby", "two"),
        ]
        people.do(1, c.Depart("gone"))
        people.do(4, c.SayAs("alice", "three"))
        assert people.heard[4][-2:] == [
            e.Renamed(S(guest), "alice"),
            e.Said(S("alice"), "#lobby", "three"),
        ]

    def test_from_somebody_with_another_name_it_is_just_text(self, people: People) -> None:
        people.do(2, c.SayAs("note", "this"))
        people.do(2, c.SayAs("note", ""))
        assert people.heard[1] == [
            e.Said(S("bob"), "#lobby", "note : this"),
            e.Said(S("bob"), "#lobby", "note :"),
        ]


def test_a_refusal_that_is_not_in_the_table_is_not_passed_on(people: People) -> None:
    assert people.do(1, c.Refuse("made-up", "x")) == []


some_names = st.sampled_from(["alice", "ALICE", "bob", "#ops", "#dev", "#OPS", "x y", "\x1b", ""])
some_texts = st.sampled_from(["hi", "", "\x00", "x" * 400])
entries: st.SearchStrategy[c.Command] = st.one_of(
    st.builds(c.Say, some_texts),
    st.builds(c.SayAs, some_names, some_texts),
    st.builds(c.Act, some_texts),
    st.builds(c.Tell, some_names, some_texts),
    st.builds(c.Rename, some_names),
    st.builds(c.Join, some_names),
    st.just(c.Leave()),
    st.builds(c.Who, some_names),
    st.just(c.Rooms()),
    st.builds(c.Topic, st.none() | some_texts),
    st.just(c.Help()),
    st.builds(c.Quit, some_texts),
    st.builds(c.Refuse, st.sampled_from(["nick-in-use", "bogus"]), some_texts),
    commands(some_names, some_names, some_texts),
)


def told(outcomes: list[Any]) -> list[Any]:
    return [
        (o.event, [s.id for s in o.audience.sessions if s is not o.but])
        if isinstance(o, Delivery)
        else o
        for o in outcomes
    ]


class Anything(RuleBasedStateMachine):
    """Whatever is done in whatever order, the hub's books agree."""

    def __init__(self) -> None:
        super().__init__()
        self.hub = Hub(RULES)
        self.twin = Hub(RULES)
        self.number = 0

    def both(self, number: int, entry: c.Entry) -> None:
        """The hub is a function of the entries and of nothing else."""
        assert told(apply(self.hub, number, entry)) == told(apply(self.twin, number, entry))

    @initialize()
    def begin(self) -> None:
        for number, entry in PROLOGUE:
            if isinstance(entry, c.Arrive):
                self.arrive(entry.dialect)
            else:
                self.both(number + 1, entry)

    @rule(dialect=st.sampled_from(["text", "irc"]))
    def arrive(self, dialect: str) -> None:
        self.number += 1
        self.both(self.number, c.Arrive(dialect, "h"))

    @rule(which=st.integers(0, 100), nick=some_names)
    def introduce_oneself(self, which: int, nick: str) -> None:
        for entry in (c.Rename(nick), c.User("user", "")):
            self.act(which, entry)

    @rule(name=some_names, there=st.booleans())
    def change_an_account_beside(self, name: str, there: bool) -> None:
        if is_nick(name):
            for hub in (self.hub, self.twin):
                found = hub.accounts.find(name)
                if there and found is None:
                    hub.accounts.change(Added(account_samples.account(name)))
                elif not there and found is not None:
                    hub.accounts.change(Removed(name))
            assert told(self.hub.account_changed(name)) == told(self.twin.account_changed(name))

    @rule(which=st.integers(0, 100), reason=some_texts)
    def depart(self, which: int, reason: str) -> None:
        if self.hub.sessions:
            self.both(sorted(self.hub.sessions)[which % len(self.hub.sessions)], c.Depart(reason))

    @rule(which=st.integers(0, 100), entry=entries)
    def act(self, which: int, entry: c.Command) -> None:
        if self.hub.sessions:
            self.both(sorted(self.hub.sessions)[which % len(self.hub.sessions)], entry)

    @invariant()
    def the_books_agree(self) -> None:
        hub = self.hub
        sessions = hub.sessions.values()
        assert {fold(s.nick): s for s in sessions if s.nick} == hub.nicks
        for session in sessions:
            # Whoever knows one room is in one, always.
            assert len(session.rooms) == 1 or not hub.knows_one_room(session)
            assert set(session.rooms) == set(session.record.seats)
            assert session.record.registered or not session.rooms
            assert ("o" in session.record.modes) == bool(session.record.operator)
            assert ("r" in session.record.modes) == bool(session.record.account)
            assert bool(session.record.authenticating) == bool(session.record.exchange)
            assert not is_reserved(hub, session, session.nick)
        for folded, room in hub.rooms.items():
            assert folded == fold(room.name)
            assert all(s.rooms[folded] is room for s in room.members.values())
            assert all(s.status(room) in ("", "o", "v", "ov") for s in room.members.values())
            assert set(room.record.modes) <= set("CMRimnst")
            assert max(map(len, (room.record.bans, room.record.exceptions))) <= 2
            assert room.members or room.is_kept
            founder = room.record.founder
            assert not founder or hub.accounts.find(founder) is not None
            assert all(hub.accounts.find(name) is not None for name in room.record.access)
            assert founder or not room.record.access
            assert room.audience().sessions == tuple(room.members.values())
            assert is_passable(room.topic)
        assert len(hub.rooms) <= 3


TestAnything = Anything.TestCase
TestAnything.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


@given(st.lists(entries, max_size=20))
def test_nothing_unsafe_is_ever_told(script: list[c.Command]) -> None:
    people = People()
    people.arrive("alice", "bob")
    for entry in script:
        people.do(1, entry)
    for event in people.heard.get(2, []):
        for name in event.__struct_fields__:
            value = getattr(event, name)
            assert not isinstance(value, str) or is_safe(value)
