"""The windows of the screen, without a screen: what is heard, and where it is to be seen."""

import itertools

import pytest

from chatd_client.exchange import (
    Came,
    Fetched,
    Join,
    Kind,
    Leave,
    Member,
    Members,
    Older,
    Phase,
    ReadTo,
    Refused,
    Renamed,
    Said,
    Say,
    Status,
    Told,
    Topic,
    Went,
)
from chatd_client.screen.slash import COMMANDS, entered
from chatd_client.screen.transcript import MOST, Line, Look, Transcript
from chatd_client.screen.windows import MOST_WINDOWS, Activity, Desk

NOW = 1_795_429_920_000_000
SECOND = 1_000_000


@pytest.fixture
def desk() -> Desk:
    clock = itertools.count(NOW, SECOND)
    numbers = map(str, itertools.count(1))
    desk = Desk(words=("deploy",), now=lambda: next(clock), make_id=lambda: next(numbers))
    desk.hear(Status(phase=Phase.ONLINE, server="irc.example", nick="alice", dialect="irc"))
    desk.open("#ops")
    desk.open("#tea")
    desk.go(1)
    return desk


def said(room: str, text: str, time: int = 0, nick: str = "bob", **more: object) -> Said:
    return Said(room=room, nick=nick, text=text, time=time, **more)  # type: ignore[arg-type]


def texts(desk: Desk, room: str) -> list[str]:
    return [line.text for line in desk.open(room).transcript]


def test_lines_stand_where_their_time_puts_them_and_once(desk: Desk) -> None:
    desk.hear(said("#ops", "second", 20, msgid="b"))
    desk.hear(said("#ops", "first", 10, msgid="a", old=True))
    desk.hear(said("#ops", "second", 20, msgid="b", old=True))
    desk.hear(said("#ops", "third", 30, msgid="c"))
    assert texts(desk, "#ops") == ["first", "second", "third"]


def test_what_the_server_tells_stands_where_it_was_heard(desk: Desk) -> None:
    """All of one gulp is shown at once; whoever comes in and speaks has come in first."""
    desk.hear(Told(text="bob has come in", room="#ops", time=NOW - 20))
    desk.hear(said("#ops", "hello", NOW - 10))
    assert texts(desk, "#ops") == ["bob has come in", "hello"]
    desk.hear(said("#ops", "and", NOW - 9))
    desk.hear(Told(text="bob has left", room="#ops", time=NOW - 8))
    desk.hear(said("#ops", "bye", NOW - 7))
    assert texts(desk, "#ops")[-3:] == ["and", "bob has left", "bye"]


def test_how_the_connection_stands_is_told_where_it_was_heard(desk: Desk) -> None:
    desk.hear(Status(phase=Phase.ONLINE, server="chatd", nick="guest1", time=NOW - 2))
    desk.hear(Renamed(room="", nick="guest1", new="alice", own=True, time=NOW - 1))
    assert texts(desk, "")[:2] == ["connected to chatd as guest1", "you are now called alice"]


@pytest.mark.parametrize(
    ("news", "activity", "unread", "alerted"),
    [
        (Came(room="#tea", nick="bob"), Activity.EVENT, 0, False),
        (said("#tea", "hello"), Activity.TALK, 1, False),
        (said("#tea", "aliceband"), Activity.TALK, 1, False),
        (said("#tea", "hello, Alice!"), Activity.MENTION, 1, True),
        (said("#tea", "when do we deploy"), Activity.MENTION, 1, True),
        (said("#tea", "alice, long ago", old=True), Activity.NONE, 0, False),
        (said("#tea", "alice, missed", old=True, missed=True), Activity.MENTION, 1, False),
        (said("#tea", "alice says so", nick="alice", own=True), Activity.NONE, 0, False),
    ],
    ids=lambda value: value.text if isinstance(value, Said) else None,
)
def test_what_happens_elsewhere_is_shown_in_the_bar(
    desk: Desk, news: Said | Came, activity: Activity, unread: int, alerted: bool
) -> None:
    alert = desk.hear(news)
    window = desk.open("#tea")
    assert (window.activity, window.unread, alert is not None) == (activity, unread, alerted)
    desk.go(2)
    assert (window.activity, window.unread) == (Activity.NONE, 0)


def test_who_writes_in_private_gets_a_window_and_is_told_of(desk: Desk) -> None:
    alert = desk.hear(said("bob", "psst"))
    assert alert is not None
    assert (alert.window, alert.nick, alert.text) == ("bob", "bob", "psst")
    assert desk.windows[-1].name == "bob"
    assert desk.active == 1
    desk.go_to_activity()
    assert desk.window.name == "bob"


def test_windows_that_others_open_have_a_bound(desk: Desk) -> None:
    for number in range(MOST_WINDOWS + 10):
        desk.hear(said(f"guest{number}", "hi", nick=f"guest{number}"))
    assert len(desk.windows) == MOST_WINDOWS
    assert texts(desk, "")[-1] == f"[guest{MOST_WINDOWS + 9}] hi"


def test_the_mark_is_above_what_came_while_one_was_elsewhere(desk: Desk) -> None:
    desk.hear(said("#ops", "read", 10))
    desk.go(2)
    desk.hear(said("#ops", "not read", 20))
    assert desk.open("#ops").mark == 10
    # Who speaks has seen it.
    desk.say("#ops", "yes")
    assert desk.open("#ops").mark == 0


