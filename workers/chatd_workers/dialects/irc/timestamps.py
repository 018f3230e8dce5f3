"""Times as IRCv3 writes them (server-time): ``2026-01-31T23:59:59.123Z``, always UTC."""

import datetime as dt
import re
from typing import Final

_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND: Final = dt.timedelta(microseconds=1)
_LAST: Final = (dt.datetime(9999, 12, 31, 23, 59, 59, 999_999, dt.UTC) - _EPOCH) // _MICROSECOND
_FORM: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,6}))?Z"
)


def read_time(text: str) -> int | None:
    """Return the microseconds since the epoch, or None if ``text`` is no time from then on."""
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    year, month, day, hour, minute, second = map(int, found.groups()[:6])
    fraction = int((found[7] or "0").ljust(6, "0"))
    try:
        moment = dt.datetime(year, month, day, hour, minute, second, fraction, dt.UTC)
    except ValueError:
        return None
    since = (moment - _EPOCH) // _MICROSECOND
    return since if since >= 0 else None


def write_time(microseconds: int) -> str:
    """Return a time since the epoch, cut to milliseconds, as IRCv3 writes it.

    What is later than the year 9999 is the end of that year.
    """
    moment = _EPOCH + dt.timedelta(microseconds=min(microseconds, _LAST))
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
