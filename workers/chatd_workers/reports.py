"""The records that cross the channel between the master and a worker, both ways.

One record is one SEQPACKET datagram of MessagePack, decoded into exactly the types below or
refused. No pickle: the worker touched hostile bytes, and unpickling would run its code.

Sequence, for a worker's whole life::

    master                                worker
    Serve + client socket (SCM_RIGHTS) ─▶                    to a newborn; a relay's gets more
                                       ◀─ Offer + client socket, to a new master
    Serve, or Dismiss                  ─▶                    to one that has offered
                                       ◀─ Ready              a newborn, once
                                       ◀─ Announce           only when careful: a line to be parsed
                                       ◀─ Report             one at a time
    Ack                                ─▶
    Retitle, Limit, Drain              ─▶                    at any time
    Resume                             ─▶                    from the next master
                                       ◀─ Resumed            and what was not acknowledged, again
                                       ◀─ Trace              at any time
                                       ◀─ Drained, Ended
"""

from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chatd_workers.commands import Command, Fresh, Name
from chatd_workers.text_kinds import LOGGED

PROTOCOL: Final = 2
"""Counts changes of these records that make workers and masters of two versions strangers."""

MAX_USED: Final = 32 * 1024
"""Bytes of a client's stream that one report may cover: the size of the worker's peek."""

MAX_COMMANDS: Final = 1024
"""Commands in one report: bounds how long one client can hold the master's tick."""

MAX_TRACE: Final = 16 * 1024
"""Characters of a trace."""

MAX_CARRY: Final = 8192 + 1
"""Bytes of a line's beginning that are kept for it: the longest line, and a carriage return."""

TOKEN: Final = 8
"""Bytes of a worker's token."""

MAX_ORDER: Final = 12 * 1024
"""Bytes of an encoded order: names, numbers, a carry. A worker allocates so much at every one."""

MAX_DESCRIPTORS: Final = 4
"""Descriptors that a newborn is given at most: the client's socket; for a relay the real one, the
other end of the pair, and what TLS needs."""

MAX_RECORD: Final = 160 * 1024
"""Bytes of an encoded record. 32 KiB of invalid UTF-8 become 96 KiB of U+FFFD, plus framing."""


class Serve(Struct, frozen=True, array_like=True, tag=1):
    """Master to worker, with the client's socket: serve this client from where it stands."""

    session: int
    peer: str
    dialect: str
    nick: str
    room: str
    line_length: int
    discarding: bool
    """The stream stands inside a line that was too long; drop up to its end."""
    carry: bytes
    """The beginning of the next line, already taken from the socket."""
    careful: bool
    """A worker died on what comes next: announce each line before parsing it."""
    token: Annotated[bytes, Meta(max_length=TOKEN)]
    """Proves to a later master that this worker was given this session."""
    adoption: Annotated[str, Meta(max_length=108)]
    """Path of the socket where a later master is found."""
    message_rate: int = 0
    """Lines a second that are read at most; 0: as they come."""
    beginning: bool = False
    """Nothing of the stream is committed yet."""
    proxied: bool = False
    """The stream begins with a PROXY header."""
    relay: Literal["", "tls", "unix"] = ""
    """The client's socket is the inner end of a relay, to an outer one of this kind."""
    offset: int = 0
    """Bytes of the stream that are committed."""


class Ack(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Master to worker: the report is journaled and its bytes are consumed."""


class Retitle(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Master to worker: your client is called and stands so now."""

    nick: str
    room: str


class Limit(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Master to worker: the longest line is now so many bytes, and so many are read a second."""

    line_length: int
    message_rate: int = 0


class Drain(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Master to worker: report what has arrived by now, then say Drained."""


class Dismiss(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Master to worker: the session you offer is none of mine; end."""


class Resume(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Next master to worker: say Resumed, and again what is not committed.

    ``offset`` bytes of the stream are committed, of which the last ``carried`` are the beginning
    of a line.
    """

    offset: int
    carried: int


Order = Serve | Ack | Retitle | Limit | Drain | Dismiss | Resume


class Report(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Worker to master: the next ``used`` bytes of the stream mean ``commands``.

    ``discarding`` and ``carry`` are where the reader stands after them, as in ``Serve``.
    """

    used: Annotated[int, Meta(ge=0, le=MAX_USED)]
    discarding: bool
    carry: Annotated[bytes, Meta(max_length=MAX_CARRY)]
    commands: Annotated[list[Command], Meta(max_length=MAX_COMMANDS)]
    fresh: Annotated[list[Fresh], Meta(max_length=2)] = []
    """What is known of the connection since the last report. It comes before the commands."""


class Announce(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Worker to master, when careful: carry and the next ``used`` bytes are the line I parse now.

    If the worker dies of it, the master knows which bytes to set aside, without parsing any.
    """

    used: Annotated[int, Meta(ge=0, le=MAX_USED)]


class Ended(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Worker to master: the client's stream has ended and all of it is acknowledged."""

    reason: Name
    told: bool = False
    """The client has not ended it, and is to be told the reason."""


class Drained(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Worker to master: what had arrived when Drain came is reported and acknowledged."""


class Trace(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Worker to master, for the log: state and Python stack, on SIGUSR1 or before dying."""

    text: Annotated[str, Meta(max_length=MAX_TRACE, extra=LOGGED)]


class Offer(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Worker to a new master, with the client's socket: the session that I serve."""

    session: Annotated[int, Meta(ge=0)]
    token: Annotated[bytes, Meta(max_length=TOKEN)]
    dialect: Annotated[str, Meta(max_length=32)]


class Ready(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Worker to master: I was born and have made ready, and wait for what my client says."""


class Resumed(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """Worker to master, asked to resume: what comes from here on is for you."""


Record = Report | Announce | Ended | Drained | Trace | Ready | Resumed

encode: Final = msgspec.msgpack.Encoder().encode
"""Encode an order or a record."""

MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding raises: ValidationError is a DecodeError, but for text that is not UTF-8, and for
arrays in arrays without end, msgspec raises what Python does."""

decode_order: Final = msgspec.msgpack.Decoder(Order).decode
"""Decode what the master sent; raises one of MALFORMED."""

decode_record: Final = msgspec.msgpack.Decoder(Record).decode
"""Decode and validate what a worker sent; raises one of MALFORMED."""

decode_offer: Final = msgspec.msgpack.Decoder(Offer).decode
"""Decode and validate what stands in an offer; raises one of MALFORMED."""

ACK: Final = encode(Ack())
