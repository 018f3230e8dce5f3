r"""What chat-client writes to a server and how it shows what comes back: pure.

Two wires: chatd's text dialect (chatd-protocol(7)), and that of the lab's server, which knows
``alice : bonjour\0`` and nothing else.
"""

import codecs
from collections.abc import Iterable, Sequence
from typing import Final, Protocol

from chatd_workers.names import make_safe

GREETING: Final = b"--- Welcome"
"""How chatd greets; the lab's server says nothing."""

OTHERS: Final = (
    b"SSH-",
    b"HTTP/",
    b"220 ",
    b"220-",
    b"* OK",
    b"+OK",
    b"RFB ",
    b"\x16\x03",
    b"\x15\x03",
)
"""How servers greet that are no chat servers: SSH, HTTP, SMTP or FTP, IMAP, POP3, VNC, TLS."""


class Wire(Protocol):
    """How lines are written to one kind of server."""

    def hello(self) -> bytes:
        """Return what is written first."""

    def blocks(self, lines: Sequence[str]) -> Iterable[bytes]:
        """Return what says ``lines``: each block is to be one write."""

    def goodbye(self) -> bytes:
        """Return what is written last."""


class ChatdWire:
    """chatd's text dialect."""

    def __init__(self, nick: str | None) -> None:
        self._nick = nick

    def hello(self) -> bytes:
        """Ask for the nick, if there is one."""
        return f"/nick {self._nick}\n".encode() if self._nick else b""

    def blocks(self, lines: Sequence[str]) -> Iterable[bytes]:
        """Return the lines themselves; commands (``/help``) are the server's."""
        return ["".join(f"{line}\n" for line in lines).encode(errors="surrogateescape")]

    def goodbye(self) -> bytes:
        """Say nothing: the end of the stream is enough."""
        return b""


class LabWire:
    """The lab's server: each message with the speaker's name, ended by a NUL."""

    def __init__(self, nick: str) -> None:
        self._nick = nick

    def hello(self) -> bytes:
        """Say nothing: the name comes with each message."""
        return b""

    def blocks(self, lines: Sequence[str]) -> Iterable[bytes]:
        """Return a message for each line: that server takes one message a read."""
        return [f"{self._nick} : {line}\0".encode(errors="surrogateescape") for line in lines]

    def goodbye(self) -> bytes:
        """Return the empty message that the lab's client ends with."""
        return f"{self._nick} :\0".encode(errors="surrogateescape")


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
        return "".join(shown)
