"""Stand-ins for sockets, for the tests of the outbox: what a client has heard, and no more."""

from collections.abc import Sequence
from typing import Any, cast

from chatd_supervisor.egress import NO_WAIT, Output

TOKEN = bytes(8)


class Wire:
    """A client's socket that takes as much as it is told to. It outlives masters."""

    def __init__(self) -> None:
        self.heard = b""
        self.room = 0

    def send(self, data: bytes | memoryview, flags: int) -> int:
        assert flags == NO_WAIT
        if not self.room:
            raise BlockingIOError
        taken = data[: self.room]
        self.heard += taken
        self.room -= len(taken)
        return len(taken)

    def sendmsg(self, buffers: list[bytes | memoryview], _rights: object, flags: int) -> int:
        return self.send(b"".join(buffers), flags)


class Poller:
    def register(self, _client: Wire, _events: int) -> None: ...
    def unregister(self, _client: Wire) -> None: ...


def output(session: int, wire: Wire, rest: Sequence[bytes | memoryview] = ()) -> Output:
    made = Output(session, cast("Any", Poller()))
    made.attach(cast("Any", wire), rest)
    return made


def count(wire: Any) -> int:
    """Stand in for ``counts.written``: what the kernel says of a real socket."""
    return len(wire.heard)


def unwritten(*_: int) -> None:
    """Stand in for what finds outputs: runs are made by hand here."""
    return
