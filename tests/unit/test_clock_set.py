"""Somebody sets the clock: what is said keeps its order, times are honest, nothing is forgotten."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_supervisor.bans import Ban
from chatd_supervisor.clock import STEADY
from chatd_supervisor.hub.banning import Enter, Strike
from chatd_supervisor.journal import Batch, Fact
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_workers import commands as c
from hub_lines import Lines
from manual_clock import DAY, YEAR, ManualClock
from past import HISTORY, LATEST, MARKS, START, Place, by_id, by_time, say
from tended import tended

NOTHING = Batch([], [], [], [], [], [], [], [], 0)

MONTH = 30 * DAY


def said(*texts: str, time: int = 0) -> Batch:
    facts = [Fact(1, "alice", "#x", "say", text) for text in texts]
    return NOTHING._replace(facts=facts, time=time)


class Kept:
    """A journal that keeps what was said for a month, and its clock."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.clock = ManualClock()
        self.open()

    def open(self) -> None:
        self.journal = SqliteJournal(self.path, max_age=MONTH, clock=self.clock)

    def again(self) -> None:
        """Let another master go on with it."""
        self.journal.close()
        self.open()

    def say(self, *texts: str) -> None:
        self.journal.commit(said(*texts))

    def texts(self) -> list[str]:
        """Return what is there when it was tended."""
        self.due = tended(self.journal)
        return [entry.text for entry in self.journal.read(0, 100_000) if entry.text]


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Kept]:
    made = Kept(tmp_path / "journal.db")
    yield made
    made.journal.close()


def test_a_clock_that_is_set_ahead_forgets_nothing(kept: Kept) -> None:
    kept.say("one")
    kept.clock.set(40 * DAY)
    kept.say("two")
    assert kept.texts() == ["one", "two"]
    kept.clock.go(STEADY - 3600)
    assert kept.texts() == ["one", "two"]
    kept.clock.set(0)
    kept.say("three")
    kept.clock.go(STEADY)
    assert kept.texts() == ["one", "two", "three"]
    assert [round(seconds / DAY) for seconds in kept.clock.jumps] == [40, -40]


def test_nor_does_a_master_that_starts_then(kept: Kept) -> None:
    kept.say("one")
    kept.clock.set(YEAR)
    for text in ("two", "three"):
        kept.again()
        kept.say(text)
        kept.clock.go(3600)
    assert kept.texts() == ["one", "two", "three"]


def test_what_was_said_while_it_was_ahead_is_forgotten_with_what_came_after(kept: Kept) -> None:
    kept.say("before")
    kept.clock.set(YEAR)
    kept.say(*["ahead"] * 2000)
    kept.clock.set(0)
    kept.clock.go(DAY)
    kept.say("after")
    kept.clock.go(MONTH - DAY)
    kept.say("now")
    assert kept.texts() == [*["ahead"] * 2000, "after", "now"]
    kept.clock.go(DAY + 1)
    assert kept.texts() == ["now"]


def test_a_clock_that_is_set_back_forgets_nothing_and_stops_nothing(kept: Kept) -> None:
    kept.say("one")
    kept.clock.set(-50 * YEAR)
    kept.say("two")
    assert kept.texts() == ["one", "two"]
    kept.clock.set(0)
    kept.clock.go(MONTH + 1)
    kept.say("three")
    assert kept.texts() == ["three"]


def test_a_machine_that_was_off_for_long_is_believed_after_a_while(kept: Kept) -> None:
    kept.say("one")
    # For the clock beside the wall clock this is the same as a jump.
    kept.clock.set(2 * MONTH)
    kept.again()
    assert kept.texts() == ["one"]
    assert kept.due == pytest.approx(STEADY)
    kept.clock.go(STEADY)
    assert kept.texts() == []


def test_what_becomes_too_old_while_nobody_speaks_is_forgotten_in_time(kept: Kept) -> None:
    kept.say("one")
    kept.clock.go(DAY)
    kept.say("two")
    assert kept.texts() == ["one", "two"]
    assert kept.due == pytest.approx(MONTH - DAY)
    kept.clock.go((kept.due or 0) + 1)
    assert kept.texts() == ["two"]
    assert kept.due == pytest.approx(DAY - 1)
    kept.clock.go((kept.due or 0) + 1)
    # The last one as well; its number stays.
    assert kept.texts() == []
    kept.clock.go(DAY)
    assert (kept.texts(), kept.due) == ([], None)
    kept.say("three")
    assert [(entry.seq, entry.kind) for entry in kept.journal.read(0, 9)] == [
        (2, "forgotten"),
        (3, "say"),
    ]
    assert kept.texts() == ["three"]


def test_what_is_forgotten_is_in_no_file(kept: Kept) -> None:
    secrets = ["Kennwort", "xyzzyplugh", "quux" * 900]
    for _ in range(30):
        kept.say(*(f"{secret} {'filler ' * 30}" for secret in secrets))
        tended(kept.journal)
    kept.clock.go(MONTH + DAY)
    kept.say("something else")
    assert kept.texts() == ["something else"]
    for file in kept.path.parent.iterdir():
        content = file.read_bytes().lower()
        for secret in secrets:
            assert secret.lower().encode() not in content, file
    found, _ = kept.journal.search("something", "#x", 9)
    assert [entry.text for entry in found] == ["something else"]
    assert kept.journal.search("xyzzyplugh", "#x", 9)[0] == []


