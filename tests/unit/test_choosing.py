"""Which sessions ``chatd ps`` shows, and in which order."""

from typing import Any

import pytest

from chatd_supervisor.choosing import chosen, ordered, parse_wanted


def session(number: int, nick: str | None, **more: Any) -> dict[str, Any]:
    return {"session": number, "nick": nick, "way": [], "lines": 0, **more}


SESSIONS = [
    session(3, "Bob", lines=7, way=["tls", "proxy"], room="#ops", state="served"),
    session(1, "alice", lines=12, room="#lobby", state="served"),
    session(2, None, lines=0, room=None, state="leaving"),
]


def numbers(found: list[Any]) -> list[int]:
    return [one["session"] for one in found]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ([], [3, 1, 2]),
        (["nick=bob"], [3]),
        (["nick=*"], [3, 1, 2]),
        (["nick=?*"], [3, 1]),
        (["room=#o*", "nick=b*"], [3]),
        (["room=#o*", "nick=a*"], []),
        (["way=tls*"], [3]),
        (["nick="], [2]),
        (["state=leaving"], [2]),
        (["lines=12"], [1]),
    ],
    ids=str,
)
def test_only_what_is_all_that_is_wanted(wanted: list[str], found: list[int]) -> None:
    assert numbers(chosen(SESSIONS, [parse_wanted(one) for one in wanted])) == found


@pytest.mark.parametrize("text", ["", "nick", "=x", "shoe=42"])
def test_what_is_no_column_is_told(text: str) -> None:
    with pytest.raises(ValueError, match="is to be COLUMN=PATTERN"):
        parse_wanted(text)


@pytest.mark.parametrize(
    ("column", "reverse", "found"),
    [
        (None, False, [1, 2, 3]),
        (None, True, [3, 2, 1]),
        ("nick", False, [1, 3, 2]),
        ("nick", True, [3, 1, 2]),
        ("lines", False, [1, 3, 2]),
        ("lines", True, [2, 3, 1]),
        ("way", False, [1, 2, 3]),
    ],
)
def test_the_order(column: str | None, reverse: bool, found: list[int]) -> None:
    assert numbers(ordered(SESSIONS, column, reverse=reverse)) == found
