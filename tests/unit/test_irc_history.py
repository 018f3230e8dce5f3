"""The past, batches and labels."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers import events as e
from chatd_workers.capabilities import view_of
from chatd_workers.dialects.irc.grammar import Message, parse
from chatd_workers.dialects.irc.writer import Writer

WRITER = Writer("irc.example.org")
HERE = ":irc.example.org"
AT = 1795_429_920_123_456
TIME = "time=2026-11-23T10:32:00.123Z"
ALICE = e.Source("alice", "al", "10.0.0.1", "ally", "Alice A.")
HER = ":alice!al@10.0.0.1"
ALL = "batch server-time message-tags"


def past(kind: str, text: str = "", *, tags: e.Tags = ()) -> e.Past:
    return e.Past(AT, "alice", kind, text, "f00-1", ALICE, "#x", tags)


def lines(event: e.Event, names: str = "") -> list[str]:
    data = WRITER.write(event, view_of(names.split()))
    assert data.endswith(b"\r\n") or not data
    return data.decode().split("\r\n")[:-1]


def within(listed: list[str], kind: str) -> list[str]:
    """Return the lines of a batch of ``kind`` without its tag; it is all of ``listed``."""
    first, *middle, last = listed
    reference = first.split(" ")[2][1:]
    assert first == f"{HERE} BATCH +{reference} {kind}"
    assert last == f"{HERE} BATCH -{reference}"
    assert reference.replace("-", "").isalnum()
    for line in middle:
        assert line.startswith((f"@batch={reference};", f"@batch={reference} "))
    return [
        line.replace(f"@batch={reference};", "@").replace(f"@batch={reference} ", "")
        for line in middle
    ]


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        (past("say", "hi"), f"{HER} PRIVMSG #x :hi"),
        (past("act", "waves"), f"{HER} PRIVMSG #x :\x01ACTION waves\x01"),
        (past("notice", "hi"), f"{HER} NOTICE #x :hi"),
        (past("tell", "hi"), f"{HER} PRIVMSG #x :hi"),
        (past("topic", "tea"), f"{HER} TOPIC #x :tea"),
        (past("join"), f"{HER} JOIN #x"),
        (past("part", "bye"), f"{HER} PART #x :bye"),
        (past("quit", "bye"), f"{HER} QUIT :bye"),
        (past("nick", "alicia"), f"{HER} NICK alicia"),
        (past("kick", "bob go away"), f"{HER} KICK #x bob :go away"),
        (past("mode", "+o-k bob *"), f"{HER} MODE #x +o-k bob *"),
    ],
)
def test_each_line_of_the_past_is_what_it_was(line: e.Past, wanted: str) -> None:
    event = e.HistoryShown("#x", (line,))
    told = [f"@{TIME};msgid=f00-1 {wanted}"]
    assert within(lines(event, f"{ALL} draft/event-playback"), "chathistory #x") == told
    is_talk = line.kind in ("say", "act", "notice", "tell")
    assert within(lines(event, ALL), "chathistory #x") == (told if is_talk else [])


def test_tags_are_played_back_to_those_who_take_events() -> None:
    event = e.HistoryShown("#x", (past("tag", tags=(("react", "y"),)),))
    assert within(lines(event, ALL), "chathistory #x") == []
    assert within(lines(event, f"{ALL} draft/event-playback"), "chathistory #x") == [
        f"@{TIME};msgid=f00-1;+react=y {HER} TAGMSG #x"
    ]


def test_a_kind_without_words_is_left_out() -> None:
    event = e.HistoryShown("#x", (past("warned", "x"), past("say", "hi")))
    assert len(within(lines(event, f"{ALL} draft/event-playback"), "chathistory #x")) == 1


def test_no_history_is_an_empty_batch() -> None:
    assert within(lines(e.HistoryShown("#X", ()), ALL), "chathistory #X") == []


def test_a_line_without_a_place_is_where_one_has_asked() -> None:
    event = e.HistoryShown("bob", (e.Past(AT, "alice", "say", "hi"),))
    assert within(lines(event, "batch"), "chathistory bob") == [":alice!*@* PRIVMSG bob :hi"]


def test_without_batches_events_are_not_played_back() -> None:
    event = e.HistoryShown("#x", (past("join"), past("say", "hi")))
    names = "server-time draft/event-playback"
    assert lines(event, names) == [f"@{TIME} {HER} PRIVMSG #x :hi"]


@pytest.mark.parametrize("kind", ["say", "notice"])
def test_outside_a_batch_there_is_no_ctcp_but_actions(kind: str) -> None:
    asked = (past(kind, "\x01VERSION\x01"), past("act", "waves"), past("say", "!load"))
    event = e.HistoryShown("#x", asked)
    assert lines(event) == [
        f"{HER} PRIVMSG #x :\x01ACTION waves\x01",
        f"{HER} PRIVMSG #x :!load",
    ]
    assert len(within(lines(event, "batch"), "chathistory #x")) == 3


JOINED = e.Recalled("#x", "joined", "", (past("say", "hi"), past("topic", "tea")), 2)


def test_what_is_shown_on_joining() -> None:
    told = f"{HER} PRIVMSG #x :hi"
    assert within(lines(JOINED, "batch server-time"), "chathistory #x") == [f"@{TIME} {told}"]
    assert lines(JOINED, "server-time") == [f"@{TIME} {HER} PRIVMSG #x :[10:32] hi"]
    assert lines(JOINED) == [f"{HER} PRIVMSG #x :[10:32] hi"]
    assert lines(JOINED, f"{ALL} draft/chathistory") == []


def test_an_action_of_the_past_is_dated_within() -> None:
    event = e.Recalled("#x", "search", "w", (past("act", "waves"),), 1)
    assert lines(event) == [f"{HER} PRIVMSG #x :\x01ACTION [10:32] waves\x01"]


@pytest.mark.parametrize(
    ("kind", "total", "wanted"),
    [
        ("joined", 0, None),
        ("history", 0, "nothing has been said in #x"),
        ("search", 0, "nothing in #x holds: tea"),
        ("missed", 0, "nothing was said in #x while you were away"),
        ("missed", -1, "you have not been here under this name before"),
    ],
)
def test_that_there_is_nothing_is_told_to_who_asked(
    kind: e.RecallKind, total: int, wanted: str | None
) -> None:
    event = e.Recalled("#x", kind, "tea", (), total, "bob")
    assert lines(event, ALL) == ([f"{HERE} NOTICE bob :{wanted}"] if wanted else [])


def test_targets() -> None:
    event = e.TargetsShown((("#x", AT), ("bob", AT)))
    wanted = [
        f"{HERE} CHATHISTORY TARGETS #x 2026-11-23T10:32:00.123Z",
        f"{HERE} CHATHISTORY TARGETS bob 2026-11-23T10:32:00.123Z",
    ]
    assert within(lines(event, ALL), "draft/chathistory-targets") == wanted
    assert lines(event) == wanted
    assert within(lines(e.TargetsShown(()), ALL), "draft/chathistory-targets") == []


LABELED = "labeled-response batch"
HI = e.Told(ALICE, "bob", "hi", stamp=e.Stamp(AT, "f00-1"))


def test_no_answer_is_an_ack() -> None:
    assert lines(e.Answered("x1", ()), LABELED) == [f"@label=x1 {HERE} ACK"]
    # Nothing for this recipient is nothing.
    event = e.Answered("x1", (e.AwayChanged(ALICE, "lunch"),))
    assert lines(event, LABELED) == [f"@label=x1 {HERE} ACK"]


def test_one_line_has_the_label_beside_its_own_tags() -> None:
    assert lines(e.Answered("x1", (HI,)), LABELED) == [f"@label=x1 {HER} PRIVMSG bob :hi"]
    assert lines(e.Answered("a;b", (HI,)), f"{LABELED} message-tags") == [
        rf"@label=a\:b;msgid=f00-1 {HER} PRIVMSG bob :hi"
    ]


def test_several_lines_are_a_batch_with_the_label() -> None:
    event = e.Answered("x1", (HI, e.Closing("bye")))
    first, *others = lines(event, LABELED)
    assert first.startswith("@label=x1 ")
    assert within([first.removeprefix("@label=x1 "), *others], "labeled-response") == [
        f"{HER} PRIVMSG bob :hi",
        "ERROR :Closing Link: bye",
    ]


def test_one_batch_takes_the_label_itself() -> None:
    for shown in (e.HistoryShown("#x", (past("say", "hi"),)), e.HistoryShown("#x", ())):
        first, *others = lines(e.Answered("x1", (shown,)), LABELED)
        assert first.startswith("@label=x1 ")
        assert [first.removeprefix("@label=x1 "), *others] == lines(shown, "batch")


def test_a_batch_among_other_lines_is_nested() -> None:
    shown = e.HistoryShown("#x", (past("say", "hi"),))
    first, one, opened, hi, closed, last = lines(e.Answered("x1", (HI, shown)), LABELED)
    outer = first.split(" ")[3][1:]
    inner = opened.split(" ")[3][1:]
    assert outer != inner
    assert first == f"@label=x1 {HERE} BATCH +{outer} labeled-response"
    assert one.startswith(f"@batch={outer} ")
    assert opened == f"@batch={outer} {HERE} BATCH +{inner} chathistory #x"
    assert hi.startswith(f"@batch={inner} ")
    assert closed == f"@batch={outer} {HERE} BATCH -{inner}"
    assert last == f"{HERE} BATCH -{outer}"


def test_two_batches_are_not_one() -> None:
    shown = e.HistoryShown("#x", (past("say", "hi"),))
    first, *_ = lines(e.Answered("x1", (shown, shown)), LABELED)
    assert first.endswith("labeled-response")


def test_a_label_without_the_capability_is_not_told() -> None:
    assert lines(e.Answered("x1", (HI,)), "batch") == [f"{HER} PRIVMSG bob :hi"]
    assert lines(e.Answered("x1", ()), "batch") == []


@given(
    st.text("abc-;\\ é", min_size=1, max_size=20),
    st.lists(
        st.sampled_from(
            [
                HI,
                e.Closing("bye"),
                e.AwayChanged(ALICE, "x"),
                e.HistoryShown("#x", (past("say", "hi"), past("act", "x"))),
                e.TargetsShown((("#x", AT),)),
                e.Told(ALICE, "bob", "word " * 300),
                e.Numeric("bob", "RPL_ENDOFMOTD"),
            ]
        ),
        max_size=4,
    ),
)
def test_any_answer_has_its_label_once_and_only_whole_batches(
    label: str, events: list[e.Event]
) -> None:
    messages: list[Message] = []
    for line in lines(e.Answered(label, tuple(events)), f"{LABELED} {ALL}"):
        message = parse(line)
        assert message is not None
        messages.append(message)
    assert [message.tags.get("label") for message in messages].count(label) == 1
    assert messages[0].tags["label"] == label
    opened: list[str] = []
    for place, message in enumerate(messages):
        inside = opened[-1] if opened else None
        if message.verb == "BATCH" and message.params[0].startswith("-"):
            assert opened.pop() == message.params[0][1:]
            inside = opened[-1] if opened else None
        assert message.tags.get("batch") == inside
        if message.verb == "BATCH" and message.params[0].startswith("+"):
            assert message.params[0][1:] not in opened
            opened.append(message.params[0][1:])
        # One answer: whatever comes after the first is in a batch.
        assert place == 0 or opened or message is messages[-1]
    assert not opened
