"""Which rows of a transcript are seen, and scrolling: pure.

An *anchor* is what the lowest row shown belongs to, the serial of its line, and how many rows of
that line are below it; None follows what comes. So what comes while somebody reads does not move
what is read.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

from chatd_client.screen.transcript import Line

Row = TypeVar("Row")


class Anchor(NamedTuple):
    """The lowest row that is shown."""

    serial: int
    below: int
    """Rows of its line that are not shown any more."""


def seen(
    lines: Sequence[Line],
    anchor: Anchor | None,
    height: int,
    rows_of: Callable[[int], Sequence[Row]],
) -> list[Row]:
    """Return the ``height`` rows, or fewer, that end at ``anchor``.

    ``rows_of`` returns the rows of the line at an index.
    """
    place, below = _place(lines, anchor)
    found: list[Row] = []
    while place >= 0 and len(found) < height:
        rows = rows_of(place)
        shown = rows[: len(rows) - below]
        found[:0] = shown[max(0, len(shown) - (height - len(found))) :]
        place, below = place - 1, 0
    return found


def scrolled(
    lines: Sequence[Line],
    anchor: Anchor | None,
    by: int,
    height: int,
    rows_of: Callable[[int], Sequence[object]],
) -> Anchor | None:
    """Return the anchor ``by`` rows further up, or down if negative.

    Not further up than that the first row is at the top of ``height`` rows.
    """
    if not lines:
        return None
    place, below = _place(lines, anchor)
    if by < 0:
        while by < 0:
            step = min(below, -by)
            below, by = below - step, by + step
            if by == 0:
                break
            if place == len(lines) - 1:
                return None
            place, by = place + 1, by + 1
            below = len(rows_of(place)) - 1
        return (
            None if place == len(lines) - 1 and below == 0 else Anchor(lines[place].serial, below)
        )
    by = min(by, _above(place, below, by + height, rows_of) - height)
    while by > 0:
        left = len(rows_of(place)) - below - 1
        step = min(left, by)
        below, by = below + step, by - step
        if by > 0:
            place, below, by = place - 1, 0, by - 1
    return None if place == len(lines) - 1 and below == 0 else Anchor(lines[place].serial, below)


def at(lines: Sequence[Line], serial: int, height: int) -> Anchor | None:
    """Return the anchor that shows the line ``serial`` amid ``height`` rows, roughly."""
    place, _ = _place(lines, Anchor(serial, 0))
    place = min(len(lines) - 1, place + height // 3)
    return None if place >= len(lines) - 1 else Anchor(lines[place].serial, 0)


def is_at_top(
    lines: Sequence[Line],
    anchor: Anchor | None,
    height: int,
    rows_of: Callable[[int], Sequence[object]],
) -> bool:
    """Tell whether the first row of all is in sight."""
    place, below = _place(lines, anchor)
    return _above(place, below, height + 1, rows_of) <= height


def _place(lines: Sequence[Line], anchor: Anchor | None) -> tuple[int, int]:
    last = len(lines) - 1
    if anchor is None:
        return last, 0
    for place in range(last, -1, -1):
        if lines[place].serial == anchor.serial:
            return place, anchor.below
    return (0, 0) if lines else (-1, 0)  # it has been forgotten: the oldest there is


def _above(place: int, below: int, enough: int, rows_of: Callable[[int], Sequence[object]]) -> int:
    """Return how many rows there are down to the lowest one shown, counted up to ``enough``."""
    count = -below
    while place >= 0 and count < enough:
        count += len(rows_of(place))
        place -= 1
    return count
