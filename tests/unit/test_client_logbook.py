"""Logs of rooms: in files that stay where they belong, each message once."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, AnyOrder, Kind, Said, Told, Topic
from chatd_client.habits.filing import LONGEST, file_name
from chatd_client.habits.logbook import MOST_OPEN, TAIL, Logbook, LogError, line_of
from chatd_client.habits.logging_companion import LoggingCompanion
from chatd_workers.names import fold, is_safe

MILLISECOND = 1000
NOON = 1_795_694_400_000_000


def said(text: str, after: int = 0, room: str = "#ops", **more: object) -> Said:
    """Return that alice says ``text``, ``after`` milliseconds after noon."""
    fields = {"room": room, "nick": "alice", "time": NOON + after * MILLISECOND, **more}
    return Said(text=text, **fields)  # type: ignore[arg-type]  # fields of Said


def lines(path: Path) -> list[str]:
    return [line.partition(" ")[2] for line in path.read_text("utf-8").splitlines()]


@given(st.text(max_size=300))
def test_a_file_is_where_it_belongs_whatever_its_room_is_called(name: str) -> None:
    found = file_name(name)
    assert found
    assert found[0] != "."
    assert "/" not in found
    assert is_safe(found)
    assert found.isprintable()
    assert len(f"{found}.log".encode()) <= LONGEST + 4


@given(st.text(max_size=80), st.text(max_size=80))
def test_two_rooms_share_no_file(one: str, other: str) -> None:
    assert (file_name(one) == file_name(other)) == (fold(one) == fold(other))


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("#ops", "#ops"),
        ("#Ops", "#ops"),
        ("..", "%2E%2E"),
        ("../../etc/passwd", "%2E%2E%2F%2E%2E%2Fetc%2Fpasswd"),
        ("#café", "#café"),
        ("a%2f", "a%252f"),
        ("127.0.0.1:5015", "127%2E0%2E0%2E1%3A5015"),
    ],
)
def test_names(name: str, file: str) -> None:
    assert file_name(name) == file


def test_what_a_line_looks_like() -> None:
    assert line_of(said("hi", 7)) == "2026-11-26T12:00:00.007Z <alice> hi"
    assert line_of(said("waves", kind=Kind.ACTION)).endswith("Z * alice waves")
    assert line_of(said("psst", kind=Kind.NOTICE)).endswith("Z -alice- psst")
    assert line_of(said("psst", to="@#ops")).endswith("Z @#ops <alice> psst")
    assert line_of(said("\x02bold\x02 \x1b[2Ja\nb")).endswith("<alice> bold \ufffd[2Ja\ufffdb")
    assert line_of(said("x", time=1 << 70)).startswith("9999-12-31T23:59:59")


def test_each_message_once_also_for_the_next_client(tmp_path: Path) -> None:
    first = Logbook(tmp_path, "work")
    for place in range(3):
        first.write(said(f"live {place}", place))
    first.close()
    next_one = Logbook(tmp_path, "work")
    # The last lines of the room are fetched again, and what was said meanwhile.
    for place in range(3):
        next_one.write(said(f"live {place}", place, old=True))
    next_one.write(said("in the same millisecond", 2, old=True))
    next_one.write(said("missed", 3, old=True))
    next_one.write(said("live 4", 4))
    # The user looks further back: that is no news.
    next_one.write(said("long ago", -5000, old=True))
    next_one.close()
    assert lines(tmp_path / "work/#ops.log") == [
        "<alice> live 0",
        "<alice> live 1",
        "<alice> live 2",
        "<alice> in the same millisecond",
        "<alice> missed",
        "<alice> live 4",
    ]


def test_the_same_words_twice_are_two_messages(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    for _ in range(2):
        book.write(said("again"))
    book.close()
    assert lines(tmp_path / "work/#ops.log") == ["<alice> again"] * 2


def test_a_line_that_a_killed_client_has_begun_is_written_anew(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    book.write(said("one", 1))
    book.write(said("two", 2))
    book.close()
    path = tmp_path / "work/#ops.log"
    path.write_bytes(path.read_bytes()[:-3])
    book = Logbook(tmp_path, "work")
    for place, text in enumerate(("one", "two", "three"), 1):
        book.write(said(text, place, old=True))
    book.close()
    assert lines(path) == ["<alice> one", "<alice> two", "<alice> three"]


def test_of_a_long_file_the_end_is_enough(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    words = ["x" * 100 + str(place) for place in range(2 * TAIL // 100)]
    for place, text in enumerate(words):
        book.write(said(text, place))
    book.close()
    book = Logbook(tmp_path, "work")
    for place, text in enumerate(words):
        book.write(said(text, place, old=True))
    book.close()
    assert lines(tmp_path / "work/#ops.log") == [f"<alice> {text}" for text in words]


def test_rooms_and_people_have_files_for_the_owner_alone(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    book.write(said("a", room="#Ops"))
    book.write(said("b", room="../../../escape"))
    book.write(said("c", room="bob"))
    book.write(said("of the server", room=""))
    book.close()
    found = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.log")}
    assert found == {
        "work/#ops.log",
        "work/%2E%2E%2F%2E%2E%2F%2E%2E%2Fescape.log",
        "work/bob.log",
    }
    assert {path.stat().st_mode & 0o777 for path in tmp_path.rglob("*.log")} == {0o600}
    assert (tmp_path / "work").stat().st_mode & 0o777 == 0o700


def test_more_rooms_than_may_be_open(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    before = len(os.listdir("/proc/self/fd"))
    for turn in range(2):
        for room in range(3 * MOST_OPEN):
            book.write(said(f"turn {turn}", turn, room=f"#r{room}"))
    assert len(os.listdir("/proc/self/fd")) <= before + MOST_OPEN
    book.close()
    for room in range(3 * MOST_OPEN):
        assert len(lines(tmp_path / f"work/#r{room}.log")) == 2


def test_a_second_client_writes_nothing(tmp_path: Path) -> None:
    book = Logbook(tmp_path, "work")
    with pytest.raises(LogError, match="another chat-client writes the logs of this server"):
        Logbook(tmp_path, "work")
    Logbook(tmp_path, "home").close()
    book.close()
    Logbook(tmp_path, "work").close()


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    victim = tmp_path / "victim"
    victim.write_text("precious")
    (tmp_path / "work/#ops.log").symlink_to(victim)
    book = Logbook(tmp_path, "work")
    with pytest.raises(LogError, match=r"#ops\.log cannot be written"):
        book.write(said("x"))
    book.write(said("x"))  # said once is enough
    book.close()
    assert victim.read_text() == "precious"


def test_a_place_that_cannot_be_used_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogError, match=r"no logs: .*: Not a directory"):
        Logbook(tmp_path / "file", "work")


class Parrot(Companion):
    """Tells what it is given."""

    def __init__(self, *news: AnyNews) -> None:
        self.news = list(news)
        self.orders: list[AnyOrder] = []
        self.closed = False

    def fileno(self) -> int:
        return 7

    def receive(self) -> list[AnyNews]:
        news, self.news = self.news, []
        return news

    def order(self, order: AnyOrder) -> None:
        self.orders.append(order)

    def close(self) -> None:
        self.closed = True


def test_a_companion_that_logs_passes_everything_on(tmp_path: Path) -> None:
    news = (said("one"), Topic(room="#ops", text="t"), said("two"))
    parrot = Parrot(*news)
    companion = LoggingCompanion(parrot, Logbook(tmp_path, "work"))
    assert companion.fileno() == 7
    assert companion.receive() == list(news)
    companion.close()
    assert parrot.closed
    assert lines(tmp_path / "work/#ops.log") == ["<alice> one", "<alice> two"]


def test_that_a_log_cannot_be_written_is_told_once(tmp_path: Path) -> None:
    (tmp_path / "work/#ops.log").mkdir(parents=True)
    companion = LoggingCompanion(
        Parrot(said("one"), said("two"), said("three", room="#b")), Logbook(tmp_path, "work")
    )
    heard = companion.receive()
    assert [type(each) for each in heard] == [Said, Told, Said, Said]
    companion.close()
    assert lines(tmp_path / "work/#b.log") == ["<alice> three"]
