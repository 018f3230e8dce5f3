"""Passing descriptors along with one record over an AF_UNIX SEQPACKET socket.

unix(7), cmsg(3). ``socket.recv_fds`` would do, but it ignores its flags before Python 3.12, so
that what it receives is inheritable; this asks for close-on-exec, and refuses any surprise.
"""

import array
import os
import socket
from typing import Final

_INT: Final = array.array("i").itemsize

# Plain numbers: what an enum runs through is memory of every worker's own (``rehearsal``).
_LEVEL: Final = int(socket.SOL_SOCKET)
_RIGHTS: Final = int(socket.SCM_RIGHTS)
_CLOSE_ON_EXEC: Final = int(socket.MSG_CMSG_CLOEXEC)
_TRUNCATED: Final = int(socket.MSG_CTRUNC | socket.MSG_TRUNC)


class HandoverError(OSError):
    """A record did not come with as many descriptors as it must."""


def pair() -> tuple[socket.socket, socket.socket]:
    """Return both ends of a new channel: record boundaries, and end-of-file when a peer dies."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def send_with_descriptor(channel: socket.socket, record: bytes, *descriptors: int) -> None:
    """Send ``record`` and a duplicate of each of ``descriptors`` in one datagram."""
    rights = array.array("i", descriptors)
    channel.sendmsg([record], [(_LEVEL, _RIGHTS, rights)])


def receive_with_descriptor(channel: socket.socket, size: int) -> tuple[bytes, int]:
    """Receive a record of up to ``size`` bytes and the one descriptor that came with it.

    Raises EOFError if the peer is gone, HandoverError for anything but exactly one descriptor.
    """
    record, descriptors = receive_with_descriptors(channel, size, most=1)
    return record, descriptors[0]


def receive_with_descriptors(
    channel: socket.socket, size: int, *, most: int, least: int = 1
) -> tuple[bytes, list[int]]:
    """Receive a record of up to ``size`` bytes and ``least`` to ``most`` descriptors with it.

    Raises EOFError if the peer is gone, HandoverError for any other number of descriptors.
    """
    # Room for one more: one too many must be seen, not silently closed by the kernel.
    record, ancillary, flags, _ = channel.recvmsg(
        size, socket.CMSG_SPACE((most + 1) * _INT), _CLOSE_ON_EXEC
    )
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == _LEVEL and kind == _RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % _INT])
    if not record and not descriptors:
        raise EOFError("the peer closed the channel")
    if flags & _TRUNCATED or not least <= len(descriptors) <= most:
        for descriptor in descriptors:
            os.close(descriptor)
        raise HandoverError(
            f"expected {most} descriptors at most, got {len(descriptors)} (flags {flags:#x})"
        )
    return record, list(descriptors)


def close_all_but(kept: int) -> None:
    """Close every descriptor but ``kept``: above all the other clients' sockets and channels.

    A duplicate left open here would hide from the master that a peer has died.
    """
    os.closerange(0, kept)
    os.closerange(kept + 1, os.sysconf("SC_OPEN_MAX"))
