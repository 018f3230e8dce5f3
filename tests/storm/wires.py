"""How the people of a storm enter, say a line, leave, and what they hear, in each dialect.

The order of lines (``order.py``) is kept in one form, that of the text dialect: what is heard over
IRC is put into that form first, line by line.
"""

import re
import socket
import struct
from collections.abc import Callable
from typing import NamedTuple

ROOM = b"#lobby"
"""Where people of the text dialect are by themselves."""

Read = Callable[[bytes], None]
"""Reads up to the end of a line that has these bytes in it."""


class Wire(NamedTuple):
    """A dialect, as the people of a storm use it."""

    listener: str
    """What makes a listener speak it, in chatd.toml."""
    longest: int
    """Bytes of the longest text that arrives whole."""
    ends: tuple[bytes, ...]
    """Ends of lines that are sent."""
    before: bytes
    """What stands before a text that is sent."""
    quiet: bytes
    """What a line ends with that says ``quiet please``."""
    enter: Callable[[socket.socket, bytes, int, Read], None]
    """Lets somebody in: a connected socket, a name, a number, and how to read."""
    knock: Callable[[bytes, int], bytes]
    """What a visitor sends first, under a name of its choice, with a number of its own."""
    inside: re.Pattern[bytes]
    """What a visitor has been sent when it is in; its group is the visitor's nick."""
    leave: Callable[[socket.socket], None]
    """Lets a visitor go, who then reads to the end."""
    unended: bool
    """Whether a last line without its end counts."""
    ordered: Callable[[bytes], bytes]
    """Puts whole lines that were heard into the form of the order."""
    hears_itself: Callable[[int], bool]
    """Whether a sender of that number is sent what it says."""


# The text dialect

_LEFT = re.compile(rb"(?m)^(--- \S+ left #\S+) \(.*\)$")
"""Why somebody left is not told in all dialects."""


def _enter_text(client: socket.socket, name: bytes, _number: int, read: Read) -> None:
    read(b"/help lists the commands.\n")
    client.sendall(b"/nick %s\n" % name)
    read(b"is now %s\n" % name)


def _ordered_text(heard: bytes) -> bytes:
    return _LEFT.sub(rb"\1", heard)


TEXT = Wire(
    listener="",
    longest=8192,
    ends=(b"\n", b"\r\n", b"\0"),
    before=b"",
    quiet=b" : quiet please\n",
    enter=_enter_text,
    knock=lambda _name, _number: b"",
    inside=re.compile(rb"You are (\S+) in[^\0]*/help lists the commands\.\n"),
    leave=lambda client: client.shutdown(socket.SHUT_WR),
    unended=True,
    ordered=_ordered_text,
    hears_itself=lambda _: True,
)


# IRC

CAPABILITIES = (b"echo-message", b"", b"echo-message server-time message-tags", b"message-tags")
"""What people ask for, in turn: some hear themselves, some do not, some see tags."""

_SAID = re.compile(rb"(?m)^(?:@\S+ )?:([^! ]+)!\S+ PRIVMSG " + ROOM + rb" :(.*)\r\n")
_CAME = re.compile(rb"^(?:@\S+ )?:([^! ]+)!\S+ JOIN ")
_WENT = re.compile(rb"^(?:@\S+ )?:([^! ]+)!\S+ QUIT ")
_OTHER = re.compile(rb"(?m)^(?:[@:]|ERROR |PING ).*\r\n")


def _enter_irc(client: socket.socket, name: bytes, number: int, read: Read) -> None:
    client.sendall(_knock_irc(name, CAPABILITIES[number % len(CAPABILITIES)]))
    read(b" 366 ")


def _knock_irc(name: bytes, capabilities: bytes = CAPABILITIES[0]) -> bytes:
    return b"CAP REQ :%s\r\nNICK %s\r\nUSER %s 0 * :%s\r\nCAP END\r\nJOIN %s\r\n" % (
        (capabilities, name, name, name, ROOM)
    )


def _leave_irc(client: socket.socket) -> None:
    client.send(b"QUIT :seen enough\r\n")


def _ordered_irc(heard: bytes) -> bytes:
    return _OTHER.sub(_moved, _SAID.sub(rb"\1 : \2\n", heard))


def _moved(line: re.Match[bytes]) -> bytes:
    came = _CAME.match(line[0])
    if came is not None:
        return b"--- %s joined %s\n" % (came[1], ROOM)
    went = _WENT.match(line[0])
    if went is not None:
        return b"--- %s left %s\n" % (went[1], ROOM)
    return b"--- " + line[0].replace(b"\r\n", b"\n")


IRC = Wire(
    listener='dialect = "irc"\n',
    longest=400,
    ends=(b"\n", b"\r\n"),
    before=b"PRIVMSG %s :" % ROOM,
    quiet=b" :quiet please\r\n",
    enter=_enter_irc,
    knock=lambda name, _number: _knock_irc(name),
    inside=re.compile(rb" 366 (\S+) [^\n]*\n"),
    leave=_leave_irc,
    unended=False,
    ordered=_ordered_irc,
    hears_itself=lambda number: b"echo-message" in CAPABILITIES[number % len(CAPABILITIES)],
)


# Behind a proxy that speaks TLS: to the server that is a header, and then the text dialect.

_HEADER = struct.Struct("!12sBBH4s4sHHBHBI")


def _header(port: int) -> bytes:
    """Return what the proxy says of a client (the PROXY protocol, version 2, with TLV SSL)."""
    here = socket.inet_aton("127.0.0.1")
    block = (b"\r\n\r\n\0\r\nQUIT\n", 0x21, 0x11, 12 + 8)
    return _HEADER.pack(*block, here, here, port, 443, 0x20, 5, 1, 0)


def _enter_proxied(client: socket.socket, name: bytes, number: int, read: Read) -> None:
    client.sendall(_header(1024 + number))
    _enter_text(client, name, number, read)


PROXIED = TEXT._replace(
    listener="proxy_protocol = true\n",
    enter=_enter_proxied,
    knock=lambda _name, number: _header(1024 + number % 60_000),
)

WIRES = {"text": TEXT, "irc": IRC, "proxied": PROXIED}
