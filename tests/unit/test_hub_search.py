"""``/search``, as who asks is answered, and what a command may ask of the past."""

from chatd_supervisor.hub.archive import NoArchive
from chatd_supervisor.journal import Entry, Found, TooMuch
from hub_lines import Lines


class Past(NoArchive):
    """What is found is given; what was asked is kept."""

    def __init__(self, found: Found | None) -> None:
        self.found = found
        self.asked: list[str] = []

    def allow(self) -> None:
        self.asked.append("allow")

    def search(self, words: str, _room: str, _count: int) -> Found:
        self.asked.append(words)
        if self.found is None:
            raise TooMuch("never shown")
        return self.found

    def last(self, _room: str, _count: int) -> list[Entry]:
        raise TooMuch("never shown")


ENTRY = Entry(1, 1_000_000, 1, "bob", "#lobby", "say", "C++", "", "id-1")
UNFINISHED = (
    "--- not everything was looked through, for that takes too long: search for rarer words"
)
TOO_MUCH = "--- this would take the server too long: ask for less"


def search(words: str, found: Found | None) -> tuple[list[str], list[str]]:
    """Return what who searches is told, and what the archive was asked."""
    lines = Lines()
    carol = lines.text("carol")
    past = lines.hub.past = Past(found)
    return lines.send(carol, f"/search {words}"), past.asked


def test_what_is_found_is_shown() -> None:
    (head, line), asked = search("C++", Found([ENTRY]))
    assert head == "--- the last 1 line of #lobby with: C++ (times are UTC)"
    assert line.endswith(" bob : C++")
    assert asked == ["allow", "C++"]


def test_if_it_is_not_all_that_is_said() -> None:
    told, _ = search("a", Found([ENTRY], is_all=False))
    assert len(told) == 3
    assert told[2] == UNFINISHED
    told, _ = search("a", Found([], is_all=False))
    assert told == [UNFINISHED]
    told, _ = search("a", Found([]))
    assert told == ["--- nothing in #lobby holds: a"]


def test_what_can_never_be_found_is_not_looked_for() -> None:
    told, asked = search('- "...', Found([ENTRY]))
    assert told == ['--- nothing can be found by - "...: it has no letter, digit or symbol']
    assert asked == ["allow"]


def test_what_takes_too_long_is_told() -> None:
    assert search("a", None)[0] == [TOO_MUCH]
    lines = Lines()
    carol = lines.text("carol")
    lines.hub.past = Past(None)
    assert lines.send(carol, "/history") == [TOO_MUCH]
