"""Whatever happens, a client of IRC is sent lines that are lines."""

import re
from typing import Any, get_args

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_workers import capabilities as cap
from chatd_workers import events as e
from chatd_workers.dialects.irc.numerics import NUMERICS
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.names import FORMATTING
from chatd_workers.problems import NOTICES, PROBLEMS

WRITER = Writer("irc.example.org")

views = st.integers(0, (1 << len(cap.NAMES)) - 1)

# What the hub lets through: names within the limits that are usual, texts of any line.
nicks = st.from_regex(r"[a-zA-Zéß漢]{1,24}", fullmatch=True)
rooms = st.from_regex(r"#[a-z漢]{1,31}", fullmatch=True)
words = st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=40)
texts = st.one_of(
    words,
    st.text(st.sampled_from(f"abé漢😀 :;\\ {FORMATTING}"), max_size=60),
    st.builds(
        lambda piece, times: piece * times, st.text("ab é😀", min_size=1), st.integers(1, 3000)
    ),
)
times = st.integers(0, 4_000_000_000_000_000)
stamps = st.builds(e.Stamp, times, st.from_regex(r"[a-z0-9-]{0,30}", fullmatch=True))
tags = st.lists(st.tuples(st.from_regex(r"[a-z/]{1,9}", fullmatch=True), texts), max_size=3).map(
    tuple
)
sources = st.builds(
    e.Source,
    nicks,
    st.from_regex(r"[a-z]{0,20}", fullmatch=True),
    st.from_regex(r"[a-z0-9.:]{0,63}", fullmatch=True),
    st.one_of(st.just(""), nicks),
    words,
    st.booleans(),
)
recipients = st.one_of(st.just("*"), nicks)
kinds = st.sampled_from(get_args(e.TalkKind))
members = st.builds(
    e.Member, nicks, st.just("user"), st.just("host.example"), st.sampled_from(["", "o", "v", "ov"])
)
pasts = st.builds(
    e.Past,
    times,
    nicks,
    st.sampled_from(
        [
            "say",
            "act",
            "notice",
            "tag",
            "topic",
            "join",
            "part",
            "quit",
            "nick",
            "kick",
            "mode",
            "?",
        ]
    ),
    texts,
    st.just("f00"),
    st.one_of(st.none(), sources),
    st.one_of(st.just(""), rooms),
    tags,
)
changes = st.lists(
    st.tuples(
        st.sampled_from("+-"), st.sampled_from("bklmnov"), st.one_of(st.just(""), words, texts)
    ),
    max_size=40,
).map(tuple)


