"""How a line is laid out on the rows of a window: pure.

Time, name and text stand in columns of their own, and what is continued stays in the column of the
text: nothing that somebody says can look like a line of somebody else, or of the program.
"""

import re
import zlib
from typing import Final, NamedTuple

from chatd_client.screen import wording
from chatd_client.screen.cells import Span, clip, shown, spans, width
from chatd_client.screen.transcript import Line, Look

Row = list[Span]
"""What stands in one row: styles and texts, at most as wide as the window."""

NICK_COLOURS: Final = 12
"""Colours that a theme has for names, as the classes nick-0 and so on."""

_CLOCK: Final = 6
_SEPARATOR: Final = " │ "

_SIGNS: Final = {Look.ACTION: "*", Look.EVENT: "--", Look.INFO: "--", Look.ERROR: "!!"}
"""What stands where others have a name, which is in a style that no name has."""


class Columns(NamedTuple):
    """How the cells of a row are divided."""

    clock: bool
    nick: int
    text: int


def columns(cells: int) -> Columns:
    """Return the columns for rows of ``cells`` cells."""
    if cells >= 60:
        return Columns(clock=True, nick=13, text=cells - _CLOCK - 13 - len(_SEPARATOR))
    if cells >= 36:
        return Columns(clock=True, nick=8, text=cells - _CLOCK - 8 - len(_SEPARATOR))
    return Columns(clock=False, nick=6, text=max(1, cells - 6 - len(_SEPARATOR)))


def nick_style(nick: str) -> str:
    """Return the style of ``nick``: the same at every time and on every machine."""
    number = zlib.crc32(nick.casefold().encode("utf-8", "replace")) % NICK_COLOURS
    return f"class:nick-{number}"


def lay_out(line: Line, cells: int, match: re.Pattern[str] | None = None) -> list[Row]:
    """Return the rows of ``line`` in ``cells`` cells; what ``match`` finds stands out."""
    clock, nick, room = columns(cells)
    style = _style(line)
    words = spans(line.text)
    if line.look is Look.ACTION:
        words = [("", f"{line.nick} "), *words]
    if line.to:
        words = [("class:to", f"to {line.to}: "), *words]
    if line.sent:
        words = [*words, ("class:under-way", " …")]
    if match is not None:
        words = _marked(words, match)
    rows = []
    for place, row in enumerate(wrap(words, room)):
        head: Row = []
        if clock:
            shown_clock = wording.clock(line.time) + " " if place == 0 else " " * _CLOCK
            head.append(("class:clock", shown_clock))
        name = _name(line, nick) if place == 0 else ("class:gutter", " " * nick)
        head += [name, ("class:gutter", _SEPARATOR)]
        rows.append(head + [(f"{style} {own}".strip(), text) for own, text in row])
    return rows


def ruled(words: str, cells: int, style: str) -> Row:
    """Return a row that is a rule with ``words`` in it."""
    words = clip(f" {words} ", max(0, cells - 4))
    left = max(0, (cells - width(words)) // 2)
    right = max(0, cells - width(words) - left)
    return [(style, "─" * left + words + "─" * right)]


def _style(line: Line) -> str:
    if line.sent:
        return "class:under-way"
    if line.mention:
        return "class:mention"
    return f"class:{line.look}"


def _name(line: Line, cells: int) -> Span:
    sign = _SIGNS.get(line.look)
    if sign is not None:
        return (f"class:sign-{line.look}", sign.rjust(cells))
    name = clip(shown(line.nick), cells)
    if line.look is Look.NOTICE:
        name = clip(f"-{shown(line.nick)}-", cells)
    style = "class:own-nick" if line.own else nick_style(line.nick)
    if line.mention:
        style = "class:mention-nick"
    return (style, " " * (cells - width(name)) + name)


def _marked(words: list[Span], match: re.Pattern[str]) -> list[Span]:
    whole = "".join(text for _, text in words)
    # Where a match begins, ends, another begins, and so on: after an odd number of them one is in
    # one. Each is passed once, for whoever sends a line chooses how many there are.
    edges = [edge for found in match.finditer(whole) if found[0] for edge in found.span()]
    marked: list[Span] = []
    place = passed = end = 0
    for style, text in words:
        end += len(text)
        while place < end:
            while passed < len(edges) and edges[passed] <= place:
                passed += 1
            stop = min([end, *edges[passed : passed + 1]])
            marked.append((f"{style} class:match" if passed % 2 else style, whole[place:stop]))
            place = stop
    return marked


def wrap(words: list[Span], cells: int) -> list[Row]:
    """Return ``words`` in rows of at most ``cells`` cells, broken at spaces where there are any."""
    chars = [(char, style) for style, text in words for char in text]
    rows: list[Row] = []
    start = 0
    while True:
        end, following = _row(chars, start, cells)
        rows.append(_joined(chars[start:end]))
        if following >= len(chars):
            return rows
        start = following


def _row(chars: list[tuple[str, str]], start: int, cells: int) -> tuple[int, int]:
    """Return where the row that begins at ``start`` ends, and where the next one begins."""
    used = 0
    space = -1
    for place in range(start, len(chars)):
        char = chars[place][0]
        used += width(char)
        if char == " ":
            space = place
        if used > cells and char != " ":
            if space > start:
                return space, space + 1
            # At least one character a row, even if it is too wide for it.
            return max(place, start + 1), max(place, start + 1)
    return len(chars), len(chars)


def _joined(chars: list[tuple[str, str]]) -> Row:
    row: Row = []
    for char, style in chars:
        if row and row[-1][0] == style:
            row[-1] = (style, row[-1][1] + char)
        else:
            row.append((style, char))
    if row and not row[-1][1].isascii() and width(row[-1][1][-1]) == 0:
        # prompt_toolkit takes a mark that nothing follows for a cell of its own as well, and from
        # there on thinks the cursor one cell further than it is.
        row.append(("", " "))
    return row or [("", "")]