# Paging by times

spoken = st.lists(
    st.tuples(st.integers(1, 20 * 60), st.sampled_from([0, 0, 0, YEAR, -YEAR, 3600, -3600])),
    min_size=1,
    max_size=40,
)


@given(spoken, st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_who_pages_by_times_is_shown_each_line(
    tmp_path_factory: pytest.TempPathFactory, lines: list[tuple[int, int]], page: int
) -> None:
    with Place(tmp_path_factory.mktemp("j") / "journal.db") as place:
        alice = place.arrive("alice", *HISTORY)
        place.do(alice, c.Enter(["#x"]))
        place.tick()
        right = START
        for number, (seconds, ahead) in enumerate(lines):
            # No two lines share a millisecond, also not of different runs.
            right += seconds * 1_000_000 + 1000
            place.now = right + ahead * 1_000_000
            place.do(alice, say("#x", str(number)))
            place.tick(0)
        expected = [str(number) for number in range(len(lines))]
        shown = place.lines(alice, "LATEST", "#x", LATEST, 100)
        assert [line.text for line in shown] == expected
        times = [line.time // 1000 for line in shown]
        if len(set(times)) < len(times):
            return
        for verb, first, step in (("BEFORE", -1, 0), ("AFTER", 0, -1)):
            seen = place.lines(alice, verb, "#x", by_id(shown[first]), page)
            found = list(seen)
            while seen:
                seen = place.lines(alice, verb, "#x", by_time(seen[step]), page)
                found = [*seen, *found] if verb == "BEFORE" else [*found, *seen]
                assert len(found) <= len(lines)
            whole = expected[:-1] if verb == "BEFORE" else expected[1:]
            assert [line.text for line in found] == whole


def test_a_mark_that_was_set_while_the_clock_was_ahead_moves_on_again(tmp_path: Path) -> None:
    with Place(tmp_path / "journal.db") as place:
        alice = place.arrive("alice", *MARKS, account="alice")
        place.now = START + YEAR * 1_000_000
        place.do(alice, c.Markread("#x", place.now))
        place.tick(0)
        for later in (1_000_000, 2_000_000):
            place.now = START + later
            place.ask(alice, c.Markread("#x", place.now))
            place.tick(0)
            assert place.journal.strands.marked("@alice", "#x") == place.now


# Silence, rates and bans


def at(lines: Lines, seconds: float, ahead: float = 0) -> None:
    """Let it be so many seconds later, and the wall clock be ahead of that."""
    lines.hub.set_time(
        START + round((seconds + ahead) * 1_000_000),
        monotonic=seconds,
        passed=START + round(seconds * 1_000_000),
    )


def test_silence_and_rates_go_by_a_clock_that_nobody_sets() -> None:
    lines = Lines(nick_rate=1)
    at(lines, 0)
    alice, bob = lines.irc("alice"), lines.irc("bob")
    at(lines, 5, YEAR)
    assert "317 bob alice 5" in " ".join(lines.send(bob, "WHOIS alice alice"))
    lines.send(alice, "NICK al")
    assert lines.send(alice, "NICK ally")[0].startswith("263 al NICK ")
    at(lines, 10, -YEAR)
    assert "317 bob al 10" in " ".join(lines.send(bob, "WHOIS al al"))
    assert lines.send(alice, "NICK ally")[0].startswith("263 al NICK ")
    at(lines, 200, -YEAR)
    assert lines.send(alice, "NICK ally")
    assert lines.session(alice).nick == "ally"


def entries(lines: Lines) -> list[Ban]:
    return list(lines.hub.state.bans.entries.values())


def test_a_ban_of_an_hour_is_one_of_an_hour_whatever_the_clock_says() -> None:
    lines = Lines()
    at(lines, 0, YEAR)
    lines.hub.administer(Enter("nick", "mallory", seconds=3600))
    lines.hub.administer(Enter("nick", "eve"))
    at(lines, 60)
    (mallory, eve) = entries(lines)
    assert (mallory.since, mallory.until) == (lines.hub.now, lines.hub.now + 3600 * 1_000_000)
    assert (eve.since, eve.until) == (lines.hub.now, 0)


def test_no_ban_is_forgotten_because_of_a_jump() -> None:
    lines = Lines()
    at(lines, 0)
    lines.hub.administer(Enter("nick", "mallory", seconds=7 * DAY))
    at(lines, 10, YEAR)
    lines.hub.administer(Enter("nick", "eve"))
    lines.hub.administer(Strike("nick", "eve"))
    at(lines, 20)
    assert lines.hub.state.bans.of_nick("mallory", lines.hub.now) is not None
    at(lines, 8 * DAY)
    lines.hub.administer(Enter("nick", "eve"))
    assert [ban.mask for ban in entries(lines)] == ["eve"]
