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
    b"\x1b[?7h"  # lines that wrap
    b"\x1b[0m\x1b[?25h"  # colours, and the cursor
)
"""Ends whatever a full-screen program may have begun (xterm's ctlseqs)."""

_RAW: Final = termios.ECHO | termios.ICANON | termios.ISIG
"""Flags that the screen takes away, all of them; shells that edit lines keep ISIG."""


class Terminal:
    """The terminal as it was before the screen took it."""

    def __init__(self) -> None:
        """Remember the terminal of standard output. Raises termios.error if that is none."""
        self._before: list[Any] = termios.tcgetattr(1)
        self.descriptor = os.dup(1)
        """Our own, for a process whose standard output is something else by then."""

    def restore(self) -> None:
        """Give it back as it was; a terminal that is gone needs nothing.

        A shell that has it already, and has set it for itself, keeps what it has set. The caller
        ignores SIGTTOU, by which one in the background is stopped otherwise (termios(3)).
        """
        with contextlib.suppress(OSError):
            os.write(self.descriptor, RESET)
        with contextlib.suppress(termios.error):
            if not termios.tcgetattr(self.descriptor)[3] & _RAW:
                termios.tcsetattr(self.descriptor, termios.TCSANOW, self._before)
