"""Answers of the master as text for people: key and value lines, columns, a documented file."""

import json
import time
import unicodedata
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Final

from msgspec import Struct

from chatd_supervisor.config import Config
from chatd_workers.config_keys import keys_of
from chatd_workers.titles import printable

COLUMNS: Final = (
    "pid",
    "nick",
    "account",
    "peer",
    "dialect",
    "way",
    "room",
    "age",
    "idle",
    "lines",
    "restarts",
    "queue",
)
"""The columns of ``chatd ps``."""

AGES: Final = ("age", "idle")
"""Those that are times, in seconds."""


def format_status(status: Mapping[str, Any], now: float | None = None) -> str:
    """Return ``chatd status``: a line for each thing the master says of itself."""
    up = (time.time() if now is None else now) - status["started"]
    shown = {
        **status,
        "listen": ", ".join(map(_listener, status["listen"])),
        "options": " ".join(status.get("options", ())) or None,
        "sandbox": _walls(status["sandbox"]) if "sandbox" in status else None,
        "started": f"{format_time(status['started'])} (up {format_age(up)})",
        "degraded_since": (
            format_time(status["degraded_since"]) if status["degraded_since"] else None
        ),
    }
    rows = [
        (key.replace("_", " "), str(value).lower() if isinstance(value, bool) else str(value))
        for key, value in shown.items()
        if value is not None
    ]
    width = max(len(key) for key, _ in rows)
    return "\n".join(f"{key:<{width}}  {value}" for key, value in rows)


def _walls(sandbox: Mapping[str, Any]) -> str:
    stand, missing = ", ".join(sandbox["walls"]) or "none", ", ".join(sandbox["missing"])
    return f"{stand} (missing: {missing})" if missing else stand


def _listener(one: Mapping[str, Any]) -> str:
    shown = f"{one['address']} ({', '.join([one['dialect'], *one.get('way', ())])})"
    certificate = one.get("certificate") or {}
    warning = certificate.get("warning")
    return f"{shown}, whose certificate {warning}" if warning else shown


def format_sessions(sessions: Sequence[Mapping[str, Any]]) -> str:
    """Return ``chatd ps``: a table with a line for each client."""
    rows = [tuple(column.upper() for column in COLUMNS)]
    rows += [tuple(map(partial(cell, session), COLUMNS)) for session in sessions]
    return format_rows(rows)


def cell(session: Mapping[str, Any], column: str) -> str:
    """Return what stands in ``column`` for ``session``; a dash for nothing."""
    value = session[column]
    if column == "way":
        return "+".join(value) or "-"
    if value in (None, ""):
        return "-"
    return format_age(value) if column in AGES else printable(str(value))


def format_rows(rows: Sequence[Sequence[str]]) -> str:
    """Return ``rows`` as lines with straight columns, two blanks between them."""
    widths = [max(map(display_width, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(_pad(cell, width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    )


def format_config(config: Config) -> str:
    """Return ``config`` as a TOML file with all keys, what each is for and what it may be."""
    lines = []
    tables: list[tuple[str, Struct]] = [
        ("[server]", config.server),
        *(("[[listen]]", listen) for listen in config.listen),
        ("[limits]", config.limits),
        ("[exempt]", config.exempt),
        ("[journal]", config.journal),
        ("[history]", config.history),
        ("[accounts]", config.accounts),
        ("[sandbox]", config.sandbox),
        *(("[[operators]]", operator) for operator in config.operators),
    ]
    for head, table in tables:
        lines += ["", head]
        for key in keys_of(type(table)):
            value = getattr(table, key.name)
            # TOML has no null: a key without a value is shown as a comment.
            setting = f"# {key.name} = " if value is None else f"{key.name} = {_toml(value)}"
            lines += [f"# {key.description} Must be {key.allowed}.", setting]
    return "\n".join(lines[1:])


def _toml(value: str | float | tuple[str, ...]) -> str:
    # For what is printable, strings, numbers and lists of them are written alike in JSON and TOML.
    return json.dumps(value, ensure_ascii=False)


def format_age(seconds: float) -> str:
    """Return ``42s``, ``3m07s``, ``5h02m`` or ``12d03h``."""
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02}h"


def format_time(seconds: float) -> str:
    """Return a time in seconds since the epoch as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def display_width(text: str) -> int:
    """Return the columns ``text`` takes in a terminal (UAX #11; marks and joiners take none)."""
    return sum(
        0
        if unicodedata.category(char) in ("Mn", "Me", "Cf")
        else 2
        if unicodedata.east_asian_width(char) in "WF"
        else 1
        for char in text
    )


def _pad(cell: str, width: int) -> str:
    return cell + " " * (width - display_width(cell))
