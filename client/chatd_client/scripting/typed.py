"""Cutting what comes through a pipe into lines: pure."""

from typing import Final

LONGEST: Final = 64 * 1024
"""Bytes after which a line is cut: input without an end to its line must not fill the memory."""


class Lines:
    """Cuts input, in whatever pieces, into lines."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        """Return the lines that ``data`` completes, without their ends and without any NUL.

        What is not UTF-8 is replaced. ``final`` completes a line that was begun.
        """
        *lines, begun = data.split(b"\n")
        if lines:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += begun
        if self._begun and (final or len(self._begun) >= LONGEST):
            lines.append(bytes(self._begun))
            self._begun.clear()
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").replace(b"\0", b"").decode(errors="replace")
