"""Figures and how they are shown: pure.

A row of the table says what was measured, the figure, what it is held against, their ratio, and
the bound that DESIGN sets for either.
"""

import math
from collections.abc import Iterable, Sequence
from typing import NamedTuple


class Row(NamedTuple):
    """One line of the table; "" where there is nothing to say."""

    what: str
    measured: str
    against: str = ""
    ratio: str = ""
    reach: str = ""


HEAD = Row("what", "measured", "against", "ratio", "reach")


def compared(
    what: str, own: float, other: float, *, unit: str, other_is: str, reach: str = ""
) -> Row:
    """Return the row of ``own`` held against ``other``, both in ``unit``."""
    return Row(
        what,
        f"{number(own)} {unit}",
        f"{other_is} {number(other)}",
        f"{own / other:.2f}" if other else "",
        reach,
    )


def number(value: float) -> str:
    """Return ``value`` with three digits that count, thousands set apart."""
    if value and abs(value) < 100:
        return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"
    return f"{value:,.0f}"


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest of ``values`` that ``percent`` of them do not exceed.

    Raises ValueError if there are none.
    """
    ordered = sorted(values)
    if not ordered:
        raise ValueError("no values")
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Iterable[float]) -> float:
    """Return the middle one of ``values``, the lower of two. Raises ValueError if none."""
    return percentile(values, 50)


def table(rows: Sequence[Row]) -> str:
    """Return ``rows`` under their head, in columns, as Markdown."""
    shown = [HEAD, *rows]
    widths = [max(len(row[i]) for row in shown) for i in range(len(HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |"
        for row in shown
    ]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines)


def read_pairs(line: str) -> dict[str, float]:
    """Return the figures in ``NAME=NUMBER NAME=NUMBER ...``."""
    return {name: float(value) for name, _, value in (pair.partition("=") for pair in line.split())}


def on_cpu(schedstat: str) -> float:
    """Return the seconds on a CPU that /proc/PID/schedstat tells (nanoseconds, first field)."""
    return int(schedstat.split(maxsplit=1)[0]) / 1e9


def unshared(smaps_rollup: str) -> float:
    """Return the MB that no other process shares, from /proc/PID/smaps_rollup (proc(5), kB)."""
    sizes = _sizes(smaps_rollup)
    return (sizes["Private_Clean"] + sizes["Private_Dirty"]) * 1024 / 1e6


def proportional(smaps_rollup: str) -> float:
    """Return the MB that a process has if what is shared is divided among those who share it."""
    return _sizes(smaps_rollup)["Pss"] * 1024 / 1e6


def available(meminfo: str) -> float:
    """Return the MB that the machine still has, from /proc/meminfo (kB)."""
    return _sizes(meminfo)["MemAvailable"] * 1024 / 1e6


def _sizes(table: str) -> dict[str, int]:
    """Return the sizes in kB in ``NAME: SIZE kB``, a line each; other lines are passed over."""
    rows = [row.split() for row in table.splitlines()]
    return {row[0].rstrip(":"): int(row[1]) for row in rows if len(row) == 3 and row[2] == "kB"}
