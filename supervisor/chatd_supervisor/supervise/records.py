"""The records between a master and its supervisor, and to the program that is to follow both.

One record is one SEQPACKET datagram of MessagePack. No descriptor is ever passed between master and
supervisor: they share one table, so a number is enough.

Master and supervisor, for a master's whole life::

    master                           supervisor
    Settings                      ─▶            once, before the first worker is wanted
    Bear                          ─▶            at any time
                                  ◀─ Born, Failed    for each
                                  ◀─ Exited     of a worker, after Born
    Kill                          ─▶            at any time
    Ready                         ─▶            clients can connect
    Stopping                      ─▶            from now on its end is meant
    Retire                        ─▶            another supervisor follows

Whoever hands the table over, and who takes it (``succession``)::

    giver                            successor
    Ask                           ─▶
                                  ◀─ Prepared   all is imported, and tried
    Descriptors + SCM_RIGHTS      ─▶            as often as it takes
    Take                          ─▶
                                  ◀─ Taken      by its first master
    (the end of the channel)      ─▶            and that goes on
    Leave                         ─▶            the giver goes on itself
"""

from typing import Final

import msgspec
from msgspec import Struct

MAX_RECORD: Final = 64 * 1024
"""Bytes of an encoded record, at the most."""


class Settings(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Master to supervisor: what workers are to be like."""

    walls: int
    """The number of a ``Wall``."""
    memory_mb: int
    """What a worker may take beside what it shares; 0: any number."""


class Bear(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Master to supervisor: fork a worker whose end of its channel is ``descriptor``."""

    ticket: int
    """The cookie of the master's end (``counts.cookie``): it tells one worker from all others."""
    descriptor: int


class Kill(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Master to supervisor: kill this worker, unless it was reaped."""

    pid: int


class Ready(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Master to supervisor: clients can connect."""


class Stopping(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Master to supervisor: I stop, and am not to be followed however I end."""


class Retire(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Master to supervisor: another one follows; leave the table."""


Request = Settings | Bear | Kill | Ready | Stopping | Retire


class Born(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Supervisor to master: here is the worker."""

    ticket: int
    pid: int


class Failed(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Supervisor to master: there is none."""

    ticket: int
    errno: int


class Exited(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Supervisor to master: this worker has ended, and was reaped."""

    pid: int
    exitcode: int
    """Negative for a signal."""


Answer = Born | Failed | Exited


class Ask(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Giver to successor: say when you are prepared."""


class Descriptors(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Giver to successor: some of the table's descriptors come with this."""


class Take(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """Giver to successor: that was all; go on when I have ended."""

    note: bytes
    """What else there is to be known (``handover.Handover``)."""


class Leave(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Giver to successor: I go on myself; end."""


Offer = Ask | Descriptors | Take | Leave


class Prepared(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Successor to giver: I can begin at once."""


class Taken(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """Successor to giver: I have so many descriptors."""

    count: int
    supervisor: int
    """Who passes signals on to whom this comes from."""


Reply = Prepared | Taken

encode: Final = msgspec.msgpack.Encoder().encode
"""Encode any of them."""

decode_request: Final = msgspec.msgpack.Decoder(Request).decode
decode_answer: Final = msgspec.msgpack.Decoder(Answer).decode
decode_offer: Final = msgspec.msgpack.Decoder(Offer).decode
decode_reply: Final = msgspec.msgpack.Decoder(Reply).decode
"""Decode what the other one sent; raise msgspec.DecodeError."""
