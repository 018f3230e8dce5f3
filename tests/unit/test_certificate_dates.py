"""Dates of certificates, as OpenSSL prints them, in seconds."""

import ssl
import time

from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.commands import MAX_DATE, MIN_DATE
from chatd_workers.tls import seconds_of


def printed(seconds: int) -> str:
    """Return a date as ASN1_TIME_print(3) has it."""
    parts = time.gmtime(seconds)
    clock = f"{parts.tm_hour:02}:{parts.tm_min:02}:{parts.tm_sec:02}"
    return f"{time.strftime('%b', parts)} {parts.tm_mday:2} {clock} {parts.tm_year:04} GMT"


@given(st.integers(MIN_DATE, MAX_DATE))
def test_every_second_of_the_calendar(seconds: int) -> None:
    shown = printed(seconds)
    assert seconds_of(shown) == seconds
    if time.gmtime(seconds).tm_year >= 1900:
        assert ssl.cert_time_to_seconds(shown) == seconds


def test_what_is_beyond_the_calendar_is_its_end() -> None:
    assert seconds_of("Jan  1 00:00:00 0000 GMT") == MIN_DATE
    assert seconds_of("Dec 31 23:59:60 9999 GMT") == MAX_DATE
