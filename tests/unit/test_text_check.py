"""No text that a worker sends ends a line or moves a cursor of anybody else, now or later."""

from decimal import Decimal
from typing import Annotated, Any, NamedTuple, TypedDict

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct, ValidationError, inspect

from chatd_supervisor.hub import Delivery, Hub, Leaving
from chatd_supervisor.text_check import _check_of, misfit
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import DIALECTS
from chatd_workers.dialects.irc.grammar import parse_tags
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.names import is_passable, is_safe
from chatd_workers.reports import Ended, Record, Report, Trace, decode_record, encode
from chatd_workers.text_kinds import KINDS, SAFE, is_address, is_tag_value
from hub_entries import PROLOGUE, RULES, apply
from record_samples import INJECTED, records, texts_in

IRC = Writer("irc.example.org")
ALL = (1 << 30) - 1
"""Every capability."""


@pytest.mark.parametrize(
    ("record", "field"),
    [
        (Ended(f"gone{INJECTED}"), "Ended.reason"),
        (Ended("\x1b[2J"), "Ended.reason"),
        (Report(9, False, b"", [c.Say("a\nb")]), "Report.commands.Say.text"),
        (Report(9, False, b"", [c.Say("\x02bold\x02")]), "Report.commands.Say.text"),
        (Report(9, False, b"", [c.Part(["#a"], "\x1b")]), "Report.commands.Part.reason"),
        (Report(9, False, b"", [c.User("a\r", "A")]), "Report.commands.User.user"),
        (Report(9, False, b"", [c.User("a", "A\x85")]), "Report.commands.User.realname"),
        (Report(9, False, b"", [c.SetRealname("\u202e")]), "Report.commands.SetRealname.realname"),
        (
            Report(9, False, b"", [c.Send("say", ["#a", "#b\n"], "hi")]),
            "Report.commands.Send.targets",
        ),
        (
            Report(9, False, b"", [c.Send("say", ["#a"], "hi", {"k": "\x1b"})]),
            "Report.commands.Send.tags",
        ),
        (Report(9, False, b"", [c.Labeled("\x1b", c.Nothing())]), "Report.commands.Labeled.label"),
        (
            Report(9, False, b"", [c.Labeled("1", c.Mode("#a", [c.ModeChange(True, "k", "\n")]))]),
            "Report.commands.Labeled.command.Mode.changes.ModeChange.parameter",
        ),
        (Report(9, False, b"", [], [c.Proxied("127.0.0.1\n", 1)]), "Report.fresh.Proxied.host"),
        (Report(9, False, b"", [], [c.Proxied("127.1", 1)]), "Report.fresh.Proxied.host"),
    ],
)
def test_a_text_that_no_reader_makes(record: Record, field: str) -> None:
    assert misfit(decode_record(encode(record))) == field


@pytest.mark.parametrize(
    "record",
    [
        Ended("connection closed"),
        Trace("a stack\n\x1b of many lines"),
        Report(9, False, b"", [c.Send("say", ["#a"], "\x02bold\x02 \x01CTCP\x01")]),
        Report(9, False, b"", [c.Send("tag", ["#a"], "", {"k": "a\r\nb", "draft/x": ""})]),
        Report(9, False, b"", [], [c.Proxied("2001:db8::1", 1), c.Secured("TLSv1.3", "AES", "")]),
    ],
)
def test_a_text_that_a_reader_makes(record: Record) -> None:
    assert misfit(decode_record(encode(record))) is None


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r", "\0"])
def test_a_pattern_is_one_for_the_whole_text(ending: str) -> None:
    for fresh in (
        c.Secured(f"TLSv1.3{ending}", "AES", ""),
        c.Secured("TLSv1.3", f"AES{ending}", ""),
        c.Secured("TLSv1.3", "AES", f"{'a' * 64}{ending}"),
    ):
        with pytest.raises(ValidationError):
            decode_record(encode(Report(9, False, b"", [], [fresh])))


