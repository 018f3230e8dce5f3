"""Whatever comes, the screen keeps its shape: the real renderer, looked at by a terminal."""

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
from chatd_client.screen.view import NAMES_CELLS
from hostile import ATTACKS, news
from orderly import is_allowed, is_orderly
from painting import painting

COLUMNS, ROWS = 80, 16

slow = settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


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
        is_orderly(seen.terminal)


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
        is_orderly(seen.terminal)
        assert seen.row(-4).endswith("│ and that was it")
        # And beside them, who is here.
        seen.screen.toggle_names()
        is_allowed(seen.paint())
        for number in range(1, ROWS - 3):
            assert seen.cells(number)[COLUMNS - NAMES_CELLS].data == "│", seen.row(number)


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
            # And in its own window, which has its name before what is typed.
            seen.desk.go(0)
            is_allowed(seen.paint())
            assert seen.row(-1).endswith(" >"), seen.row(-1)
            seen.desk.go(1)
