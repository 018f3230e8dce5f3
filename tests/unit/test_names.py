"""Names, safe text and titles."""

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.names import (
    FORMATTING,
    PUNCTUATION,
    UNSAFE,
    fold,
    is_nick,
    is_passable,
    is_room,
    is_safe,
    make_passable,
    make_safe,
    mixes_scripts,
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


# Beyond ASCII


@pytest.mark.parametrize(
    "name",
    [
        *("élodie", "straße", "Γιώργος", "иван", "שלב7", "عربي", "हिन्दी", "สวัสดี", "世界", "한글"),
        # Together as they are written, or in words of their own.
        *("田中Taro", "ひらカタ漢字ー", "한글abc", "bob_иван", "[ελ]bot"),
    ],
)
def test_names_of_all_scripts(name: str) -> None:
    assert is_nick(name)
    assert is_room(f"#{name}")
    assert not mixes_scripts(f"#{name}")


@pytest.mark.parametrize(
    "name",
    [
        # Blank or invisible.
        *("\u3164", "\uffa0", "\u115f", "\u1160", "\u2800", "\u17b4", "\u180b", "\u034f", "\u200b"),
        *(
            "\u200d",
            "\ufe0f",
            "\u00ad",
            "\u2060",
            "\ufeff",
            "\U000e0100",
            "\U0001bca0",
            "\U0001d173",
        ),
        *("\U00016fe4", "\U0001107f", "\u00a0", "\u3000", "\u2028", "\u202e"),
        # Other forms of letters, digits and what is none.
        *("\uff41", "\ufb01", "\u2177", "\u2461", "\u00b2", "\u017f", "\u1100", "\U0001f600"),
    ],
)
def test_no_name_has_this_anywhere(name: str) -> None:
    for one in (name, f"a{name}", f"{name}a", f"a{name}b", f"\u0905{name}", f"\u0627{name}"):
        assert not is_nick(one), ascii(one)
        assert not is_room(f"#{one}"), ascii(one)


MIXTURES = ("\u0430lice", "al\u0456ce", "\u0391lice", "\u0440\u0430y", "\u13aalice", "a\u0561")
OTHERS = ("\u0e01a", "\u30a2\u0430", "\u4e16\u0430", "x_\u0430lice", "\u3042\u3105", "\U00017000a")


@pytest.mark.parametrize("name", [*MIXTURES, *OTHERS])
def test_mixtures(name: str) -> None:
    """They are names as far as readers are concerned; the hub goes by the configuration."""
    assert is_nick(name)
    assert mixes_scripts(name)
    assert mixes_scripts(f"#{name}")


@pytest.mark.parametrize(
    "name",
    [
        *("\u0661\u06f1", "\u05e9abc", "abc\u05e9", "_\u05e9", "\u05e9_", "abc_\u05e9"),
        *("\u06271\u0661", "q\u0301", "e\u0301", "\u093f", "\u0e01\u0e34\u0e34\u0e34\u0e34"),
        *("a\u0301\u0301", "x\u302a", "a\u093f"),
    ],
)
def test_two_kinds_of_digits_two_directions_and_piles_of_marks(name: str) -> None:
    assert not is_nick(name)


# Of Unicode, as far as this Python knows it.
everything = [chr(code) for code in range(sys.maxunicode + 1)]


def test_no_possible_character_is_blank_or_another_one() -> None:
    """What may stand in a name shows something (PRECIS, RFC 8264), in every version of Unicode."""
    for char in everything:
        if not is_nick(f"x{char}") and not is_nick(char):
            continue
        assert unicodedata.category(char)[0] in "LN" or char in PUNCTUATION
        assert unicodedata.normalize("NFKC", char) == char
        assert not {"FILLER", "BLANK", "SPACE", "INVISIBLE", "JOINER"} & set(
            unicodedata.name(char, "").split()
        )


possible = [char for char in everything if not char.isascii() and is_nick(char)]


def precis(name: str) -> str:
    """Return ``name`` as RFC 8265, UsernameCaseMapped, compares it (section 3.3.3)."""
    return unicodedata.normalize("NFC", name.lower())


@given(st.text(st.sampled_from(possible), min_size=1, max_size=8).filter(is_nick))
def test_what_is_the_same_by_casemapping_is_the_same(name: str) -> None:
    for other in (name.lower(), name.upper(), name.title(), precis(name)):
        if precis(other) == precis(name):
            assert fold(other) == fold(name)
