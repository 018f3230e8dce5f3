"""What is painted: the desk as prompt_toolkit sees it."""

import re
from collections.abc import Callable, Sequence

from prompt_toolkit.application import get_app
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.data_structures import Point
from prompt_toolkit.filters import Condition
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.layout import (
    BufferControl,
    CompletionsMenu,
    ConditionalContainer,
    Dimension,
    Float,
    FloatContainer,
    FormattedTextControl,
    HSplit,
    Layout,
    UIContent,
    UIControl,
    VSplit,
    Window,
)
from prompt_toolkit.layout.processors import BeforeInput
from prompt_toolkit.mouse_events import MouseEvent, MouseEventType

from chatd_client.screen import bars, viewport, wording
from chatd_client.screen.cells import pad
from chatd_client.screen.rows import Row, lay_out, ruled
from chatd_client.screen.transcript import Line
from chatd_client.screen.windows import Desk

CACHED = 2000
"""Lines whose rows are kept; beyond, they are laid out again."""

NAMES_CELLS = 18

MOST_ENTRY_ROWS = 5

BARS = 3
"""Rows of the bars that are always there."""


class Search:
    """What is looked for in the window, and where it was found."""

    def __init__(self, text: str, found: list[int]) -> None:
        """``found`` are the serials of lines, the oldest first."""
        self.text = text
        self.pattern = re.compile(re.escape(text), re.IGNORECASE)
        self.found = found
        self.at = len(found) - 1


