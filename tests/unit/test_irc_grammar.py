"""Lines of IRC as data: what is written is read back, and nothing that is read does harm."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.dialects.irc.grammar import (
    MAX_PARAMS,
    Message,
    clip,
    compose,
    compose_tags,
    escape,
    pack,
    parse,
    parse_tags,
    read_action,
    split,
    unescape,
    write_action,
)

characters = st.characters(blacklist_characters="\r\n\0", blacklist_categories=["Cs"])
anything = st.text(characters)
middles = anything.filter(lambda text: bool(text) and " " not in text and text[0] != ":")
verbs = middles.filter(lambda verb: verb[0] != "@")
keys = st.from_regex(r"\+?([a-z0-9.-]+/)?[A-Za-z0-9-]+", fullmatch=True)
tags = st.dictionaries(keys, st.text(st.characters(blacklist_characters="\0")), max_size=5)
params = st.lists(middles, max_size=MAX_PARAMS - 1)
messages = st.builds(
    lambda tags, source, verb, middle, last: Message(tags, source, verb, (*middle, *last)),
    tags,
    st.one_of(st.just(""), middles),
    verbs,
    params,
    st.lists(anything, max_size=1),
)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("PING", ({}, "", "PING", ())),
        ("ping a :b c", ({}, "", "ping", ("a", "b c"))),
        ("PRIVMSG #a ::)", ({}, "", "PRIVMSG", ("#a", ":)"))),
        ("PRIVMSG #a :", ({}, "", "PRIVMSG", ("#a", ""))),
        ("  JOIN   #a  ", ({}, "", "JOIN", ("#a",))),
        (":alice!a@h  QUIT", ({}, "alice!a@h", "QUIT", ())),
        ("@a=b;+c;d/e= X y", ({"a": "b", "+c": "", "d/e": ""}, "", "X", ("y",))),
        ("@a=1;a=2 X", ({"a": "2"}, "", "X", ())),
        ("@a=x=y X", ({"a": "x=y"}, "", "X", ())),
        ("@!=1;ä=2;;+=3;b=4 X", ({"b": "4"}, "", "X", ())),
        (r"@a=\:\s\\\r\n\b\ X", ({"a": "; \\\r\nb"}, "", "X", ())),
        ("@a=b :s X", ({"a": "b"}, "s", "X", ())),
        ("X " + "a " * 13 + "b c d", ({}, "", "X", (*["a"] * 13, "b", "c d"))),
        ("X " + "a " * 14 + ":c d", ({}, "", "X", (*["a"] * 14, "c d"))),
        ("X a\tb", ({}, "", "X", ("a\tb",))),
    ],
)
def test_lines_as_data(
    line: str, message: tuple[dict[str, str], str, str, tuple[str, ...]]
) -> None:
    assert parse(line) == message


@pytest.mark.parametrize("line", ["", "  ", ":", ":alice", "@", "@a=b", "@a=b  ", "@a :s "])
def test_lines_without_a_verb(line: str) -> None:
    assert parse(line) is None


@given(messages)
def test_what_is_composed_is_read_back(message: Message) -> None:
    assert parse(compose(message)) == message


@given(st.text())
def test_what_is_read_is_the_same_once_composed(line: str) -> None:
    message = parse(line)
    if message is not None and not any(set("\r\n\0") & set(word) for word in message.params):
        assert parse(compose(message._replace(tags={}, source="", verb="X"))) == message._replace(
            tags={}, source="", verb="X"
        )


wild = st.text()


@given(
    st.builds(
        lambda tags, source, verb, words: Message(tags, source, verb, tuple(words)),
        st.dictionaries(keys, wild, max_size=5),
        wild,
        wild,
        st.lists(wild, max_size=20),
    )
)
def test_whatever_is_composed_is_one_line_with_every_word_in_its_place(message: Message) -> None:
    line = compose(message)
    assert not set("\r\n\0") & set(line)
    again = parse(line)
    assert again is not None
    assert len(again.params) == min(len(message.params), MAX_PARAMS)
    assert bool(again.source) == bool(message.source)
    assert set(again.tags) == set(message.tags)


@given(st.text(st.characters(blacklist_characters="\0")))
def test_tag_values_go_there_and_back(value: str) -> None:
    assert unescape(escape(value)) == value
    assert not set(" ;\r\n\0") & set(escape(value))


@given(tags)
def test_tags_go_there_and_back(some: dict[str, str]) -> None:
    assert parse_tags(compose_tags(some)) == some


@given(anything, st.integers(4, 40))
def test_text_is_split_within_bounds_and_nothing_but_spaces_is_lost(text: str, size: int) -> None:
    pieces = split(text, size)
    assert all(len(piece.encode()) <= size for piece in pieces)
    assert "".join(pieces).replace(" ", "") == text.replace(" ", "")
    assert len(pieces) <= max(1, len(text))


def test_text_is_split_at_spaces() -> None:
    assert split("one two three", 7) == ["one two", "three"]
    assert split("one twothree", 7) == ["one", "twothre", "e"]
    assert split("", 7) == [""]


@given(anything, st.integers(0, 40))
def test_text_is_clipped_between_characters(text: str, size: int) -> None:
    clipped = clip(text, size)
    assert text.startswith(clipped)
    assert len(clipped.encode()) <= size
    assert clipped == text or len(text[: len(clipped) + 1].encode()) > size


words = st.lists(st.text("aé世", min_size=1, max_size=9), max_size=12)


@given(words, st.integers(27, 60))
def test_words_are_packed_in_order_within_bounds(some: list[str], size: int) -> None:
    lines = pack(some, size)
    assert " ".join(lines).split() == some
    assert all(len(line.encode()) <= size for line in lines)
    for line, following in pairwise(lines):
        assert len(f"{line} {following.split()[0]}".encode()) > size


def test_a_word_too_long_for_a_line_is_clipped() -> None:
    assert pack(["a", "b" * 9, "c"], 4, ",") == ["a", "bbbb", "c"]


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("\x01ACTION waves\x01", "waves"),
        ("\x01ACTION waves", "waves"),
        ("\x01ACTION\x01", ""),
        ("\x01ACTION", ""),
        ("\x01ACTIONS\x01", None),
        ("\x01VERSION\x01", None),
        ("ACTION waves", None),
    ],
)
def test_actions_are_told_from_other_text(text: str, action: str | None) -> None:
    assert read_action(text) == action


@given(anything)
def test_actions_go_there_and_back(text: str) -> None:
    assert read_action(write_action(text)) == text
