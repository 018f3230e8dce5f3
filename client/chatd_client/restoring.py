"""Giving the terminal back: done by whichever process of the client is left."""

import contextlib
import os
import termios
from typing import Any, Final

RESET: Final = (
    b"\x1b[?1049l"  # the other screen buffer
    b"\x1b[?2004l"  # bracketed paste
    b"\x1b[?1000l\x1b[?1002l\x1b[?1003l\x1b[?1006l\x1b[?1015l"  # the mouse
    b"\x1b[?1l\x1b>"  # cursor keys and keypad
    b"\x1b[0m\x1b[?25h"  # colours, and the cursor
)
"""Ends whatever a full-screen program may have begun (xterm's ctlseqs)."""


class Terminal:
    """The terminal as it was before the screen took it."""

    def __init__(self) -> None:
        """Remember the terminal of standard input. Raises termios.error if that is none."""
        self._before: list[Any] = termios.tcgetattr(0)

    def restore(self) -> None:
        """Give it back as it was; a terminal that is gone needs nothing."""
        with contextlib.suppress(OSError):
            os.write(1, RESET)
        with contextlib.suppress(termios.error):
            termios.tcsetattr(0, termios.TCSADRAIN, self._before)
