r"""How a stream begins, before there are lines. Pure.

Only the very first bytes are looked at, when nothing of the stream is committed yet:

* Where a proxy is expected to, it says whom it speaks for (``proxy``).
* A client that speaks TLS to a port without it is sent away. Its first record is a handshake,
  ``\x16\x03`` (RFC 8446, section 5.1), which no line of a person begins with; taken for lines,
  its random bytes would be said to everybody.
"""

from typing import Final, NamedTuple

from chatd_workers.commands import Proxied
from chatd_workers.proxy import BadHeader, read_header

_TLS: Final = b"\x16\x03"


class Unwelcome(Exception):
    """The stream does not begin as it must; ``str()`` is told to whoever is at its other end."""


class Beginning(NamedTuple):
    """What a stream begins with: how many bytes it took, and what it told."""

    used: int
    told: Proxied | None


def read_beginning(data: bytes, *, proxied: bool, final: bool) -> Beginning | None:
    """Return how ``data`` begins, None if that cannot be known before there is more.

    ``proxied``: a PROXY header must come first; ``final``: nothing follows. Raises Unwelcome.
    """
    if not proxied:
        if data.startswith(_TLS):
            raise Unwelcome("TLS is not spoken on this port")
        if not final and _TLS.startswith(data):
            return None
        return Beginning(0, None)
    try:
        header = read_header(data)
    except BadHeader as error:
        raise Unwelcome(str(error)) from error
    if header is None:
        if final and data:
            raise Unwelcome("the PROXY header is not complete")
        return None
    return Beginning(header.size, Proxied(header.host or None, header.port))
