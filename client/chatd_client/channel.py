"""The socket between the two processes: records in batches, each with its length before it.

Neither side waits for the other. What the other side does not take yet is kept; who makes much of
it asks ``waiting`` and stops making more.
"""

import contextlib
import socket
import struct
from collections import deque
from typing import Final, Generic, TypeVar

import msgspec

T = TypeVar("T")
U = TypeVar("U")

_LENGTH: Final = struct.Struct("!I")
BLOCK: Final = 256 * 1024
"""Bytes that are read at once, at most."""


class Gone(Exception):
    """The other process has closed its side."""


class Channel(Generic[T, U]):
    """Sends records of T, receives such of U."""

    def __init__(self, side: socket.socket, received: "type[U] | object") -> None:
        """``received`` is the type of what is received: msgspec's word for a union is an object."""
        side.setblocking(False)
        self._socket = side
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(list[received]).decode  # type: ignore[valid-type]
        self._output: deque[memoryview] = deque()
        self._input = bytearray()
        self.waiting = 0
        """Bytes that the other side has not taken yet."""

    def fileno(self) -> int:
        """Return the socket's descriptor."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close our side."""
        self._socket.close()

    def send(self, records: list[T]) -> None:
        """Send ``records`` as far as the other side takes them now; keep the rest."""
        if records:
            data = self._encode(records)
            whole = _LENGTH.pack(len(data)) + data
            self._output.append(memoryview(whole))
            self.waiting += len(whole)
        self.flush()

    def flush(self) -> None:
        """Send what was kept, as far as it is taken. If the other side has gone, nothing is."""
        # EPIPE, ECONNRESET: that it has gone is seen when it is read from.
        with contextlib.suppress(BlockingIOError, BrokenPipeError, ConnectionResetError):
            while self._output:
                first = self._output[0]
                sent = self._socket.send(first, socket.MSG_NOSIGNAL)
                self.waiting -= sent
                if sent == len(first):
                    self._output.popleft()
                else:
                    self._output[0] = first[sent:]

    def receive(self) -> list[U]:
        """Return what has come, a bounded number; raise Gone if nothing has and nothing will."""
        records = self._whole()
        if records:
            return records
        try:
            data = self._socket.recv(BLOCK)
        except BlockingIOError:
            return []
        except ConnectionResetError as error:
            raise Gone from error
        if not data:
            raise Gone
        self._input += data
        return self._whole()

    def _whole(self) -> list[U]:
        records: list[U] = []
        start = 0
        while len(self._input) - start >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._input, start)
            end = start + _LENGTH.size + length
            if len(self._input) < end:
                break
            records += self._decode(memoryview(self._input)[start + _LENGTH.size : end])
            start = end
        del self._input[:start]
        return records
