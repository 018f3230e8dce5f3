"""What a pump does to the bytes that it moves: nothing, or what ``tls`` does. Pure."""

from typing import Protocol

from chatd_workers.commands import Secured
from chatd_workers.proxy import BadHeader, read_header


class BrokenStream(Exception):
    """This client's stream cannot be gone on with; ``str()`` says why."""


class WrongStream(BrokenStream):
    """It is none of what is spoken here, so that its client can be told so without it."""


class Stream(Protocol):
    """One connection's transformation, from the server's side."""

    @property
    def ready(self) -> bool:
        """Tell whether what is to be said to the client can be sent."""

    @property
    def ended(self) -> bool:
        """Tell whether nothing more comes from the client."""

    @property
    def truncated(self) -> bool:
        """Tell whether it has not said so itself, though it should have."""

    @property
    def secured(self) -> Secured | None:
        """How the connection is encrypted, if it is."""

    def receive(self, data: bytes) -> bytes:
        """Take ``data`` from the client, b"" for its end; return what it says.

        Raises BrokenStream.
        """

    def send(self, data: bytes) -> None:
        """Say ``data`` to the client. Raises BrokenStream."""

    def end(self) -> None:
        """Tell the client that nothing more comes."""

    def take(self) -> bytes:
        """Return what is to be sent to the client."""


class Plain:
    """Everything as it is."""

    ready = True
    truncated = False
    secured = None

    def __init__(self) -> None:
        self.ended = False
        self._out = b""

    def receive(self, data: bytes) -> bytes:
        """Return ``data``."""
        self.ended = not data
        return data

    def send(self, data: bytes) -> None:
        """Have ``data`` taken."""
        self._out += data

    def end(self) -> None:
        """Nothing needs to be said."""

    def take(self) -> bytes:
        """Return what was to be sent."""
        out, self._out = self._out, b""
        return out


class HeaderFirst:
    """Lets a PROXY header pass as it is, before another stream begins."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream
        self._header = b""
        self._complete = False

    @property
    def ready(self) -> bool:
        """As the other stream."""
        return self._stream.ready

    @property
    def ended(self) -> bool:
        """As the other stream."""
        return self._stream.ended

    @property
    def truncated(self) -> bool:
        """As the other stream."""
        return self._stream.truncated

    @property
    def secured(self) -> Secured | None:
        """As the other stream."""
        return self._stream.secured

    def receive(self, data: bytes) -> bytes:
        """Return the header, when it is complete, and what follows it."""
        if self._complete:
            return self._stream.receive(data)
        self._header += data
        try:
            header = read_header(self._header)
        except BadHeader as error:
            raise BrokenStream(str(error)) from error
        if header is None:
            if not data:
                raise BrokenStream("connection closed before the PROXY header")
            return b""
        self._complete = True
        passed, rest = self._header[: header.size], self._header[header.size :]
        return passed + self._stream.receive(rest) if rest else passed

    def send(self, data: bytes) -> None:
        """As the other stream."""
        self._stream.send(data)

    def end(self) -> None:
        """As the other stream."""
        self._stream.end()

    def take(self) -> bytes:
        """As the other stream."""
        return self._stream.take()