def tupled(strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(strategy, max_size=30).map(tuple)


isupport = tupled(st.from_regex(r"[A-Z]{1,9}(=[a-z]{0,90})?", fullmatch=True))
PLAIN: dict[type, st.SearchStrategy[Any]] = {
    e.Welcomed: st.builds(e.Welcomed, words, nicks, rooms, words, tupled(nicks), st.just(3)),
    e.Hinted: st.just(e.Hinted()),
    e.Joined: st.builds(e.Joined, sources, rooms, stamp=stamps, away=texts),
    e.Left: st.builds(e.Left, sources, rooms, texts, stamp=stamps),
    e.Departed: st.builds(e.Departed, sources, texts, stamp=stamps),
    e.Kicked: st.builds(e.Kicked, sources, rooms, nicks, texts, stamp=stamps),
    e.Killed: st.builds(e.Killed, sources, nicks, texts, stamp=stamps),
    e.Renamed: st.builds(e.Renamed, sources, nicks, stamp=stamps),
    e.Entered: st.builds(e.Entered, rooms, words, tupled(nicks), st.just(3)),
    e.Closing: st.builds(e.Closing, texts),
    e.Said: st.builds(
        e.Said, sources, rooms, texts, kinds, stamps, st.sampled_from(["", "@", "+"]), tags
    ),
    e.Told: st.builds(e.Told, sources, nicks, texts, kinds, stamps, tags),
    e.Announced: st.builds(
        e.Announced, texts, recipients, st.one_of(st.none(), sources), st.booleans(), stamps
    ),
    e.Invited: st.builds(e.Invited, sources, nicks, rooms, stamps, st.booleans()),
    e.AwayChanged: st.builds(e.AwayChanged, sources, texts, stamps),
    e.AccountChanged: st.builds(e.AccountChanged, sources, stamps),
    e.HostChanged: st.builds(e.HostChanged, sources, st.just("user"), st.just("::1"), stamps),
    e.RealnameChanged: st.builds(e.RealnameChanged, sources, stamps),
    e.ModesChanged: st.builds(
        e.ModesChanged, st.one_of(st.none(), sources), rooms, changes, stamps
    ),
    e.TopicChanged: st.builds(e.TopicChanged, sources, rooms, texts, stamps),
    e.TopicShown: st.builds(e.TopicShown, rooms, texts, recipients, nicks, times, st.booleans()),
    e.ModesShown: st.builds(
        e.ModesShown,
        rooms,
        st.lists(st.tuples(st.sampled_from("klnt"), st.just("") | words), max_size=4).map(tuple),
        times,
        recipients,
    ),
    e.MasksListed: st.builds(
        e.MasksListed,
        rooms,
        st.sampled_from("beI"),
        tupled(st.tuples(words, nicks, times)),
        recipients,
    ),
    e.Members: st.builds(e.Members, rooms, tupled(nicks), st.just(3)),
    e.NamesListed: st.builds(
        e.NamesListed,
        recipients,
        rooms,
        st.sampled_from(["", "=", "@"]),
        tupled(members),
        st.booleans(),
        st.booleans(),
    ),
    e.PersonShown: st.builds(
        e.PersonShown,
        recipients,
        sources,
        st.just("irc.example.org"),
        texts,
        tupled(st.tuples(rooms, st.sampled_from(["", "o", "v", "ov"]))),
        texts,
        times,
        times,
        st.booleans(),
        st.booleans(),
        st.one_of(st.none(), st.builds(e.Private, st.just("io"), words, words)),
    ),
    e.AwayShown: st.builds(e.AwayShown, recipients, nicks, texts),
    e.Supported: st.builds(e.Supported, recipients, isupport),
    e.RoomsListed: st.builds(e.RoomsListed, tupled(st.tuples(rooms, times, words)), st.just(3)),
    e.Helped: st.just(e.Helped()),
    e.Recalled: st.builds(
        e.Recalled,
        rooms,
        st.sampled_from(get_args(e.RecallKind)),
        texts,
        tupled(pasts),
        st.sampled_from([-1, 3]),
        recipients,
    ),
    e.HistoryShown: st.builds(e.HistoryShown, rooms, tupled(pasts), recipients),
    e.TargetsShown: st.builds(e.TargetsShown, tupled(st.tuples(rooms, times)), recipients),
    e.ReadMarked: st.builds(e.ReadMarked, rooms, times),
    e.Refused: st.builds(e.Refused, st.sampled_from(sorted(PROBLEMS)), words, words, recipients),
    e.Informed: st.builds(e.Informed, st.sampled_from(sorted(NOTICES)), words, words, recipients),
    e.Registered: st.builds(
        e.Registered,
        recipients,
        sources,
        words,
        words,
        words,
        words,
        isupport,
    ),
    e.Numeric: st.builds(
        e.Numeric, recipients, st.sampled_from(sorted(NUMERICS)), tupled(st.one_of(words, texts))
    ),
    e.Replied: st.builds(
        e.Replied,
        st.sampled_from(["CAP", "PONG", "AUTHENTICATE", "REGISTER"]),
        tupled(st.one_of(words, texts)),
        st.booleans(),
    ),
    e.StandardReply: st.builds(
        e.StandardReply,
        st.sampled_from(["FAIL", "WARN", "NOTE"]),
        st.just("*"),
        st.just("CODE"),
        st.lists(words, max_size=3).map(tuple),
        texts,
        recipients,
    ),
}
EVENTS = PLAIN | {
    e.Answered: st.builds(
        e.Answered, st.text("ab;\\é ", min_size=1, max_size=20), tupled(st.one_of(*PLAIN.values()))
    )
}

LINE = re.compile(
    r"(@[^ ]+ )?(:[^ ]+ )?([A-Z]+|[0-9]{3})( (?!:)[^ ]+){0,14}( (?!:)[^ ]+| :.*)?", re.DOTALL
)


def test_every_event_is_tried() -> None:
    assert set(EVENTS) == set(get_args(e.Event))


@settings(deadline=None, suppress_health_check=list(HealthCheck))
@given(st.one_of(*EVENTS.values()), views)
def test_any_event_is_lines_within_bounds(event: e.Event, view: int) -> None:
    data = WRITER.write(event, view)
    assert b"\0" not in data
    *lines, rest = data.split(b"\r\n")
    assert not rest
    for line in lines:
        assert b"\r" not in line
        assert b"\n" not in line
        text = line.decode()
        tags, body = text.split(" ", 1) if text.startswith("@") else ("", text)
        assert len(body.encode()) <= 510
        assert LINE.fullmatch(body), body
        if tags:
            assert view & (cap.SERVER_TIME | cap.MESSAGE_TAGS | cap.ACCOUNT_TAG | cap.BATCH)
    assert WRITER.write(event, view) == data


@given(st.one_of(*EVENTS.values()))
def test_who_has_no_capabilities_is_sent_no_tags(event: e.Event) -> None:
    assert b"\r\n@" not in b"\r\n" + WRITER.write(event, 0)
