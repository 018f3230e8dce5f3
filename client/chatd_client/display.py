"""What comes from a server, made safe to show: pure."""

import codecs

from chatd_workers.names import make_safe


class Display:
    """Turns what a server sends, in whatever pieces, into text that is safe to show."""

    def __init__(self) -> None:
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._at_start = True

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Return what to show for ``data``.

        A NUL ends a line that has no end yet. All other control characters come out as U+FFFD, a
        tab as a space; a carriage return is dropped. ``final`` ends a line that was begun.
        """
        shown: list[str] = []
        for index, piece in enumerate(self._decode(data, final).replace("\r", "").split("\0")):
            if index and not self._at_start:
                shown.append("\n")
                self._at_start = True
            if piece:
                shown.append("\n".join(map(make_safe, piece.split("\n"))))
                self._at_start = piece.endswith("\n")
        if final and not self._at_start:
            shown.append("\n")
            self._at_start = True
        return "".join(shown)
