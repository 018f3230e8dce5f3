"""The facts of a tick are found as those in the journal, and each is looked at once."""

from typing import Any

from chatd_supervisor.journal import Fact
from chatd_supervisor.journal.strands import Conversation
from chatd_supervisor.recent_facts import RecentFacts
from chatd_supervisor.records import data_of


class Watched(list[Fact]):
    """A list that counts how often something in it was looked at."""

    looks = 0

    def __getitem__(self, place: Any) -> Any:
        self.looks += 1
        return super().__getitem__(place)


def said(room: str, kind: str = "say", **fields: Any) -> Fact:
    return Fact(1, "alice", room, kind, "x", data_of(fields))


def test_each_is_looked_at_once_however_much_is_asked() -> None:
    recent = RecentFacts()
    facts = Watched()
    for number in range(200):
        facts.append(said(f"#Room{number % 10}"))
        for room in range(10):
            found = recent.places(facts, Conversation(f"#room{room}"))
            assert found == [place for place in range(1, number + 2) if (place - 1) % 10 == room]
            assert recent.sealed(facts, f"#room{room}") == 0
            assert recent.marks(facts, "1") == {}
    assert facts.looks == 200


def test_what_was_said_in_a_room_is_in_order_with_what_happened_there() -> None:
    recent = RecentFacts()
    facts = [said("#x"), said("#X", "join"), said("#y"), said("#x", "topic"), said("#x", "seal")]
    assert recent.places(facts, Conversation("#X", events=True)) == [1, 2, 4]
    assert recent.places(facts, Conversation("#X")) == [1, 4]
    assert recent.sealed(facts, "#X") == 5


def test_the_next_tick_begins_anew() -> None:
    recent = RecentFacts()
    told = said("bob", "tell", account="alice", to=(2, ""))
    read = said("#x", "read", reader="@alice", time=5)
    assert recent.correspondents([told, read], "@alice") == ["bob"]
    assert recent.correspondents([told, read], "2") == ["alice"]
    assert recent.marks([told, read], "@alice") == {"#x": 5}
    assert recent.correspondents([read], "@alice") == []
    facts = [told, read]
    assert recent.correspondents(facts, "@alice") == ["bob"]
    # Also if the same list has become shorter.
    facts.pop(0)
    assert recent.correspondents(facts, "@alice") == []
