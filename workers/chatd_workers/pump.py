"""The pump: bytes between a client's own socket and the pair that stands for it, in one thread.

Where a stream must be transformed (TLS), or cannot be counted by the kernel (a Unix socket), the
master makes a TCP pair on the loopback for the client. One end of it is the client's socket to
all of chatd; the worker holds the other one, ``inner``, and the real one, ``outer``::

    client ── outer ─ pump ─ inner ── "the client's socket": peeked at by the worker, taken from
                                      and written to by the master

Rules:

* What comes from either side is read only as long as less than LIMIT bytes wait for the other:
  whoever is slow slows down the other one, and TCP does the rest.
* Each direction ends by itself. When the client has ended, so does what is written to the inner
  socket, after all that came before; what is said to the client goes on. The master ends its
  direction when it has done with the client: then the client is sent what is still there, and the
  end, and what it says is thrown away until it has ended as well (a close must not overtake the
  last words, see ``connections`` in the master).
* A client whose stream is broken has ended; what it is still told vanishes.
* It is over when the master's direction has ended and nothing can be done for the client any more.

Nothing is polled for that is not wanted: a hang-up that cannot be acted upon yet would keep
poll(2) from sleeping.
"""

import contextlib
import fcntl
import os
import select
import socket
import struct
import termios
import time
from collections.abc import Callable
from typing import Final

from chatd_workers.streams import BrokenStream, Stream, WrongStream

LIMIT: Final = 64 * 1024
"""Bytes that may wait in each direction; what one read brings comes on top."""

CHUNK: Final = 16 * 1024
"""Bytes of one read; a TLS record has as many."""

HANDSHAKE: Final = 30.0
"""Seconds until a client must be ready to be talked to."""

HURRY: Final = 0.02
"""Seconds from look to look whether a client has all that it was sent, when the server stops."""


