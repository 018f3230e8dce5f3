"""What the screen of chat-client looks like, and what is written for it, whatever others send."""

import itertools
import re
from typing import Final

import pyte
from wcwidth import wcswidth

from chatd_client.screen.cells import MARKS
from emulating import row_of

SEQUENCE: Final = re.compile(
    r"[^\x00-\x1f\x7f-\x9f]|[\r\n\x08]"
    r"|\x1b\[[0-9;]*[mABCDHJK]"  # colours, the cursor, erasing
    r"|\x1b\[\?(?:1049|2004|25|12|7|1)[hl]"  # buffer, paste, cursor, wrapping
)
"""All that prompt_toolkit writes: nothing else may come, whatever others say."""

RULE: Final = re.compile(r"─+ (?:new|\w+, \d\d? \w+ \d+) ─+")

HEAD: Final = re.compile(r"(?:\d\d:\d\d| {5}) ")
GUTTER: Final = 6 + 13 + 1
"""The cell of the line between name and text, in a window of 60 cells or more."""


def is_allowed(written: str) -> None:
    """See that nothing but what the program itself has to say was written."""
    rest = SEQUENCE.sub("", written)
    assert not rest, f"{rest!r} was written"
    written.encode()


def is_orderly(
    screen: pyte.Screen, room: str = "#lobby", state: str = "online  irc.example"
) -> None:
    """See that each row is what its place says: alice is in ``room``."""
    title, *_, status, tabs, entry = (row_of(screen, number) for number in range(screen.lines))
    assert entry == f"{room} >", entry
    assert tabs.startswith(" 0 server"), tabs
    assert status.startswith(f" alice  {state}"), status
    assert title.startswith(f" {room}"), title
    for number in range(1, screen.lines - 3):
        is_a_row_of_the_transcript(screen, number)


def is_a_row_of_the_transcript(screen: pyte.Screen, number: int) -> None:
    """See that a row has the columns of a line, or is a rule of the program's own."""
    cells = [screen.buffer[number][column] for column in range(screen.columns)]
    shown = "".join(cell.data for cell in cells)
    for before, cell in itertools.pairwise(cells):
        assert cell.data or wcswidth(before.data) == 2, f"half of a character in {shown!r}"
    if not shown.strip():
        return
    if cells[0].data == "─":
        assert RULE.fullmatch(shown), shown
        return
    assert HEAD.match("".join(cell.data for cell in cells[:6])), shown
    assert cells[GUTTER].data == "│", shown
    for cell in cells[GUTTER + 1 :]:
        assert cell.bg == "default", f"{shown!r} has the ground of a bar"
        assert not cell.reverse, shown
        assert len(cell.data) <= 1 + MARKS, f"{cell.data!a} is a tower"
        assert not cell.blink, shown
