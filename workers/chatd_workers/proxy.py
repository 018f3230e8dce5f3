"""The PROXY protocol: what a proxy says of its client before the client's own bytes. Pure.

A proxy (HAProxy, nginx, stunnel) that passes a connection on is the peer that we see; in one
header at the very beginning of the stream it tells who connected to it. Both forms of the
specification (haproxy.org, "The PROXY protocol", versions 1 and 2) are read: a line of text, and
a binary block. What a proxy says of connections of its own (``LOCAL``, ``UNKNOWN``) or of
transports without addresses is understood, and says nothing.

Whether the peer is one that may say so is decided by the master before a worker is born.
"""

import socket
import struct
from typing import Final, NamedTuple

MAX_LINE: Final = 107
"""Bytes of a header of version 1, its CRLF included (section 2.1)."""

MAX_BLOCK: Final = 4096
"""Bytes of a header of version 2 that are put up with: addresses, and what is added to them."""

_LINE: Final = b"PROXY "
_BLOCK: Final = b"\r\n\r\n\0\r\nQUIT\n"
_HEAD: Final = struct.Struct("!12sBBH")
_FAMILIES: Final = {
    1: (socket.AF_INET, struct.Struct("!4s4sHH")),
    2: (socket.AF_INET6, struct.Struct("!16s16sHH")),
}
_TEXT_FAMILIES: Final = {b"TCP4": socket.AF_INET, b"TCP6": socket.AF_INET6}


class BadHeader(Exception):
    """The stream does not begin with a header; ``str()`` says how it does."""


class Header(NamedTuple):
    """A header: its size in bytes, and the client's address and port if it tells them."""

    size: int
    host: str
    """Empty: it tells no address."""
    port: int


def read_header(data: bytes) -> Header | None:
    """Return the header at the beginning of ``data``; None if there is more of it to come.

    Raises BadHeader.
    """
    if data.startswith(_BLOCK):
        return _read_block(data)
    if data.startswith(_LINE):
        return _read_line(data)
    if _LINE.startswith(data) or _BLOCK.startswith(data):
        return None
    raise BadHeader("there is no PROXY header")


def _read_line(data: bytes) -> Header | None:
    line, end, _ = data[:MAX_LINE].partition(b"\r\n")
    if not end:
        if len(data) < MAX_LINE and b"\n" not in data:
            return None
        raise BadHeader("the PROXY header does not end where it must")
    size = len(line) + 2
    words = line.split(b" ")
    if words[1] == b"UNKNOWN":
        return Header(size, "", 0)
    family = _TEXT_FAMILIES.get(words[1])
    if family is None or len(words) != 6:
        raise BadHeader("the PROXY header is not of any known form")
    host, port = words[2].decode("ascii", "replace"), words[4]
    try:
        packed = socket.inet_pton(family, host)
        socket.inet_pton(family, words[3].decode("ascii", "replace"))
    except (OSError, ValueError) as error:
        raise BadHeader("the PROXY header has an address that is none") from error
    if not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise BadHeader("the PROXY header has a port that is none")
    # As everybody writes it, so that the same address is always the same.
    return Header(size, socket.inet_ntop(family, packed), int(port))


def _read_block(data: bytes) -> Header | None:
    if len(data) < _HEAD.size:
        return None
    _, version_command, family_transport, length = _HEAD.unpack_from(data)
    version, command = version_command >> 4, version_command & 15
    if version != 2 or command > 1:
        raise BadHeader("the PROXY header is of an unknown version")
    size = _HEAD.size + length
    if size > MAX_BLOCK:
        raise BadHeader(f"the PROXY header is longer than {MAX_BLOCK} bytes")
    if len(data) < size:
        return None
    known = _FAMILIES.get(family_transport >> 4)
    if command == 0 or known is None:
        return Header(size, "", 0)
    family, layout = known
    if length < layout.size:
        raise BadHeader("the PROXY header is shorter than its addresses")
    source, _, port, _ = layout.unpack_from(data, _HEAD.size)
    return Header(size, socket.inet_ntop(family, source), port)