class Pump:
    """One client's pump. ``run`` is its thread; what other threads may use is said."""

    def __init__(
        self,
        outer: socket.socket,
        inner: socket.socket,
        stream: Stream,
        refuse: Callable[[str], bytes],
    ) -> None:
        """``refuse`` renders why a client is sent away that does not speak the stream at all."""
        self._outer: socket.socket | None = outer
        self._inner = inner
        self._stream = stream
        self._refuse = refuse
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._deadline = time.monotonic() + HANDSHAKE
        self._hurry = False
        # What waits to be written: to the inner socket, to the client.
        self._up = bytearray()
        self._down = bytearray()
        # Nothing is to be added to that any more; and it is written, and the end told.
        self._up_complete = self._up_shut = False
        self._down_complete = self._down_shut = False
        self._outer_ended = False
        # Nothing can be sent to the client any more; what it has said can still be read.
        self._deaf = False
        self._broken = False
        self.reason = ""
        """Why the stream was broken, if it was. Any thread may look."""

    def hurry(self) -> None:
        """Have it over as soon as the client has all that it was sent. Any thread may call."""
        self._hurry = True
        os.eventfd_write(self._woken, 1)

    def run(self) -> None:
        """Move bytes until it is over."""
        while not self._is_over():
            self._turn()

    def close(self) -> None:
        """Let go of what it had made for itself; a worker ends instead."""
        os.close(self._woken)

    def _is_over(self) -> bool:
        if not self._down_complete:
            return False
        if self._outer is None or self._deaf:
            return True
        return self._down_shut and (self._outer_ended or (self._hurry and self._is_delivered()))

    # One turn

    def _turn(self) -> None:
        happened = self._wait()
        outer, inner = self._outer, self._inner
        if outer is not None and _is_readable(happened, outer, self._wanted_of_client()):
            self._hear(outer)
        if _is_readable(happened, inner, self._wanted_of_master()):
            self._listen()
        if not (self._stream.ready or self._broken) and time.monotonic() >= self._deadline:
            self._break(f"no TLS handshake within {HANDSHAKE:g} s")
        self._write_up()
        self._write_down()

    def _wait(self) -> dict[int, int]:
        """Sleep until something can be done; return the events of each socket."""
        poll = select.poll()
        poll.register(self._woken, select.POLLIN)
        if self._outer is not None and (events := self._wanted_of_client()):
            poll.register(self._outer, events)
        if events := self._wanted_of_master():
            poll.register(self._inner, events)
        timeout = None
        if not (self._stream.ready or self._broken):
            timeout = max(0.0, self._deadline - time.monotonic())
        elif self._hurry and self._down_shut:
            timeout = HURRY
        happened = dict(poll.poll(timeout and timeout * 1000))
        if happened.pop(self._woken, 0):
            os.eventfd_read(self._woken)
        return happened

    def _wanted_of_client(self) -> int:
        events = 0
        if not self._outer_ended and (len(self._up) < LIMIT or self._down_complete):
            events |= select.POLLIN
        if self._down:
            events |= select.POLLOUT
        return events

    def _wanted_of_master(self) -> int:
        events = 0
        talking = self._stream.ready or self._broken
        if talking and not self._down_complete and len(self._down) < LIMIT:
            events |= select.POLLIN
        if self._up:
            events |= select.POLLOUT
        return events

    # From the client

    def _hear(self, outer: socket.socket) -> None:
        try:
            data = outer.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        self._outer_ended = not data
        if self._down_complete or self._up_complete:
            return
        try:
            self._up += self._stream.receive(data)
        except BrokenStream as error:
            self._break(str(error))
            if isinstance(error, WrongStream):
                self._down += self._refuse(str(error))
        else:
            self._up_complete = self._stream.ended
            self._down += self._stream.take()

    def _write_up(self) -> None:
        try:
            if self._up:
                del self._up[: self._inner.send(self._up)]
            if self._up_complete and not self._up and not self._up_shut:
                self._up_shut = True
                self._inner.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            # The master has closed the pair: nobody wants to hear more. Its end can be read.
            self._up.clear()
            self._up_complete = self._up_shut = True

    # From the master

    def _listen(self) -> None:
        try:
            data = self._inner.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if self._broken:
            self._down_complete = not data
            return
        try:
            if data:
                self._stream.send(data)
            else:
                self._down_complete = True
                self._stream.end()
        except BrokenStream as error:
            self._break(str(error))
        else:
            self._down += self._stream.take()

    def _write_down(self) -> None:
        if self._outer is None or self._deaf:
            self._down.clear()
            return
        try:
            if self._down:
                del self._down[: self._outer.send(self._down)]
            if not self._down and not self._down_shut and (self._down_complete or self._broken):
                self._down_shut = True
                self._outer.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            pass
        except OSError:
            self._deaf = True
            self._down.clear()

    # When it cannot go on

    def _break(self, reason: str) -> None:
        """Go on without the stream: what it has still to say is sent, and that is all."""
        self._broken = True
        self.reason = reason
        self._up_complete = True
        with contextlib.suppress(BrokenStream):
            self._down += self._stream.take()

    def _lose(self, error: OSError) -> None:
        """Go on without the client, all that it has said having been read."""
        if not self._up_complete:
            self._break(error.strerror or str(error))
        self._broken = True
        assert self._outer is not None, "lost once"
        self._outer.close()
        self._outer = None

    def _is_delivered(self) -> bool:
        """Tell whether the client's system has all that was written (SIOCOUTQ, tcp(7))."""
        assert self._outer is not None, "asked only while there is one"
        if self._outer.family == socket.AF_UNIX:
            return True  # what was written is at the other end already
        return struct.unpack("i", fcntl.ioctl(self._outer, termios.TIOCOUTQ, b"    ")) == (0,)


def _is_readable(happened: dict[int, int], sock: socket.socket, wanted: int) -> bool:
    """Tell whether ``sock`` is to be read: it has errors, too, whatever was ``wanted`` of it."""
    told = happened.get(sock.fileno(), 0) & ~select.POLLOUT
    return bool(told and wanted & select.POLLIN)
