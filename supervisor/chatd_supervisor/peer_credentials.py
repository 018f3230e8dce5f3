"""Who is at the other end of a Unix socket, by the kernel's word (SO_PEERCRED, unix(7))."""

import socket
import struct
from typing import Final, NamedTuple

_UCRED: Final = struct.Struct("iII")
"""``struct ucred``. A uid and a gid are unsigned: those of user namespaces and of directories are
often 2^31 or more."""


class PeerCredentials(NamedTuple):
    """The process that has connected, or made a socket pair, as it was then."""

    pid: int
    """0: a process that cannot be seen from here (pid_namespaces(7))."""
    uid: int
    gid: int


def peer_credentials(connected: socket.socket) -> PeerCredentials:
    """Return who is at the other end of ``connected``. Raises OSError."""
    told = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    return PeerCredentials(*_UCRED.unpack(told))
