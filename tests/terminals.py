"""A terminal for one program, of which every cell is known: a pty, and pyte behind it.

tmux (``screens``) is a terminal that people use; this one is looked at without a process between,
so that what is measured is the program, and each character has its colours.
"""

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import tempfile
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import pyte

from emulating import Emulated, row_of
from harness import PATIENCE, eventually

BLOCK = 64 * 1024

KEYS = {
    "Enter": "\r",
    "Tab": "\t",
    "Esc": "\x1b",
    "PgUp": "\x1b[5~",
    "PgDn": "\x1b[6~",
    "End": "\x1b[F",
    "F2": "\x1bOQ",
    "Alt-Right": "\x1b[1;3C",
    "Alt-Left": "\x1b[1;3D",
    "Ctrl-C": "\x03",
    "Ctrl-D": "\x04",
    "Ctrl-Z": "\x1a",
}
"""What an xterm sends for keys."""


class Terminal:
    """A program on a terminal of its own, the leader of its session."""

    def __init__(
        self,
        *command: str,
        columns: int = 100,
        rows: int = 30,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.screen = Emulated(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.written = bytearray()
        """The last that the program wrote, up to a million bytes."""
        self.is_blind = False
        """Take what is written and paint nothing: pyte needs longer for it than most programs."""
        self._home = tempfile.TemporaryDirectory()
        self.pid, self._terminal = pty.fork()
        if self.pid == 0:
            for name in list(os.environ):
                if name in ("NO_COLOR", "PROMPT_TOOLKIT_COLOR_DEPTH") or name.startswith("XDG_"):
                    del os.environ[name]
            os.environ.update(
                TERM="xterm-256color", COLORTERM="truecolor", LC_ALL="C.UTF-8", TZ="UTC"
            )
            # Nothing of whoever runs the tests is read, or written to.
            os.environ["HOME"] = self._home.name
            os.environ.update(environment or {})
            _size(0, columns, rows)
            os.execvp(command[0], command)
        _size(self._terminal, columns, rows)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            print(self.shown())
        self.end()

    def end(self) -> None:
        """End the program, whatever it does."""
        if self.pid:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self._terminal >= 0:
            os.close(self._terminal)
            self._terminal = -1
        self._home.cleanup()

    def exit_code(self) -> int:
        """Wait until the program ends by itself; return its exit code, or minus the signal."""

        def ended() -> tuple[int, int] | None:
            self.look(0)  # or it would wait to be read
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (pid, status) if pid else None

        found = eventually("the program ends", ended)
        assert found
        self.pid = 0
        while self.look(0):
            pass
        return os.waitstatus_to_exitcode(found[1])

    def look(self, seconds: float) -> bool:
        """Take what the program writes next within ``seconds``; tell whether it wrote."""
        if not select.select([self._terminal], [], [], seconds)[0]:
            return False
        try:
            data = os.read(self._terminal, BLOCK)
        except OSError:  # EIO: nobody has the terminal open any more
            return False
        self.written += data
        del self.written[:-1_000_000]
        if not self.is_blind:
            self._stream.feed(data)
        return True

    def rows(self) -> list[str]:
        """Return what stands in each row."""
        return [row_of(self.screen, number) for number in range(self.screen.lines)]

    def shown(self) -> str:
        """Return the whole screen."""
        return "\n".join(self.rows())

    def sees(self, pattern: str, patience: float = PATIENCE) -> str:
        """Wait until ``pattern`` is on the screen; return all of it."""
        deadline = time.monotonic() + patience
        while not re.search(pattern, shown := self.shown(), re.MULTILINE):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} on this screen:\n{shown}"
            self.look(min(left, 0.1))
        return shown

    def type(self, text: str) -> None:
        """Type ``text``."""
        os.write(self._terminal, text.encode())

    def press(self, *keys: str) -> None:
        """Press keys: of KEYS, ``Alt-`` and a character, or characters."""
        for key in keys:
            self.type(KEYS.get(key) or (f"\x1b{key[4:]}" if key.startswith("Alt-") else key))

    def resize(self, columns: int, rows: int) -> None:
        """Change the size, which the program is told by SIGWINCH."""
        self.screen.resize(rows, columns)
        _size(self._terminal, columns, rows)

    def settings(self) -> Sequence[Any]:
        """Return how the terminal is set, as termios(3) has it."""
        return termios.tcgetattr(self._terminal)


def _size(terminal: int, columns: int, rows: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", rows, columns, 0, 0))
