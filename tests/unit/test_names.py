"""Names, safe text and titles."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.names import (
    FORMATTING,
    UNSAFE,
    fold,
    is_nick,
    is_passable,
    is_room,
    is_safe,
    make_passable,
    make_safe,
    strip_formatting,
)
from chatd_workers.titles import MAX_TITLE, clip, printable, worker_title


@pytest.mark.parametrize("nick", ["alice", "a", "élodie", "世界", "x_y-z", "[bot]", "R2D2", "7"])
def test_possible_nicks(nick: str) -> None:
    assert is_nick(nick)


@pytest.mark.parametrize(
    "nick",
    ["", " ", "a b", "a:b", "-a", "*", "a\n", "e\u0301", "a\u200d", "@a", "#a", "a/b", "\ud800"],
)
def test_impossible_nicks(nick: str) -> None:
    assert not is_nick(nick)


def test_rooms_begin_with_a_hash() -> None:
    assert is_room("#ops")
    assert not is_room("ops")
    assert not is_room("#")
    assert not is_room("##")


@pytest.mark.parametrize(
    ("one", "other"),
    [("Alice", "alice"), ("STRASSE", "straße"), ("\uff41", "A"), ("\ufb01", "fi")],
)
def test_names_that_are_the_same(one: str, other: str) -> None:
    assert fold(one) == fold(other)


@given(st.text())
def test_folding_again_changes_nothing(name: str) -> None:
    assert fold(fold(name)) == fold(name)


@given(st.text())
def test_made_safe_is_safe_and_no_longer(text: str) -> None:
    safe = make_safe(text)
    assert is_safe(safe)
    assert len(safe) == len(text)
    assert not any(unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp") for char in safe)


@given(st.text().filter(is_safe))
def test_safe_text_is_left_alone(text: str) -> None:
    assert make_safe(text) == text


formatted = st.text(st.one_of(st.sampled_from(FORMATTING + ",09afF\t"), st.characters()))


@given(formatted)
def test_made_passable_is_made_safe_but_for_formatting(text: str) -> None:
    passable = make_passable(text)
    assert is_passable(passable)
    assert make_safe(passable) == make_safe(text)
    assert [char for char in passable if char in FORMATTING] == [
        char for char in text if char in FORMATTING
    ]


@given(formatted.filter(is_passable))
def test_passable_text_is_left_alone_and_safe_once_stripped(text: str) -> None:
    assert make_passable(text) == text
    assert is_safe(strip_formatting(text))


@given(st.text().filter(is_safe))
def test_there_is_no_formatting_in_safe_text(text: str) -> None:
    assert is_passable(text)
    assert strip_formatting(text) == text


def test_formatting_would_be_unsafe() -> None:
    assert all(UNSAFE.fullmatch(char) for char in FORMATTING)


@pytest.mark.parametrize(
    ("text", "stripped"),
    [
        ("\x02bold\x02 \x1ditalic\x0f", "bold italic"),
        ("\x034red\x03", "red"),
        ("\x0304,12both\x0399", "both"),
        ("\x03123", "3"),
        ("\x031,x", ",x"),
        ("\x03,1", ",1"),
        ("\x04FF00ffhex \x04ff0000,00ff00both\x04", "hex both"),
        ("\x04ff00", "ff00"),
        ("\x01VERSION\x01", "VERSION"),
        ("plain, 1", "plain, 1"),
    ],
)
def test_formatting_is_stripped_with_its_digits(text: str, stripped: str) -> None:
    assert strip_formatting(text) == stripped


@given(st.text(), st.text())
def test_titles_are_printable_and_short(nick: str, room: str) -> None:
    title = worker_title(nick, "[::1]:5015", "text", room)
    assert title.isprintable()
    assert len(title.encode()) <= MAX_TITLE


def test_titles_escape_and_clip() -> None:
    assert printable("a\x1b[31m") == "a\\x1b[31m"
    assert clip("ä" * 100) == "ä" * 60
