"""How ``chatd trace`` shows records to people."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.trace_text import MARKS, SILENT, heading, line

WHEN = 1_795_000_000.25

HOSTILE = 'x" pid=1\x1b[31m\r\n12:00:00.000000 > forged\x00\u202e\udcff\x85'


def shown(kind: str, **fields: Any) -> str:
    text = line({"time": WHEN, "kind": kind, **fields})
    clock, _, rest = text.partition(" ")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.250000", clock)
    return rest


def test_who_is_followed_stands_at_the_head() -> None:
    first = {
        "session": 3,
        "nick": "alice",
        "peer": "127.0.0.1:5",
        "dialect": "irc",
        "pid": 12,
        "text": True,
        "told": True,
    }
    assert heading(first) == (
        "following alice, session #3, 127.0.0.1:5 irc, worker 12, which it was told; "
        "what is said is shown"
    )
    nobody = heading({**first, "nick": "", "pid": None, "text": False, "told": False})
    assert nobody == (
        "following ?, session #3, 127.0.0.1:5 irc, worker -, which it was not told; "
        "what is said is not shown"
    )


@pytest.mark.parametrize(
    ("record", "wanted"),
    [
        ({"kind": "command", "name": "Leave", "fields": {}}, "> Leave"),
        (
            {"kind": "command", "name": "Enter", "fields": {"rooms": ["#a", "#b"]}},
            "> Enter rooms=#a,#b",
        ),
        (
            {
                "kind": "event",
                "name": "Said",
                "bytes": 9,
                "fields": {
                    "source": {"nick": "ann", "host": "here"},
                    "text": "so so",
                    "stamp": {"time": 5, "id": "ab-1"},
                },
            },
            '< Said source=ann text="so so" stamp=ab-1',
        ),
        (
            {"kind": "event", "name": "Hinted", "bytes": 0, "fields": {}},
            f"< Hinted {SILENT}",
        ),
        (
            {"kind": "event", "name": "X", "bytes": 1, "fields": {"many": [["+", "o"]], "a": True}},
            '< X many="[[\\"+\\", \\"o\\"]]" a=true',
        ),
        (
            {"kind": "read", "bytes": 6, "offset": 18, "lines": 2},
            "- read 6 bytes, up to offset 18, line 2",
        ),
        ({"kind": "skipped", "count": 7}, "- 7 more in one tick are not shown"),
        ({"kind": "worker", "pid": 12, "child": True}, "* worker 12 is born"),
        ({"kind": "worker", "pid": 12, "child": False}, "* worker 12 was adopted"),
        (
            {"kind": "log", "name": "worker died", "fields": {"pid": 12, "how": "was killed"}},
            '* worker died pid=12 how="was killed"',
        ),
        ({"kind": "end", "reason": "it has gone", "over": True}, "* end: it has gone"),
    ],
    ids=lambda value: value["kind"] if isinstance(value, dict) else None,
)
def test_each_kind_of_record_is_a_line(record: dict[str, Any], wanted: str) -> None:
    assert shown(**record) == wanted


def test_there_is_a_mark_for_each_kind() -> None:
    assert set(MARKS) == {"command", "event", "read", "skipped", "worker", "log", "end"}


@given(st.one_of(st.just(HOSTILE), st.text()))
def test_nothing_that_is_said_is_a_line_or_a_command_for_a_terminal(said: str) -> None:
    fields = {"text": said, "source": {"nick": said}, "targets": [said], "tags": [[said, said]]}
    found = line({"time": WHEN, "kind": "command", "name": "Send", "fields": fields})
    assert found.isprintable()
