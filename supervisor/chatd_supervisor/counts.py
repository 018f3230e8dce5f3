"""What the kernel knows of a connection: how much was ever taken from it, and written to it.

A master that comes after one that was killed asks the kernel how far the other had come, to the
byte. The kernel counts in ``struct tcp_info`` (linux/tcp.h) what has arrived and what the peer has
acknowledged; what lies in the two buffers is asked separately, and in between things go on. So
the first is read before and after the second, until it has not changed: then nothing moved.

In sequence numbers a FIN is one byte (RFC 9293, section 3.4), and so it is in the kernel's counts:
the peer's in ``tcpi_bytes_received``, ours in SIOCOUTQ and then in ``tcpi_bytes_acked``. FIONREAD
leaves it out. The state of the connection tells whether one was counted, but for CLOSE, which is
reached with a FIN and without (by a reset).

Urgent data would make FIONREAD end at the urgent byte, and that byte be no part of what is read:
the counts are right for sockets with SO_OOBINLINE only, which listeners hand down to the sockets
they accept. All of this is for accepted sockets; where one connects, the SYN is counted too.
"""

import errno
import fcntl
import os
import socket
import struct
import termios
from typing import Final

_BYTES_ACKED: Final = struct.Struct("=120xQ")
_BYTES_RECEIVED: Final = struct.Struct("=128xQ")
_INFO_SIZE: Final = 136
"""Bytes of tcp_info that are asked for: up to what we need; newer kernels have more."""

_ESTABLISHED: Final = 1
_FIN_WAIT1: Final = 4
_FIN_WAIT2: Final = 5
_CLOSE: Final = 7
_CLOSE_WAIT: Final = 8
_LAST_ACK: Final = 9
_CLOSING: Final = 11

_PEER_HAS_ENDED: Final = frozenset({_CLOSE_WAIT, _LAST_ACK, _CLOSING})
_WE_HAVE_ENDED: Final = frozenset({_FIN_WAIT1, _FIN_WAIT2, _CLOSING, _LAST_ACK})

_TCP_INQ: Final = 36
"""The option, and the control message (linux/tcp.h: TCP_INQ, TCP_CM_INQ; Linux 4.18)."""

_SO_COOKIE: Final = 57
_COOKIE: Final = struct.Struct("=Q")

_INT: Final = struct.Struct("=i")

# What ioctl(2) answers with is put in here: faster than an object of its own, which matters where
# thousands of sockets are asked in a row.
_answer: Final = bytearray(_INT.size)


def consumed(sock: socket.socket) -> int:
    """Return how many bytes of its peer's stream were ever taken from ``sock``, by anybody.

    The end of the stream is not counted. Raises OSError.
    """
    while True:
        info = _info(sock)
        (received,) = _BYTES_RECEIVED.unpack_from(info)
        unread = _ask(sock, termios.FIONREAD)
        ended = _has_fin(sock, unread) if info[0] == _CLOSE else info[0] in _PEER_HAS_ENDED
        again = _info(sock)
        if info[0] == again[0] and _BYTES_RECEIVED.unpack_from(again) == (received,):
            return int(received) - unread - ended


def written(sock: socket.socket) -> int:
    """Return how many bytes were ever written to ``sock``, which was accepted.

    Our end of the stream is not counted. Nobody may write meanwhile. Raises OSError; ENOTCONN if
    the connection is no more, to which nothing can be written in any case.
    """
    while True:
        # With nothing on its way, which is the usual case, what is acknowledged is everything.
        unacknowledged = _ask(sock, termios.TIOCOUTQ)
        info = _info(sock)
        (acknowledged,) = _BYTES_ACKED.unpack_from(info)
        if unacknowledged:
            unacknowledged = _ask(sock, termios.TIOCOUTQ)
            again = _info(sock)
            if info[0] != again[0] or _BYTES_ACKED.unpack_from(again) != (acknowledged,):
                continue
        if info[0] == _CLOSE:
            raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN))
        return int(acknowledged) + unacknowledged - (info[0] in _WE_HAVE_ENDED)


def is_open(sock: socket.socket) -> bool:
    """Return whether ``sock`` is a TCP connection whose half that is ours is open. Raises OSError.

    The peer may have closed its own.
    """
    return _info(sock)[0] in (_ESTABLISHED, _CLOSE_WAIT)


def cookie(sock: socket.socket) -> int:
    """Return the number that the kernel has given to ``sock``: no other socket ever has it.

    SO_COOKIE (socket(7), Linux 4.12). Raises OSError.
    """
    (number,) = _COOKIE.unpack(sock.getsockopt(socket.SOL_SOCKET, _SO_COOKIE, _COOKIE.size))
    return int(number)


def cookie_of(descriptor: int) -> int:
    """Return the same of the socket behind ``descriptor``. Raises OSError."""
    # Told of which kind it is, whether that is right or not, Python need not ask.
    found = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM, 0, descriptor)
    try:
        return cookie(found)
    finally:
        found.detach()


def _ask(sock: socket.socket, request: int) -> int:
    fcntl.ioctl(sock.fileno(), request, _answer)
    (answer,) = _INT.unpack(_answer)
    return int(answer)


def _info(sock: socket.socket) -> bytes:
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _INFO_SIZE)


def _has_fin(sock: socket.socket, unread: int) -> bool:
    """Tell whether the stream that can be read from ``sock``, in CLOSE, ends with a FIN.

    The count that TCP_INQ has recvmsg(2) add does include the FIN, whether or not it was read.
    """
    sock.setsockopt(socket.IPPROTO_TCP, _TCP_INQ, 1)
    try:
        _, said, _, _ = sock.recvmsg(
            1, socket.CMSG_SPACE(_INT.size), socket.MSG_PEEK | socket.MSG_DONTWAIT
        )
    except ConnectionError:
        # Nothing is left but the error that the reset has left; with a FIN there would be the end
        # of the stream before it. It is told once; from now on there is the end of the stream.
        return False
    finally:
        sock.setsockopt(socket.IPPROTO_TCP, _TCP_INQ, 0)
    for level, kind, data in said:
        if (level, kind) == (socket.IPPROTO_TCP, _TCP_INQ):
            return bool(_INT.unpack(data)[0] > unread)
    return False