def test_a_field_without_a_kind_is_not_overlooked() -> None:
    class New(Struct, tag=1):
        field: Annotated[str, Meta(max_length=9)]

    class Loose(Struct, tag=2):
        field: Annotated[str, Meta(pattern="^a$")]

    for each in (New, Loose):
        with pytest.raises(TypeError, match="a text without a kind"):
            _check_of(inspect.type_info(each))


SafeText = Annotated[str, Meta(max_length=9, extra=SAFE)]


@pytest.mark.parametrize(
    "kind",
    [list[SafeText], tuple[SafeText, ...], set[SafeText], frozenset[SafeText], SafeText | None],
)
def test_a_text_in_a_collection_is_checked(kind: Any) -> None:
    check = _check_of(inspect.type_info(kind))
    assert check is not None
    wrong: Any = "\n" if kind == SafeText | None else ("\n",)
    assert check(wrong) == ""
    assert check(()) is None if kind != SafeText | None else check(None) is None


class Named(NamedTuple):
    text: SafeText


class Mapped(TypedDict):
    text: SafeText


@pytest.mark.parametrize(
    "kind",
    [
        list[str],
        tuple[str, ...],
        frozenset[str],
        set[str],
        dict[SafeText, str],
        tuple[SafeText, int],
        Named,
        Mapped,
        Any,
        bytearray,
        Decimal,
        int | SafeText,
        str | None,
    ],
    ids=str,
)
def test_a_type_of_which_it_is_not_known_whether_it_has_a_text_is_none(kind: Any) -> None:
    with pytest.raises(TypeError):
        _check_of(inspect.type_info(kind))


@given(records(Record))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_what_passes_has_no_controls(record: Record) -> None:
    if misfit(record) is None and not isinstance(record, Trace):
        for field, text in texts_in(record):
            assert is_tag_value(text) if field in ("tags", "label") else is_passable(text), field


@given(st.text())
@settings(deadline=None)
def test_the_kinds(text: str) -> None:
    assert KINDS["safe"](text) <= KINDS["passable"](text) <= KINDS["tag value"](text)
    assert not is_address(f"{text}\n")


class Room:
    """A hub with clients of both dialects, and all that they are sent and that is written down."""

    def __init__(self) -> None:
        self.hub = Hub(RULES)
        self.sent: list[tuple[str, bytes]] = []
        for place, (session, entry) in enumerate(PROLOGUE):
            self.do(place + 10 if isinstance(entry, c.Arrive) else self.here()[session], entry)

    def here(self) -> list[int]:
        return sorted(self.hub.sessions)

    def do(self, session: int, entry: Any) -> None:
        for outcome in apply(self.hub, session, entry):
            if isinstance(outcome, Delivery):
                self.tell(outcome)
            elif isinstance(outcome, Leaving):
                self.do(outcome.session, c.Depart(outcome.reason))

    def tell(self, told: Delivery) -> None:
        for field, text in texts_in(told.event):
            is_tag = field in ("tags", "label")
            assert is_tag_value(text) if is_tag else is_passable(text), (field, told.event)
        self.sent.append(("irc", IRC.write(told.event, ALL)))
        self.sent.append(("text", DIALECTS["text"].write(told.event, 0)))

    def look(self) -> None:
        for dialect, data in self.sent:
            for line in data.decode().split("\r\n" if dialect == "irc" else "\n"):
                look_at(dialect, line)
        for fact in self.hub.facts:
            for text in (fact.nick, fact.room, fact.kind, fact.text):
                assert is_passable(text), fact
            # JSON: what is no printable character is escaped.
            assert is_safe(fact.data.replace("\x7f", "")), fact


def look_at(dialect: str, line: str) -> None:
    """See that ``line``, as a client has got it, has nothing in it that no reader would leave."""
    if dialect == "text":
        assert is_safe(line), line
        return
    if line.startswith("@"):
        tags, _, line = line[1:].partition(" ")
        assert all(is_tag_value(value) for value in parse_tags(tags).values()), tags
    assert is_passable(line), line


