"""LIST and NAMES: which rooms are shown to whom, and who is in them."""

import pytest

from chatd_supervisor.hub import listing
from hub_lines import Lines

START, END = "321 bob Channel :Users  Name", "323 bob :End of /LIST"


@pytest.fixture
def lines() -> Lines:
    """Alice (1) has made #one, three minutes later #two; bob (2) is in #two, carol on nc."""
    lines = Lines()
    lines.irc("alice")
    lines.irc("bob")
    lines.send(1, "JOIN #one")
    lines.send(1, "TOPIC #one :first")
    lines.wait(180)
    lines.send(1, "JOIN #two")
    lines.send(2, "JOIN #two")
    return lines


def listed(lines: Lines, asked: str = "", who: int = 2) -> list[str]:
    head, *rooms, end = lines.send(who, f"LIST {asked}".rstrip())
    nick = lines.session(who).nick
    assert [head, end] == [START.replace("bob", nick), END.replace("bob", nick)]
    assert all(room.startswith(f"322 {nick} ") for room in rooms)
    return [room.split()[2] for room in rooms]


def test_list(lines: Lines) -> None:
    wanted = ["322 bob #one 1 :first", "322 bob #two 2 :"]
    assert lines.send(2, "LIST") == [START, *wanted, END]


def test_the_lobby_is_listed_when_somebody_is_there(lines: Lines) -> None:
    lines.text("carol")
    assert listed(lines) == ["#lobby", "#one", "#two"]


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("#one", "#one"),
        ("#ONE", "#one"),
        ("#one,#two", "#one #two"),
        ("#nowhere", ""),
        ("*ne", "#one"),
        ("#t*", "#two"),
        ("!*ne", "#two"),
        ("!#*", ""),
        ("#*,!#one", "#two"),
        (">0", "#one #two"),
        (">1", "#two"),
        ("<2", "#one"),
        ("<1", ""),
        (">0,<2", "#one"),
        ("C>2", "#one"),
        ("C<2", "#two"),
        ("C>0", "#one #two"),
        ("C<0", ""),
        ("T>2", "#one"),
        ("T<2", ""),
        ("T<10", "#one"),
        ("T>10", ""),
        ("#two,C>2", ""),
    ],
)
def test_what_list_can_be_asked_for(lines: Lines, asked: str, wanted: str) -> None:
    lines.wait(1)
    assert listed(lines, asked) == wanted.split()


def test_a_topic_that_was_cleared_has_no_age(lines: Lines) -> None:
    lines.send(1, "TOPIC #one :")
    assert listed(lines, "T<10") == []


def test_a_secret_room_is_listed_for_its_members(lines: Lines) -> None:
    lines.set_room_modes(1, "#one", "s")
    assert listed(lines) == ["#two"]
    assert listed(lines, "#one") == []
    assert listed(lines, who=1) == ["#one", "#two"]
    lines.set_modes(2, "o")
    assert listed(lines) == ["#one", "#two"]


def test_the_text_dialect_does_not_see_secret_rooms_either(lines: Lines) -> None:
    carol = lines.text("carol")
    assert lines.send(carol, "/rooms") == [
        "--- #lobby (1)",
        "--- #one (1): first",
        "--- #two (2)",
    ]
    lines.set_room_modes(1, "#one", "s")
    assert lines.send(carol, "/rooms") == ["--- #lobby (1)", "--- #two (2)"]
    assert lines.send(carol, "/who one") == ["--- there is no room #one (/rooms lists them)"]


def test_a_room_that_is_kept_is_listed_when_it_is_empty(lines: Lines) -> None:
    lines.hub.change_in(lines.session(1), "#one", "keep", founder="ally")
    lines.send(1, "PART #one")
    assert lines.send(2, "LIST #one")[1] == "322 bob #one 0 :first"


@pytest.mark.parametrize(
    ("asked", "wanted"),
    [
        ("#two", ["353 bob = #two :@alice bob", "366 bob #two :End of /NAMES list"]),
        ("#TWO", ["353 bob = #two :@alice bob", "366 bob #two :End of /NAMES list"]),
        ("#nowhere", ["366 bob #nowhere :End of /NAMES list"]),
        ("invalid", ["366 bob invalid :End of /NAMES list"]),
        (
            "#one,#two",
            [
                "353 bob = #one :@alice",
                "366 bob #one :End of /NAMES list",
                "353 bob = #two :@alice bob",
                "366 bob #two :End of /NAMES list",
            ],
        ),
        (
            "",
            [
                "353 bob = #one :@alice",
                "353 bob = #two :@alice bob",
                "366 bob * :End of /NAMES list",
            ],
        ),
    ],
)
def test_names(lines: Lines, asked: str, wanted: list[str]) -> None:
    assert lines.send(2, f"NAMES {asked}".rstrip()) == wanted


def test_names_of_a_secret_room_and_of_the_invisible(lines: Lines) -> None:
    lines.set_room_modes(1, "#one", "s")
    assert lines.send(2, "NAMES #one") == ["366 bob #one :End of /NAMES list"]
    assert lines.send(2, "NAMES") == ["353 bob = #two :@alice bob", "366 bob * :End of /NAMES list"]
    assert lines.send(1, "NAMES #one")[0] == "353 alice @ #one :@alice"
    lines.set_modes(2, "i")
    dave = lines.irc("dave")
    assert lines.send(dave, "NAMES #two")[0] == "353 dave = #two :@alice"


def test_names_of_everybody_end_after_so_many(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_NAMES", 1)
    assert lines.send(2, "NAMES") == ["353 bob = #one :@alice", "366 bob * :End of /NAMES list"]


@pytest.mark.parametrize(
    "asked",
    [
        ",".join(f"#x{n}*" for n in range(listing.MOST_MASKS + 1)),
        ",".join("#" + "x" * n + "*" for n in range(40, 48)),
        ",".join(f"!#x{n}?" for n in range(listing.MOST_MASKS + 1)),
    ],
    ids=["many", "long", "negative"],
)
def test_list_takes_some_masks_and_not_very_many(lines: Lines, asked: str) -> None:
    refused, start, end = lines.send(2, f"LIST {asked}")
    assert refused == f"407 bob {asked.rpartition(',')[2]} :Too many recipients"
    assert [start, end] == [START, END]


def test_list_takes_the_same_mask_many_times_and_many_names(lines: Lines) -> None:
    assert listed(lines, ",".join(["#*"] * 100)) == ["#one", "#two"]
    assert listed(lines, ",".join(f"#x{n}" for n in range(90)) + ",#ONE") == ["#one"]
    assert listed(lines, ",".join(f"!{n}" for n in range(10, 100)) + ",!#ONE") == ["#two"]
    assert listed(lines, ",".join(f">{n % 2}" for n in range(100))) == ["#two"]


def test_names_of_a_room_are_told_once(lines: Lines) -> None:
    assert lines.send(2, "NAMES " + ",".join(["#two", "#TWO"] * 50)) == [
        "353 bob = #two :@alice bob",
        "366 bob #two :End of /NAMES list",
    ]


def test_names_of_some_rooms_end_after_so_many(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing, "MOST_NAMES", 2)
    *told, refused = lines.send(2, "NAMES #two,#one,#nowhere")
    assert told == ["353 bob = #two :@alice bob", "366 bob #two :End of /NAMES list"]
    assert refused == "407 bob #one :Too many recipients"