class TranscriptControl(UIControl):
    """The transcript of the window that is looked at: only the rows that are seen are laid out."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._rows: dict[int, list[Row]] = {}
        self._for: tuple[int, str] = (0, "")
        self.search: Search | None = None
        self.height = 1
        self._cells = 1

    def create_content(self, width: int, height: int) -> UIContent:
        """Return ``height`` rows, the newest at the bottom."""
        self.height, self._cells = max(1, height), max(1, width)
        sought = self.search.text if self.search else ""
        if self._for != (width, sought) or len(self._rows) > CACHED:
            self._rows.clear()
            self._for = (width, sought)
        window = self._desk.window
        lines = window.transcript.lines()
        rows = viewport.seen(lines, window.anchor, height, self._rows_of(lines))
        empty: Row = [("", "")]
        blank = height - len(rows)

        def get_line(place: int) -> StyleAndTextTuples:
            return list(rows[place - blank] if place >= blank else empty)

        return UIContent(
            get_line, line_count=height, show_cursor=False, cursor_position=Point(0, 0)
        )

    def scroll(self, by: int) -> bool:
        """Go ``by`` rows up, or down if negative; tell whether the top is in sight."""
        window = self._desk.window
        lines = window.transcript.lines()
        rows_of = self._rows_of(lines)
        window.anchor = viewport.scrolled(lines, window.anchor, by, self.height, rows_of)
        return viewport.is_at_top(lines, window.anchor, self.height, rows_of)

    def show(self, serial: int) -> None:
        """Scroll to the line ``serial``."""
        window = self._desk.window
        window.anchor = viewport.at(window.transcript.lines(), serial, self.height)

    def mouse_handler(self, mouse_event: MouseEvent) -> object:
        """Scroll with the wheel."""
        if mouse_event.event_type is MouseEventType.SCROLL_UP:
            self.scroll(3)
        elif mouse_event.event_type is MouseEventType.SCROLL_DOWN:
            self.scroll(-3)
        else:
            return NotImplemented
        return None

    def _rows_of(self, lines: Sequence[Line]) -> Callable[[int], Sequence[Row]]:
        window = self._desk.window
        cells = self._cells
        pattern = self.search.pattern if self.search else None

        def rows_of(place: int) -> Sequence[Row]:
            line = lines[place]
            rows = self._rows.get(line.serial)
            if rows is None:
                rows = self._rows[line.serial] = lay_out(line, cells, pattern)
            above = self._above(lines, place, window.mark)
            return above + rows if above else rows

        return rows_of

    def _above(self, lines: Sequence[Line], place: int, mark: int) -> list[Row]:
        """Return the rules above a line: that another day begins, that it is the first unread."""
        line = lines[place]
        before = lines[place - 1] if place else None
        rules = []
        if before is None or wording.day(before.time) != wording.day(line.time):
            rules.append(ruled(wording.day(line.time), self._cells, "class:day"))
        if mark and before is not None and before.time <= mark < line.time and not line.sent:
            rules.append(ruled("new", self._cells, "class:mark"))
        return rules


class View:
    """The layout, and what of it is not the desk's."""

    def __init__(self, desk: Desk, buffer: Buffer, *, mouse: bool) -> None:
        self.desk = desk
        self.transcript = TranscriptControl(desk)
        self.names = False
        # Lines that were pasted, and wait for an answer whether they are meant.
        self.pasted: list[str] = []
        self.buffer = buffer
        self._mouse = mouse
        is_asked = Condition(lambda: bool(self.pasted))
        shows_names = Condition(self._shows_names)
        entry = Window(
            BufferControl(buffer, input_processors=[BeforeInput(self._prompt)]),
            height=Dimension(min=1, max=MOST_ENTRY_ROWS),
            wrap_lines=True,
            dont_extend_height=True,
        )
        body = VSplit(
            [
                Window(
                    self.transcript, wrap_lines=False, width=self._least_width, height=_least_height
                ),
                ConditionalContainer(
                    Window(
                        FormattedTextControl(self._names), width=NAMES_CELLS, style="class:names"
                    ),
                    shows_names,
                ),
            ]
        )
        whole = HSplit(
            [
                self._bar(self._title),
                body,
                self._bar(self._status),
                self._bar(self._tabs),
                ConditionalContainer(self._bar(self._question), is_asked),
                ConditionalContainer(entry, ~is_asked),
            ]
        )
        menu = Float(CompletionsMenu(max_height=8, scroll_offset=1), xcursor=True, ycursor=True)
        self.layout = Layout(FloatContainer(whole, [menu]), focused_element=entry)

    def _bar(self, text: Callable[[], StyleAndTextTuples]) -> Window:
        return Window(FormattedTextControl(text), height=1, style="class:bar", wrap_lines=False)

    def _cells(self) -> int:
        return get_app().output.get_size().columns

    def _least_width(self) -> Dimension:
        """Return the columns that the transcript has at least: all, so that none are handed out.

        prompt_toolkit hands out what is left cell by cell, which takes longer than painting it.
        """
        aside = NAMES_CELLS if self._shows_names() else 0
        return Dimension(min=max(1, self._cells() - aside))

    def _shows_names(self) -> bool:
        return self.names and self.desk.window.is_room

    def _prompt(self) -> StyleAndTextTuples:
        return bars.prompt(self.desk)

    def _title(self) -> StyleAndTextTuples:
        return bars.title(self.desk, self._cells())

    def _status(self) -> StyleAndTextTuples:
        search = self.transcript.search
        where = f"{len(search.found) - search.at}/{len(search.found)}" if search else ""
        sought = f"“{search.text}” {where}: n, N, Esc" if search else ""
        return bars.status(self.desk, self._cells(), sought)

    def _tabs(self) -> StyleAndTextTuples:
        return bars.tabs(self.desk, self._cells())

    def _question(self) -> StyleAndTextTuples:
        text = f" say {len(self.pasted)} lines? y: yes, n: no, e: edit as one line "
        return [("class:question", pad(text, self._cells()))]

    def _names(self) -> StyleAndTextTuples:
        return bars.names(self.desk, NAMES_CELLS, self.transcript.height)


def _least_height() -> Dimension:
    """Return the rows that the transcript has at least, for the reason of its columns."""
    rows = get_app().output.get_size().rows
    return Dimension(min=max(1, rows - BARS - MOST_ENTRY_ROWS))
