"""The screen of ``chatd top``: curses, which every Python has, and nothing more is needed.

Ends on q, Ctrl-C and SIGTERM, and puts the terminal back as it was. Whatever happens to the
server, it goes on: while none answers, it says so. A signal interrupts the wait for a key, because
its handler raises; a new size comes as a key (ncurses, resizeterm(3X)).
"""

import curses
import signal
import time
from collections.abc import Callable
from types import FrameType
from typing import Final, NoReturn

from chatd_supervisor.asking import ControlError
from chatd_supervisor.top_rows import BY_KEY, Column, Look, cut, head, ordered, rows, table

KEYS: Final = "q quit  R reverse  sort by: " + " ".join(
    f"{key}={column.title.lower()}" for key, column in BY_KEY.items()
)


class Ended(Exception):
    """It is to end."""


class Screen:
    """What is shown, and how it is sorted."""

    def __init__(
        self, look: Callable[[], Look], column: Column, delay: float, *, reverse: bool
    ) -> None:
        """``look`` returns how the server is, or raises ControlError; ``delay``: seconds."""
        self._look = look
        self._column = column
        self._delay = delay
        self._reverse = reverse
        self._before: Look | None = None
        self._now: Look | None = None
        self._trouble = ""
        self._first = 0

    def run(self) -> None:
        """Show it until it is to end."""
        signal.signal(signal.SIGTERM, _end)
        signal.signal(signal.SIGINT, _end)
        try:
            curses.wrapper(self._watch)
        except Ended:
            pass
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _watch(self, window: curses.window) -> None:
        curses.use_default_colors()
        if curses.tigetstr("civis"):
            curses.curs_set(0)
        due = 0.0
        while True:
            now = time.monotonic()
            if now >= due:
                self._refresh()
                due = now + self._delay
            self._draw(window)
            window.timeout(max(1, int((due - time.monotonic()) * 1000)))
            key = window.getch()
            if key == curses.KEY_RESIZE:
                # What was on its way when the size changed was written for another shape.
                window.clear()
            self._press(key)

    def _refresh(self) -> None:
        try:
            look = self._look()
        except ControlError as error:
            self._trouble = str(error)
            self._before = self._now = None
            return
        self._trouble = ""
        self._before, self._now = self._now, look

    def _press(self, key: int) -> None:
        if key in (ord("q"), ord("Q")):
            raise Ended
        if key == ord("R"):
            self._reverse = not self._reverse
        elif 0 < key < 128 and chr(key) in BY_KEY:
            self._column = BY_KEY[chr(key)]
            self._first = 0
        elif key in (curses.KEY_DOWN, curses.KEY_NPAGE):
            self._first += 1 if key == curses.KEY_DOWN else 10
        elif key in (curses.KEY_UP, curses.KEY_PPAGE):
            self._first = max(0, self._first - (1 if key == curses.KEY_UP else 10))

    def _draw(self, window: curses.window) -> None:
        height, width = window.getmaxyx()
        if self._now is None:
            lines = [self._trouble or "asking ...", "waiting for it to come back; q ends"]
            titled = -1
        else:
            found = rows(self._now, self._before)
            titles, *below = table(ordered(found, self._column, reverse=self._reverse))
            self._first = min(self._first, max(0, len(below) - 1))
            lines = [
                *head(self._now, self._before, found),
                KEYS,
                titles,
                *below[self._first :],
            ]
            titled = 3
        window.erase()
        for place, line in enumerate(lines[:height]):
            style = curses.A_REVERSE if place == titled else curses.A_NORMAL
            # The last cell of the last line cannot be written to without scrolling.
            room = width - 1 if place == height - 1 else width
            window.addstr(place, 0, cut(line, room), style)
        window.refresh()


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise Ended
