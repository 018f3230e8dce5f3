"""A terminal's screen as a picture in SVG: text to select, and every cell's own colours."""

import itertools
import re
from collections.abc import Iterator
from typing import Final, NamedTuple
from xml.sax.saxutils import escape

import pyte
from wcwidth import wcswidth

BACKGROUND: Final = "#1e1e2e"
FOREGROUND: Final = "#cdd6f4"
FRAME: Final = "#11111b"
BUTTONS: Final = ("#f38ba8", "#f9e2af", "#a6e3a1")

CELL, ROW, SIZE = 8.4, 19, 14
"""Width and height of a cell, and the size of its letters, in pixels."""

MARGIN, BAR = 12, 34
"""Around the screen, and the height of the window's title, in pixels."""


PIECE: Final = re.compile(r"[!-\u10ff\u2010-\u2bff](?: ?[!-\u10ff\u2010-\u2bff])*|\S")
"""Words with single blanks between, or one character that may be wide."""


class Look(NamedTuple):
    """What a run of cells has in common."""

    colour: str
    ground: str
    bold: bool
    italic: bool
    underlined: bool


class Run(NamedTuple):
    """Cells of one row that look alike."""

    column: int
    cells: int
    text: str
    look: Look


def picture(screen: pyte.Screen, title: str) -> str:
    """Return ``screen`` in a window called ``title``, as an SVG document."""
    width = round(screen.columns * CELL + 2 * MARGIN)
    height = screen.lines * ROW + 2 * MARGIN + BAR
    buttons = "".join(
        f'<circle cx="{MARGIN + 8 + 20 * place}" cy="{BAR // 2}" r="6" fill="{colour}"/>\n'
        for place, colour in enumerate(BUTTONS)
    )
    body = "".join(
        _drawn(run, BAR + MARGIN + ROW * row)
        for row in range(screen.lines)
        for run in _runs(screen, row)
    )
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" \
height="{height}" role="img">
<title>{escape(title)}</title>
<rect width="{width}" height="{height}" rx="9" fill="{FRAME}"/>
<path d="M0 {BAR} H{width} V{height - 9} a9 9 0 0 1 -9 9 H9 a9 9 0 0 1 -9 -9 Z" \
fill="{BACKGROUND}"/>
{buttons}<g font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" \
font-size="{SIZE}" xml:space="preserve">
<text x="{width / 2:g}" y="{BAR / 2 + 5:g}" fill="#a6adc8" text-anchor="middle">{escape(title)}\
</text>
{body}</g>
</svg>
"""


def _runs(screen: pyte.Screen, row: int) -> Iterator[Run]:
    cells = [(column, screen.buffer[row][column]) for column in range(screen.columns)]
    at = screen.cursor
    for look, found in itertools.groupby(
        cells, lambda cell: _look(cell[1], is_cursor=(at.y, at.x) == (row, cell[0]))
    ):
        run = list(found)
        # The second half of a wide character is an empty cell.
        yield Run(run[0][0], len(run), "".join(cell.data for _, cell in run), look)


def _look(cell: pyte.screens.Char, *, is_cursor: bool) -> Look:
    colour, ground = _colour(cell.fg, FOREGROUND), _colour(cell.bg, BACKGROUND)
    if cell.reverse != is_cursor:
        colour, ground = ground, colour
    return Look(colour, ground, cell.bold, cell.italics, cell.underscore)


def _colour(name: str, default: str) -> str:
    return default if name == "default" else f"#{name}"


def _drawn(run: Run, top: int) -> str:
    left = MARGIN + run.column * CELL
    drawn = ""
    if run.look.ground != BACKGROUND:
        drawn = (
            f'<rect x="{left:.1f}" y="{top}" width="{run.cells * CELL + 0.2:.1f}" '
            f'height="{ROW}" fill="{run.look.ground}"/>\n'
        )
    style = "".join(
        f" {name}"
        for wanted, name in (
            (run.look.bold, 'font-weight="bold"'),
            (run.look.italic, 'font-style="italic"'),
            (run.look.underlined, 'text-decoration="underline"'),
        )
        if wanted
    )
    for piece in PIECE.finditer(run.text):
        before = wcswidth(run.text[: piece.start()])
        # Whatever the font: as wide as its cells, and where they are.
        drawn += (
            f'<text x="{left + before * CELL:.1f}" y="{top + SIZE}" '
            f'fill="{run.look.colour}"{style} textLength="{wcswidth(piece[0]) * CELL:.1f}" '
            f'lengthAdjust="spacingAndGlyphs">'
            f"{escape(piece[0])}</text>\n"
        )
    return drawn
