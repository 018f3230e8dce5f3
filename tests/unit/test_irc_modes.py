"""Mode strings, and what ISUPPORT says of the modes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.commands import ModeChange
from chatd_workers.dialects.irc.modes import (
    CHANMODES,
    PREFIX,
    PREFIXES,
    ROOM_MODES,
    USER_MODES,
    WITH_PARAMETER,
    Kind,
    letters,
    read_modes,
    takes_parameter,
    write_modes,
)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("", []),
        ("+", []),
        ("b", [(True, "b", None)]),
        ("+o alice", [(True, "o", "alice")]),
        (
            "+ov-v alice bob carol",
            [(True, "o", "alice"), (True, "v", "bob"), (False, "v", "carol")],
        ),
        ("+kl sesame 5", [(True, "k", "sesame"), (True, "l", "5")]),
        ("-kl *", [(False, "k", "*"), (False, "l", None)]),
        ("-k", [(False, "k", None)]),
        ("+imX-s", [(True, "i", None), (True, "m", None), (True, "X", None), (False, "s", None)]),
        ("+b-b a!*@* b!*@*", [(True, "b", "a!*@*"), (False, "b", "b!*@*")]),
        ("+i extra", [(True, "i", None)]),
    ],
)
def test_mode_strings_of_rooms(words: str, changes: list[tuple[bool, str, str | None]]) -> None:
    assert read_modes(ROOM_MODES, words.split(" ")) == [ModeChange(*each) for each in changes]


def test_an_empty_parameter_is_one() -> None:
    assert read_modes(ROOM_MODES, ["+k", ""]) == [ModeChange(True, "k", "")]


def test_no_words_are_no_changes() -> None:
    assert read_modes(ROOM_MODES, []) == []
    assert write_modes([]) == []


def test_modes_of_people_take_no_parameters() -> None:
    assert read_modes(USER_MODES, ["+iw-o", "x"]) == [
        ModeChange(True, "i"),
        ModeChange(True, "w"),
        ModeChange(False, "o"),
    ]


def test_changes_are_written_with_few_signs() -> None:
    changes = [ModeChange(True, "o", "a"), ModeChange(True, "m"), ModeChange(False, "k", "*")]
    assert write_modes(changes) == ["+om-k", "a", "*"]


@st.composite
def complete_changes(draw: st.DrawFn) -> ModeChange:
    letter = draw(st.sampled_from(sorted(ROOM_MODES)))
    add = draw(st.booleans())
    takes = takes_parameter(ROOM_MODES[letter].kind, add=add)
    return ModeChange(add, letter, draw(st.text()) if takes else None)


@given(st.lists(complete_changes()))
def test_what_is_written_is_read_back(changes: list[ModeChange]) -> None:
    assert read_modes(ROOM_MODES, write_modes(changes)) == changes


@given(st.lists(st.text(), max_size=5))
def test_whatever_is_read_has_one_letter_each(words: list[str]) -> None:
    assert all(len(change.letter) == 1 for change in read_modes(ROOM_MODES, words))


def test_isupport_is_what_the_table_says() -> None:
    assert CHANMODES == "beI,k,l,CMRimnst"
    assert PREFIX == "(ov)@+"
    assert WITH_PARAMETER == "beIklov"
    assert letters(ROOM_MODES, Kind.MEMBER) == "".join(PREFIXES)
    assert all(mode.kind is Kind.FLAG for mode in USER_MODES.values())
