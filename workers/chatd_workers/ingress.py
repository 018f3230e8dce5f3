"""Looking at what a client has sent, without taking it.

``MSG_PEEK`` (recv(2)) leaves every byte in the socket until the master has journaled it and takes
it from its own duplicate. So the kernel's read cursor is the commit log, and a worker that dies
loses nothing: its successor peeks the same bytes again.

A socket with unread bytes stays readable, so an incomplete line would keep poll(2) returning at
once. ``SO_RCVLOWAT`` (socket(7)) makes it wait for more than is there already; a FIN still wakes.
It belongs to the socket, so a successor begins by setting it back.

One thing bytes that are left lying can do: keep more from coming. The kernel counts against the
receive buffer the memory behind a segment, all of it until its last byte is taken, so the first
bytes of a line at the end of a large segment can close the window, and the line would never be
completed. ``is_cramped`` tells when that threatens; then the beginning of the line is taken into
the report (``carry``) after all.
"""

import fcntl
import select
import socket
import struct
import termios
from typing import Final

from chatd_workers.reports import MAX_USED

# Plain numbers: what an enum runs through is memory of every worker's own (``rehearsal``).
_PEEK: Final = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)
_WAKE: Final = select.POLLIN | select.POLLRDHUP
_SO_MEMINFO: Final = 55
"""asm-generic/socket.h; sock_diag(7) lists what it tells: memory in use and its limit first."""

_OVER: Final = select.POLLRDHUP | select.POLLHUP | select.POLLERR


class StreamEnded(Exception):
    """The client's stream has broken; nothing more can be read from it. ``str()`` says why."""


class Ingress:
    """One client's incoming stream, from the commit point on."""

    def __init__(self, client: socket.socket, channel: socket.socket) -> None:
        self._client = client
        self._channel = channel.fileno()
        self._poll = select.poll()
        self._poll.register(client, _WAKE)
        self._poll.register(channel, select.POLLIN)
        self._low_water = 0
        self._wait_for(1)

    def wait(self, seen: int) -> tuple[bool, bool, bool]:
        """Sleep until there are more than ``seen`` bytes, the stream ends, or an order comes.

        Returns (stream to be looked at, stream complete, order to be read).
        """
        self._wait_for(seen + 1)
        readable = complete = order = False
        for descriptor, events in self._poll.poll():
            if descriptor == self._channel:
                order = True
            else:
                readable = True
                complete = bool(events & _OVER)
        return readable, complete, order

    def rest(self, seconds: float) -> bool:
        """Sleep for ``seconds``, whatever the client sends; return whether an order has come."""
        look = select.poll()
        look.register(self._channel, select.POLLIN)
        return bool(look.poll(seconds * 1000 + 1))

    def peek(self) -> bytes:
        """Return up to MAX_USED unread bytes and leave them; b"" if there are none.

        Raises StreamEnded if the connection is broken and all its bytes are read.
        """
        try:
            return self._client.recv(MAX_USED, _PEEK)
        except BlockingIOError:
            return b""
        except OSError as error:
            # Whatever broke it (ECONNRESET, ETIMEDOUT, EHOSTUNREACH ...): the stream is over.
            raise StreamEnded(error.strerror or str(error)) from error

    def unread(self) -> int:
        """Return how many bytes have arrived and are not taken yet (FIONREAD, tcp(7))."""
        count: int = struct.unpack("i", fcntl.ioctl(self._client, termios.FIONREAD, b"    "))[0]
        return count

    def is_cramped(self) -> bool:
        """Tell whether what is unread takes so much memory that the window may close.

        The kernel thinks of closing it when less than half of the buffer is free; this is a
        quarter in use.
        """
        told = self._client.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, 8)
        used, limit = struct.unpack("II", told)
        return bool(used * 4 > limit)

    def _wait_for(self, count: int) -> None:
        if count != self._low_water:
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, count)
            self._low_water = count
