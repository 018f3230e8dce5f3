"""Whatever comes, the screen keeps its shape: the real renderer, looked at by a terminal."""

import re
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_client.exchange import (
    AnyNews,
    Came,
    Member,
    Members,
    Person,
    Phase,
    Refused,
    Renamed,
    Said,
    Status,
    Told,
    Topic,
    Typing,
)
from chatd_client.screen.cells import MARKS
from hostile import ATTACKS, news
from painting import Painting, painting

COLUMNS, ROWS = 80, 16

SEQUENCE = re.compile(
    r"[^\x00-\x1f\x7f-\x9f]|[\r\n\x08]"
    r"|\x1b\[[0-9;]*[mABCDHJK]"  # colours, the cursor, erasing
    r"|\x1b\[\?(?:1049|2004|25|12|7|1)[hl]"  # buffer, paste, cursor, wrapping
)
"""All that prompt_toolkit writes: nothing else may come, whatever others say."""

HEAD = re.compile(r"(?:\d\d:\d\d| {5}) ")
GUTTER = 6 + 13 + 1
"""The cell of the line between name and text, in a window of 60 cells or more."""

slow = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def is_orderly(seen: Painting) -> None:
    """See that each row is what its place says."""
    entry, tabs, status = (seen.row(-number) for number in (1, 2, 3))
    assert entry == "#lobby >", entry
    assert tabs.startswith(" 0 server"), tabs
    assert status.startswith(" alice  online  irc.example"), status
    assert seen.row(0).startswith(" #lobby"), seen.row(0)
    for number in range(1, ROWS - 3):
        is_a_row_of_the_transcript(seen.cells(number))


def is_a_row_of_the_transcript(cells: list[Any]) -> None:
    shown = "".join(cell.data for cell in cells)
    if not shown.strip():
        return
    if cells[0].data == "─":  # a rule of the program's own
        assert re.fullmatch(r"─+ (?:new|\w+, \d\d \w+ \d+) ─+", shown), shown
        return
    assert HEAD.match("".join(cell.data for cell in cells[:6])), shown
    assert cells[GUTTER].data == "│", shown
    for cell in cells[GUTTER + 1 :]:
        assert cell.bg == "default", f"{shown!r} has the ground of a bar"
        assert not cell.reverse, shown
        assert len(cell.data) <= 1 + MARKS, f"{cell.data!a} is a tower"
        assert not cell.blink, shown


def is_allowed(written: str) -> None:
    rest = SEQUENCE.sub("", written)
    assert not rest, f"{rest!r} was written"
    written.encode()


def calls_us_otherwise(each: AnyNews) -> bool:
    return isinstance(each, Renamed) and each.own


@slow
@given(st.lists(news(statuses=False), max_size=12))
def test_no_news_disturb_the_screen(heard: list[AnyNews]) -> None:
    with painting(COLUMNS, ROWS) as seen:
        is_allowed(seen.paint())
        for each in heard:
            if not calls_us_otherwise(each):
                seen.desk.hear(each)
        is_allowed(seen.paint())
        is_orderly(seen)


@slow
@given(st.lists(news(), max_size=6), st.integers(1, 90), st.integers(1, 30))
def test_no_size_and_no_server_disturb_the_screen(
    heard: list[AnyNews], columns: int, rows: int
) -> None:
    with painting(COLUMNS, ROWS) as seen:
        for each in heard:
            seen.desk.hear(each)
            is_allowed(seen.paint())
        seen.screen.toggle_names()
        seen.resize(columns, rows)
        is_allowed(seen.paint())
        for place in range(len(seen.desk.windows)):
            seen.screen.desk.go(place)
            is_allowed(seen.paint())


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: ascii(attack)[1:20])
def test_each_attack_in_every_place(attack: str) -> None:
    with painting(COLUMNS, ROWS) as seen:
        seen.paint()
        for each in (
            Topic(room="#lobby", text=attack, by=attack),
            Members(room="#lobby", members=(Member(nick=attack, prefix=attack),)),
            Said(room="#ops", nick=attack, text=attack),
            Said(room=attack, nick=attack, text=attack),
            Came(room="#lobby", nick=attack),
            Told(room="#lobby", text=attack),
            Refused(room="#lobby", why=attack),
            Person(nick=attack, facts=((attack, attack),)),
            Typing(room="#lobby", nick=attack, active=True),
            Said(room="#lobby", nick="bob", text=f"{attack}{attack}", msgid=attack),
            Said(room="#lobby", nick=attack, text="and that was it"),
        ):
            seen.desk.hear(each)
        is_allowed(seen.paint())
        is_orderly(seen)
        assert seen.row(-4).endswith("│ and that was it")


def test_a_status_is_one_row_whatever_the_server_is_called() -> None:
    with painting(COLUMNS, ROWS) as seen:
        for attack in ATTACKS:
            status = Status(
                phase=Phase.WAITING, server=attack, nick=attack, why=attack, secure=attack
            )
            seen.desk.hear(status)
            is_allowed(seen.paint())
            assert seen.row(-1) == "#lobby >"
            assert seen.row(-2).startswith(" 0 server"), seen.row(-2)
            assert " offline " in seen.row(-3), seen.row(-3)
