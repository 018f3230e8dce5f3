"""Cuts what a server sends, in whatever pieces, into lines: bounded, and never raising."""

from typing import Final

LONGEST_LINE: Final = 16 * 1024
"""Bytes of a line, tags included (IRCv3 message-tags: 8191 and 512); a longer one is dropped."""


class Lines:
    """Lines of a stream."""

    def __init__(self) -> None:
        self._begun = bytearray()
        self._dropping = False

    def feed(self, data: bytes) -> list[str]:
        """Return the lines that ``data`` completes, without their ends; invalid UTF-8 as U+FFFD."""
        found = []
        *ended, rest = data.split(b"\n")
        for piece in ended:
            line = bytes(self._begun) + piece if self._begun else piece
            self._begun.clear()
            if not self._dropping and 0 < len(line) <= LONGEST_LINE:
                found.append(line.rstrip(b"\r").decode("utf-8", "replace"))
            self._dropping = False
        if not self._dropping:
            self._begun += rest
            if len(self._begun) > LONGEST_LINE:
                self._begun.clear()
                self._dropping = True
        return found
