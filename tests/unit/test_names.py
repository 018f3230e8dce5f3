"""Names, safe text and titles."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.names import fold, is_nick, is_room, is_safe, make_safe
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


@given(st.text(), st.text())
def test_titles_are_printable_and_short(nick: str, room: str) -> None:
    title = worker_title(nick, "[::1]:5015", "text", room)
    assert title.isprintable()
    assert len(title.encode()) <= MAX_TITLE


def test_titles_escape_and_clip() -> None:
    assert printable("a\x1b[31m") == "a\\x1b[31m"
    assert clip("ä" * 100) == "ä" * 60
