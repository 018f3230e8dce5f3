"""Times as IRCv3 writes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.dialects.irc.timestamps import read_time, write_time


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("1970-01-01T00:00:00.000Z", 0),
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("2019-01-04T14:33:26.123Z", 1_546_612_406_123_000),
        ("2019-01-04T14:33:26.123456Z", 1_546_612_406_123_456),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999_000),
        ("1969-12-31T23:59:59.999Z", None),
        ("2019-02-30T00:00:00.000Z", None),
        ("2019-01-04T24:00:00.000Z", None),
        ("2019-01-04T14:33:26.123", None),
        ("2019-01-04T14:33:26.123+01:00", None),
        ("\uff12019-01-04T14:33:26.123Z", None),
        ("0000-01-04T14:33:26.123Z", None),
        ("*", None),
        ("", None),
    ],
)
def test_reading(text: str, microseconds: int | None) -> None:
    assert read_time(text) == microseconds


@given(st.integers(0, 253_402_300_799_999))
def test_milliseconds_go_there_and_back(milliseconds: int) -> None:
    assert read_time(write_time(milliseconds * 1000)) == milliseconds * 1000


def test_a_time_out_of_reach_is_the_last_one() -> None:
    assert write_time((1 << 62) - 1) == "9999-12-31T23:59:59.999Z"


def test_microseconds_are_cut() -> None:
    assert write_time(1_546_612_406_123_999) == "2019-01-04T14:33:26.123Z"


@given(st.text())
def test_nothing_fails(text: str) -> None:
    read_time(text)
