"""Tables for people: columns that stay straight."""

import re

import pytest

from chatd_supervisor.tables import (
    COLUMNS,
    display_width,
    format_age,
    format_sessions,
    format_status,
)

SESSION = {
    "session": 1,
    "pid": 4711,
    "nick": "alice",
    "account": None,
    "peer": "127.0.0.1:52984",
    "dialect": "text",
    "way": [],
    "room": "#lobby",
    "age": 61.5,
    "idle": 3.2,
    "lines": 3,
    "restarts": 0,
    "queue": 0,
    "state": "served",
}


def test_no_session_is_a_heading() -> None:
    assert format_sessions([]).split() == [column.upper() for column in COLUMNS]


def test_a_session_is_a_line_below_its_headings() -> None:
    head, row = format_sessions([SESSION]).splitlines()
    assert row.split() == [
        "4711",
        "alice",
        "-",
        "127.0.0.1:52984",
        "text",
        "-",
        "#lobby",
        "1m01s",
        "3s",
        "3",
        "0",
        "0",
    ]
    starts = [[found.start() for found in re.finditer(r"\S+", line)] for line in (head, row)]
    assert starts[0] == starts[1]


def test_the_way_is_told_in_a_word() -> None:
    row = format_sessions([{**SESSION, "way": ["tls", "proxy"], "account": "ann"}]).splitlines()[1]
    assert row.split()[2:6] == ["ann", "127.0.0.1:52984", "text", "tls+proxy"]


def test_names_cannot_bring_control_characters() -> None:
    assert "\x1b" not in format_sessions([{**SESSION, "room": "#\x1b[2J"}])


def test_what_is_not_there_is_a_dash() -> None:
    row = format_sessions([{**SESSION, "pid": None, "nick": None}]).splitlines()[1]
    assert row.split()[:2] == ["-", "-"]


@pytest.mark.parametrize("nick", ["佐藤", "é", "e\u0301", "ｱｲ", "नि", "ア"])
def test_columns_stay_straight_with_any_script(nick: str) -> None:
    head, wide, plain = format_sessions([{**SESSION, "nick": nick}, SESSION]).splitlines()
    columns = {
        display_width(line[: line.index(mark)])
        for line, mark in ((head, "PEER"), (wide, "127."), (plain, "127."))
    }
    assert len(columns) == 1


@pytest.mark.parametrize(
    ("text", "width"),
    [("", 0), ("abc", 3), ("佐藤", 4), ("e\u0301", 1), ("a\u200db", 2), ("ｱ", 1), ("ア", 2)],
)
def test_display_width(text: str, width: int) -> None:
    assert display_width(text) == width


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0s"),
        (59.9, "59s"),
        (60, "1m00s"),
        (3599, "59m59s"),
        (3600, "1h00m"),
        (86399, "23h59m"),
        (86400, "1d00h"),
        (1e8, "1157d09h"),
    ],
)
def test_ages(seconds: float, shown: str) -> None:
    assert format_age(seconds) == shown


def test_status_is_a_line_for_each_thing_that_is_there() -> None:
    status = {
        "pid": 1,
        "started": 1_000_000_000.0,
        "degraded_since": None,
        "listen": [
            {"address": "127.0.0.1:5015", "dialect": "text"},
            {"address": "[::1]:5015", "dialect": "text", "way": ["tls", "proxy"]},
        ],
    }
    assert format_status(status, now=1_000_000_100.0).splitlines() == [
        "pid      1",
        "started  2001-09-09T01:46:40Z (up 1m40s)",
        "listen   127.0.0.1:5015 (text), [::1]:5015 (text, tls, proxy)",
    ]


def test_status_says_since_when_it_is_degraded() -> None:
    status = {"started": 0.0, "degraded_since": 1_000_000_000.0, "listen": []}
    lines = format_status(status, now=0.0).splitlines()
    assert lines[1] == "degraded since  2001-09-09T01:46:40Z"
