"""The records that cross between the master and its supervisor, both ways.

One record is one SEQPACKET datagram of MessagePack, with the descriptor it speaks of (SCM_RIGHTS)
or without any. The supervisor holds descriptors by name; it knows nothing of what they are.

Sequence, for a master's whole life::

    master                           supervisor
                                  ◀─ Go         if it has stood by: it is its turn (``standby``)
    Recall                        ─▶            once, before it listens
                                  ◀─ Held       each, with its descriptor
                                  ◀─ AllHeld
    Doubt, Hold, ..., Settled     ─▶            instead of that, after an upgrade
    Ready                         ─▶            clients can connect
    Hold + descriptor, Release    ─▶            at any time
    Stopping                      ─▶            from now on its end is meant
    Goodbye                       ─▶            let go of everything
                                  ◀─ (the end of the channel: done)
"""

import array
import os
import socket
from typing import Annotated, Final, NamedTuple

import msgspec
from msgspec import Meta, Struct

MAX_NAME: Final = 512
"""Characters of a name: an address and a dialect, at the most."""

MAX_COMMAND: Final = 256
"""Words of a command."""

MAX_RECORD: Final = 64 * 1024
"""Bytes of an encoded record: a command with a few paths, at the most."""

_INT: Final = array.array("i").itemsize
_ROOM: Final = socket.CMSG_SPACE(2 * _INT)

HeldName = Annotated[str, Meta(min_length=1, max_length=MAX_NAME)]


class Hold(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Master to supervisor, with a descriptor: hold it, instead of any held by this name."""

    name: HeldName


class Release(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Master to supervisor: close what you hold by this name."""

    name: HeldName


class Ready(Struct, frozen=True, array_like=True, tag=3):
    """Master to supervisor: I serve; and this is how another one like me is started."""

    command: Annotated[list[str], Meta(min_length=1, max_length=MAX_COMMAND)]


class Recall(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Master to supervisor: pass me all that you hold."""


class Stopping(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Master to supervisor: I stop, and am not to be started again however I end."""


class Goodbye(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Master to supervisor: I have ended; close all that you hold, and then the channel."""


class Doubt(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Master to supervisor: I am another program now, and say anew what is to be held."""


class Settled(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """Master to supervisor: that was all; close what I have not named since Doubt."""


Wish = Hold | Release | Ready | Recall | Stopping | Goodbye | Doubt | Settled


class Held(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Supervisor to master, with a descriptor: this I hold by this name."""

    name: HeldName


class AllHeld(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Supervisor to master: that was all."""


class Go(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Supervisor to a master that stands by: it is your turn."""


Answer = Held | AllHeld | Go

encode: Final = msgspec.msgpack.Encoder().encode
"""Encode a wish or an answer."""

decode_wish: Final = msgspec.msgpack.Decoder(Wish).decode
"""Decode what the master sent; raises msgspec.DecodeError."""

decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
"""Decode what the supervisor sent; raises msgspec.DecodeError."""


class Parcel(NamedTuple):
    """A record as it came, with the descriptor that came with it."""

    record: bytes
    descriptor: int | None
    lost: bool
    """It came with a descriptor for which this process has no room (RLIMIT_NOFILE)."""


def receive(channel: socket.socket) -> Parcel:
    """Receive a record and the descriptor that came with it, if one did.

    Raises EOFError at the end of the channel, OSError as recvmsg(2) does.
    """
    record, ancillary, flags, _ = channel.recvmsg(MAX_RECORD, _ROOM, socket.MSG_CMSG_CLOEXEC)
    if not record:
        raise EOFError("the channel has ended")
    descriptors = array.array("i")
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            descriptors.frombytes(data[: len(data) - len(data) % _INT])
    # The other end sends one; should there ever be more, they must not stay open.
    for surplus in descriptors[1:]:
        os.close(surplus)
    return Parcel(record, descriptors[0] if descriptors else None, bool(flags & socket.MSG_CTRUNC))