@given(st.lists(st.tuples(st.sampled_from([0, 1]), records(Report | Ended)), max_size=6))
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_nobody_is_sent_a_control_character_whatever_a_worker_says(
    said: list[tuple[int, Report | Ended]],
) -> None:
    room = Room()
    room.hub.facts.clear()
    for who, record in said:
        session = 10 if who == 0 else 12
        if session not in room.hub.sessions or misfit(record) is not None:
            continue
        if isinstance(record, Ended):
            room.do(session, c.Depart(record.reason))
            continue
        for entry in [*record.fresh, *record.commands]:
            if session in room.hub.sessions:
                room.do(session, entry)
    room.look()


@pytest.mark.parametrize(
    "event",
    [
        e.Said(e.Source("al", "u", "h"), "#ops", f"hi{INJECTED}"),
        e.Said(e.Source("al", "u", "h"), "#ops", f"{'x ' * 600}{INJECTED}"),
        e.Said(e.Source(f"al{INJECTED}", "u", "h"), "#ops", "hi", "tag"),
        e.Said(e.Source("al"), "#ops", "hi", tags=((f"k{INJECTED}", "v"),)),
        e.Told(e.Source("al", f"u{INJECTED}", "h"), f"bob{INJECTED}", "hi", "notice"),
        e.Departed(e.Source("al", "u", f"h{INJECTED}"), f"gone{INJECTED}"),
        e.Left(e.Source("al"), f"#ops{INJECTED}", "bye"),
        e.Joined(e.Source("al", account=f"a{INJECTED}", realname=INJECTED), "#ops", away=INJECTED),
        e.Closing(f"gone{INJECTED}"),
        e.TopicChanged(e.Source("al"), "#ops", INJECTED),
        e.TopicShown("#ops", INJECTED, by=f"al{INJECTED}"),
        e.Kicked(e.Source("al"), "#ops", "bob", INJECTED),
        e.Refused("nick-invalid", INJECTED),
        e.Informed("logged-in", INJECTED),
        e.Numeric("bob", "RPL_MOTD", (INJECTED,)),
        e.Numeric(f"bob{INJECTED}", "RPL_ISON", (f"al {INJECTED}",)),
        e.Replied("PONG", (f"irc{INJECTED}", INJECTED)),
        e.StandardReply("FAIL", "X", f"Y{INJECTED}", (INJECTED,), INJECTED),
        e.NamesListed("bob", "#ops", "=", (e.Member(f"al{INJECTED}", "u", "h", "o"),)),
        e.RoomsListed((("#ops", 1, INJECTED),), 1),
        e.Members("#ops", (INJECTED,), 1),
        e.MasksListed("#ops", "b", ((f"*!*@*{INJECTED}", "al", 1),)),
        e.ModesChanged(e.Source("al"), "#ops", (("+", "k", INJECTED),)),
        e.ModesShown("#ops", (("k", INJECTED),), 1),
        e.Announced(INJECTED),
        e.Recalled("#ops", "history", "", (e.Past(1, "al", "say", INJECTED),), 1),
        e.Recalled("#ops", "search", INJECTED, (), 0),
        e.HistoryShown(f"#ops{INJECTED}", (e.Past(1, f"al{INJECTED}", "say", "x"),)),
        e.TargetsShown(((f"#ops{INJECTED}", 1),)),
        e.PersonShown("bob", e.Source("al", realname=INJECTED), "irc", "it", away=INJECTED),
        e.Welcomed("chatd", "al", "#ops", INJECTED, (INJECTED,), 2),
        e.Entered("#ops", INJECTED, (INJECTED,), 2),
        e.Answered("1", (e.AwayShown("bob", "al", INJECTED),)),
        e.Answered(f"1{INJECTED}", (e.Refused("no-nick"), e.Closing("x"))),
    ],
    ids=lambda event: type(event).__name__,
)
@pytest.mark.parametrize("view", [0, ALL])
def test_no_writer_ends_a_line_because_a_parameter_does(event: e.Event, view: int) -> None:
    for write, end in ((IRC.write, "\r\n"), (DIALECTS["text"].write, "\n")):
        data = write(event, view).decode()
        lines = data.split(end)
        assert lines.pop() == ""
        assert not [line for line in lines if "\r" in line or "\n" in line or "\0" in line]
        assert not [line for line in lines if line.startswith(":mallory")]