def test_what_is_read_elsewhere_is_read(desk: Desk) -> None:
    desk.hear(said("#tea", "one", 10))
    desk.hear(said("#tea", "two", 20))
    desk.hear(ReadTo(room="#tea", time=10))
    assert (desk.open("#tea").unread, desk.open("#tea").mark) == (2, 10)
    desk.hear(ReadTo(room="#tea", time=20))
    assert desk.open("#tea").unread == 0


def test_what_is_said_is_under_way_until_it_is_heard(desk: Desk) -> None:
    (order,) = entered(desk, "hello").orders
    assert order == Say(id="1", room="#ops", text="hello", kind=Kind.MESSAGE)
    assert desk.window.transcript.under_way() == 1
    desk.hear(said("#ops", "hello", 10, nick="alice", own=True, sent="1", msgid="a"))
    assert desk.window.transcript.under_way() == 0
    assert texts(desk, "#ops") == ["hello"]


def test_what_is_refused_is_said_with_what_it_was(desk: Desk) -> None:
    entered(desk, "hello")
    desk.go(2)
    desk.hear(Refused(why="#ops is moderated", room="#ops", sent="1"))
    assert texts(desk, "#ops") == ["not said: hello (#ops is moderated)"]
    assert desk.open("#ops").activity is Activity.EVENT


def test_who_is_here(desk: Desk) -> None:
    desk.hear(Members(room="#ops", members=(Member(nick="alice"), Member(nick="bob", prefix="@"))))
    desk.hear(Came(room="#ops", nick="carol"))
    desk.hear(Renamed(room="#ops", nick="bob", new="rob"))
    assert {m.nick: m.prefix for m in desk.window.members.values()} == {
        "alice": "",
        "rob": "@",
        "carol": "",
    }
    desk.hear(Went(room="#ops", nick="rob"))
    desk.hear(Went(room="#ops", nick="dave", old=True))
    assert set(desk.window.members) == {"alice", "carol"}
    desk.hear(Went(room="#ops", nick="alice", own=True))
    assert not desk.window.members
    assert not desk.window.inside


def test_a_topic_is_told_once(desk: Desk) -> None:
    for _ in range(2):
        desk.hear(Topic(room="#ops", text="on call: bob"))
    assert desk.window.topic == "on call: bob"
    assert len(texts(desk, "#ops")) == 1
    desk.hear(Topic(room="#ops", text="on call: bob", by="bob"))
    assert len(texts(desk, "#ops")) == 2


def test_what_is_older_is_asked_for_once(desk: Desk) -> None:
    window = desk.window
    assert desk.older(window, 200) == Older(room="#ops", count=200)
    assert desk.older(window, 200) is None
    desk.hear(Fetched(room="#ops", count=3, more=False))
    assert desk.older(window, 200) is None
    assert desk.older(desk.windows[0], 200) is None


def test_another_nick_is_another_mention(desk: Desk) -> None:
    desk.hear(Renamed(room="#ops", nick="alice", new="al[1]", own=True))
    assert desk.hear(said("#tea", "alice?")) is None
    assert desk.hear(said("#tea", "AL[1]: hello")) is not None


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("/join tea2 key", [Join(room="#tea2", key="key")]),
        ("/j #new", [Join(room="#new", key="")]),
        ("/part bye", [Leave(room="#ops", reason="bye")]),
        ("/me waves", [Say(id="1", room="#ops", text="waves", kind=Kind.ACTION)]),
        ("//who", [Say(id="1", room="#ops", text="/who", kind=Kind.MESSAGE)]),
        ("/msg bob hi there", [Say(id="1", room="bob", text="hi there", kind=Kind.MESSAGE)]),
        ("/msg bob", []),
        ("/nosuch", []),
        ("   ", []),
    ],
)
def test_slash_commands(desk: Desk, line: str, wanted: list[object]) -> None:
    assert list(entered(desk, line).orders) == wanted


@pytest.mark.parametrize("name", COMMANDS)
def test_no_command_fails_whatever_stands_behind_it(desk: Desk, name: str) -> None:
    for window in range(3):
        for rest in ("", " ", " #", " x", " 1", " 99999999999", " -1", " \x1b[2J \x00", " é é é"):
            desk.go(min(window, len(desk.windows) - 1))
            entered(desk, f"/{name}{rest}")
            assert desk.windows[0].name == ""
            assert 0 <= desk.active < len(desk.windows)


def test_a_transcript_has_a_bound_and_keeps_the_newest() -> None:
    transcript = Transcript()
    for number in range(3 * MOST):
        line = Line(
            serial=number, look=Look.MESSAGE, text=str(number), time=number, msgid=f"m{number}"
        )
        assert transcript.add(line)
    assert MOST <= len(transcript) < MOST + MOST // 10
    assert list(transcript)[-1].text == str(3 * MOST - 1)
    # What has been forgotten is not taken for known.
    assert len(transcript._known) == len(transcript)
    older = Line(serial=0, look=Look.MESSAGE, text="older", time=0)
    assert not transcript.add(older)
