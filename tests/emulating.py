"""The terminal of the tests: pyte, with characters of no width and of two cells as terminals do it.

pyte stops at a character that takes no cell unless Unicode gives it a combining class, which is 0
of many (enclosing marks, Hangul vowels): what follows would never be looked at. And it leaves half
of a character of two cells behind where the other half is painted over; a terminal blanks it.
"""

import pyte
from pyte import modes
from wcwidth import wcwidth


class Emulated(pyte.Screen):
    """Cells as xterm, foot or VTE would show them."""

    def draw(self, data: str) -> None:
        """Draw ``data`` where the cursor is."""
        for char in data:
            cells = wcwidth(char)
            if cells == 0:
                self._add(char)
            elif cells > 0:
                self._put(char, cells)

    def _add(self, mark: str) -> None:
        """Put ``mark`` on the character before the cursor, if there is one in this row."""
        line = self.buffer[self.cursor.y]
        for column in (self.cursor.x - 1, self.cursor.x - 2):
            if column >= 0 and line[column].data:
                line[column] = line[column]._replace(data=line[column].data + mark)
                return

    def _put(self, char: str, cells: int) -> None:
        cursor = self.cursor
        if cursor.x + cells > self.columns:
            if modes.DECAWM in self.mode:
                self.carriage_return()
                self.linefeed()
            else:
                cursor.x = self.columns - cells
        line = self.buffer[cursor.y]
        blank = cursor.attrs._replace(data=" ")
        after = cursor.x + cells
        if not line[cursor.x].data and cursor.x:
            line[cursor.x - 1] = blank
        if after < self.columns and not line[after].data:
            line[after] = blank
        line[cursor.x] = cursor.attrs._replace(data=char)
        if cells == 2:
            line[cursor.x + 1] = cursor.attrs._replace(data="")
        cursor.x = after
        self.dirty.add(cursor.y)


def row_of(screen: pyte.Screen, number: int) -> str:
    """Return what stands in a row; the second half of a wide character is an empty cell."""
    line = screen.buffer[number]
    return "".join(line[column].data for column in range(screen.columns)).rstrip()
