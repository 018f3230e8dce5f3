r"""What chat-client writes to a server: pure.

Two wires: chatd's text dialect (chatd-protocol(7)), and that of the lab's server, which knows
``alice : bonjour\0`` and nothing else.
"""

from collections.abc import Iterable, Sequence
from typing import Final, Protocol

GREETING: Final = b"--- Welcome"
"""How chatd greets; the lab's server says nothing."""

NOTICE: Final = b"--- "
"""How every word of chatd's own begins; a refusal (the server is full) comes as one too."""

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

LONGEST_LINE: Final = 64 * 1024
"""Bytes after which a line is cut: input without an end to its line must not fill the memory."""


class Lines:
    """Cuts what is typed, in whatever pieces, into lines."""

    def __init__(self) -> None:
        self._begun = bytearray()

    def feed(self, data: bytes, *, final: bool = False) -> list[str]:
        """Return the lines that ``data`` completes, without their ends and without any NUL.

        Bytes that are not UTF-8 are kept, as surrogates. ``final`` completes a line that was begun.
        """
        *lines, begun = data.split(b"\n")
        if lines:
            lines[0] = bytes(self._begun) + lines[0]
            self._begun.clear()
        self._begun += begun
        if self._begun and (final or len(self._begun) >= LONGEST_LINE):
            lines.append(bytes(self._begun))
            self._begun.clear()
        return [_text(line) for line in lines]


def _text(line: bytes) -> str:
    return line.removesuffix(b"\r").replace(b"\0", b"").decode(errors="surrogateescape")


class Wire(Protocol):
    """How lines are written to one kind of server."""

    closes: bool
    """Whether that server closes the connection once we have closed our half."""

    def hello(self) -> bytes:
        """Return what is written first."""

    def blocks(self, lines: Sequence[str]) -> Iterable[bytes]:
        """Return what says ``lines``: each block is to be one write."""

    def goodbye(self) -> bytes:
        """Return what is written last."""

    def leaves(self, line: str) -> bool:
        """Tell whether ``line`` asks the server to close the connection."""


class ChatdWire:
    """chatd's text dialect."""

    closes = True

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

    def leaves(self, line: str) -> bool:
        """Tell whether ``line`` is the command ``/quit``."""
        return line.partition(" ")[0].lower() == "/quit"


class LabWire:
    """The lab's server: each message with the speaker's name, ended by a NUL."""

    closes = False

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
        return f"{self._nick} :\0".encode()

    def leaves(self, line: str) -> bool:  # noqa: ARG002 - the protocol's signature
        """Tell that nothing does: that server has no commands."""
        return False
