"""The state is a function of the facts: replayed or restored, it is the same."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from chatd_supervisor.hub import Hub, Rules
from chatd_supervisor.journal import Arrival, Fact, Snapshot, StoredSession, Stream
from chatd_supervisor.records import encode
from chatd_supervisor.state import State
from chatd_workers import commands as c
from hub_entries import PROLOGUE, RULES, apply, commands

NAMES = st.sampled_from(["alice", "Alice", "bob", "été", "ÉTÉ", "guest2", "guest3", "-", "#", ""])
ROOMS = st.sampled_from(["#ops", "#OPS", "#lobby", "#Lobby", "#dev", "#ß", "nonsense"])
TEXTS = st.sampled_from(["", "hello", "x" * 400, "bad\x1b[2J", "alice : hello"])
ENTRIES = st.one_of(
    st.builds(c.Say, TEXTS),
    st.builds(c.SayAs, NAMES, TEXTS),
    st.builds(c.Act, TEXTS),
    st.builds(c.Tell, NAMES, TEXTS),
    st.builds(c.Rename, NAMES),
    st.builds(c.Join, ROOMS),
    st.just(c.Leave()),
    st.builds(c.Topic, st.none() | TEXTS),
    st.just(c.Who()),
    commands(NAMES, ROOMS, TEXTS),
    st.sampled_from([c.Arrive("text"), c.Arrive("irc", "h")]),
    st.builds(c.Depart, TEXTS),
)
LIVES = st.builds(
    lambda beginning, life: beginning + life,
    st.sampled_from([[], PROLOGUE]),
    st.lists(st.tuples(st.integers(0, 5), ENTRIES), max_size=60),
)


def told(record: Struct) -> dict[str, Any]:
    """Return what is in ``record``, without the counts that only say in which order."""
    fields: dict[str, Any] = json.loads(encode(record))
    fields.pop("made", None)
    for seat in fields.get("seats", {}).values():
        seat.pop("joined", None)
    return fields


def seen(state: State) -> dict[str, Any]:
    """All that anybody could ever see of ``state``."""
    return {
        "rooms": [
            (key, told(room.record), list(room.members), list(room.listing))
            for key, room in state.rooms.items()
        ],
        "nicks": {folded: session.id for folded, session in state.nicks.items()},
        "sessions": {
            number: (told(s.record), s.dialect, s.view, list(s.rooms))
            for number, s in state.sessions.items()
        },
        "bans": state.bans.entries,
        "guests": state.guests,
        "rooms_from": dict(state.rooms_from),
        "registered": state.registered,
        "watchers": {
            nick: sorted(session.id for session in state.watchers.of(nick))
            for nick in {n for s in state.sessions.values() for n in s.record.monitored}
        },
    }


class Written:
    """What a journal would hold after some batches: the rows for sessions and rooms."""

    def __init__(self) -> None:
        self.dialects: dict[int, str] = {}
        self.sessions: dict[int, str] = {}
        self.rooms: dict[str, str] = {}
        self.bans: dict[str, str | None] = {}

    def write(self, state: State) -> None:
        sessions, rooms, gone = state.take_changes()
        self.dialects |= {number: s.dialect for number, s in state.sessions.items()}
        self.sessions |= sessions
        self.rooms |= rooms
        self.bans |= state.take_bans()
        for folded in gone:
            self.rooms.pop(folded, None)
        self.sessions = {n: r for n, r in self.sessions.items() if n in state.sessions}

    def snapshot(self, guests: int) -> Snapshot:
        sessions = [
            StoredSession(Arrival(n, "", self.dialects[n], 0), r, Stream(n, 0, False, b"", 0))
            for n, r in sorted(self.sessions.items())
        ]
        bans = [record for record in self.bans.values() if record is not None]
        return Snapshot(0, 0, sessions, list(self.rooms.values()), guests, 0, bans)


def network_of(session: int) -> str:
    """Return one of two networks, or none."""
    return ("", "192.0.2.1", "2001:db8::/64")[session % 3]


def live(hub: Hub, number: int, entry: Any) -> None:
    """Apply ``entry`` of one of the sessions that are there; an arrival is the next one."""
    if isinstance(entry, c.Arrive):
        hub.apply(max(hub.sessions, default=0) + 1, entry)
    elif hub.sessions:
        apply(hub, sorted(hub.sessions)[number % len(hub.sessions)], entry)


@given(LIVES)
@settings(max_examples=300, deadline=None)
def test_a_hub_rebuilt_from_any_prefix_of_the_journal_equals_the_one_that_wrote_it(
    entries: list[tuple[int, Any]],
) -> None:
    hub = Hub(RULES)
    hub.network_of = network_of
    written = Written()
    replayed = State()
    for number, entry in entries:
        live(hub, number, entry)
        facts, hub.facts = hub.facts, []
        for fact in facts:
            replayed.apply(fact)
        assert seen(replayed) == seen(hub.state)
        written.write(hub.state)
        restored = State.restored(written.snapshot(hub.state.guests))
        assert seen(restored) == seen(hub.state)


def test_rooms_count_for_the_network_they_were_made_from_as_long_as_they_are_there() -> None:
    hub = Hub(RULES)
    hub.network_of = network_of
    written = Written()
    replayed = State()
    counted = []
    entries: list[tuple[int, c.Entry]] = [
        (1, c.Arrive("text")),
        (2, c.Arrive("text")),
        (1, c.Join("#ops")),
        (2, c.Join("#ops")),
        (1, c.Leave()),
        (2, c.Leave()),
        (2, c.Join("#dev")),
        (2, c.Depart("")),
    ]
    for number, entry in entries:
        hub.apply(number, entry)
        facts, hub.facts = hub.facts, []
        for fact in facts:
            replayed.apply(fact)
        written.write(hub.state)
        restored = State.restored(written.snapshot(hub.state.guests))
        assert replayed.rooms_from == restored.rooms_from == hub.state.rooms_from
        counted.append(dict(hub.state.rooms_from))
    one, two = {network_of(1): 1}, {network_of(2): 1}
    assert counted == [{}, {}, one, one, one, {}, two, {}]


@given(LIVES, LIVES)
@settings(max_examples=100, deadline=None)
def test_a_restored_hub_goes_on_as_the_first_would_have(
    before: list[tuple[int, Any]], after: list[tuple[int, Any]]
) -> None:
    first = Hub(RULES)
    first.network_of = network_of
    written = Written()
    for number, entry in before:
        live(first, number, entry)
    written.write(first.state)
    first.facts = []
    second = Hub(first.rules, State.restored(written.snapshot(first.state.guests)))
    second.network_of = network_of
    second.accounts = copy.deepcopy(first.accounts)
    for number, entry in after:
        live(first, number, entry)
        live(second, number, entry)
    assert first.facts == second.facts
    assert seen(first.state) == seen(second.state)


def test_what_is_said_is_a_fact_in_its_room_and_what_is_refused_is_none() -> None:
    hub = Hub(Rules())
    hub.apply(1, c.Arrive("text", "10.0.0.1"))
    hub.apply(1, c.SayAs("alice", "hello"))
    hub.apply(1, c.Say("bad\x1b"))
    hub.apply(1, c.Who())
    assert hub.facts == [
        Fact(
            1,
            "guest1",
            "#lobby",
            "arrive",
            "text",
            '{"host":"10.0.0.1","signon":0,"registered":true,"user":"guest1","created":0}',
        ),
        Fact(
            1,
            "guest1",
            "",
            "nick",
            "alice",
            '{"user":"guest1","host":"10.0.0.1","in":["#lobby"]}',
        ),
        Fact(1, "alice", "#lobby", "say", "hello", '{"user":"guest1","host":"10.0.0.1"}'),
    ]
