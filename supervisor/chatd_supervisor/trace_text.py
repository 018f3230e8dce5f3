"""``chatd trace`` for people: a record as a line. Pure.

What goes to the right is what the client has sent, what goes to the left is what it is told, and
the rest is what happens to its connection. Values are quoted as in the log.
"""

import json
import time
from collections.abc import Mapping
from typing import Any, Final

from chatd_supervisor.log_formats import as_value
from chatd_workers.titles import printable

MARKS: Final[Mapping[str, str]] = {
    "command": ">",
    "event": "<",
    "read": "-",
    "skipped": "-",
    "worker": "*",
    "log": "*",
    "end": "*",
}
"""What stands before a record of each kind."""

SILENT: Final = "(not in its dialect)"
"""What stands behind an event that the client is told nothing of."""


def heading(first: Mapping[str, Any]) -> str:
    """Return the line before the records: who is followed."""
    said = "shown" if first["text"] else "not shown"
    told = "which it was told" if first["told"] else "which it was not told"
    return printable(
        f"following {as_value(first['nick'] or '?')}, session #{first['session']}, "
        f"{as_value(first['peer'])} {first['dialect']}, worker {first['pid'] or '-'}, {told}; "
        f"what is said is {said}"
    )


def line(record: Mapping[str, Any]) -> str:
    """Return ``record`` as a line, its time the local one."""
    when = record["time"]
    clock = time.strftime("%H:%M:%S", time.localtime(int(when))) + f".{int(when % 1 * 1e6):06d}"
    kind = record["kind"]
    return printable(f"{clock} {MARKS[kind]} {_words(kind, record)}".rstrip())


def _words(kind: str, record: Mapping[str, Any]) -> str:
    if kind in ("command", "event", "log"):
        words = f"{record['name']} {_fields(record['fields'])}".rstrip()
        return f"{words} {SILENT}" if record.get("bytes") == 0 else words
    if kind == "read":
        lines = record["lines"]
        return f"read {record['bytes']} bytes, up to offset {record['offset']}, line {lines}"
    if kind == "skipped":
        return f"{record['count']} more in one tick are not shown"
    if kind == "worker":
        how = "is born" if record["child"] else "was adopted"
        return f"worker {record['pid']} {how}"
    return f"end: {record['reason']}"


def _fields(fields: Mapping[str, Any]) -> str:
    return " ".join(f"{name}={_value(value)}" for name, value in fields.items())


def _value(value: Any) -> str:
    if isinstance(value, Mapping) and "nick" in value:
        return as_value(value["nick"])  # a person is called by its nick
    if isinstance(value, Mapping) and "id" in value:
        return as_value(value["id"])  # a line, of which the journal has the time
    if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
        return as_value(",".join(value))
    if isinstance(value, Mapping | list | bool):
        return as_value(json.dumps(value, ensure_ascii=False))
    return as_value(value)
