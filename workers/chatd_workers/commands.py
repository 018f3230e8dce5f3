"""What a client can ask for, whatever dialect it speaks.

A reader (in a worker) turns bytes into these; the hub (in the master) applies them in journal
order. They cross the channel inside a ``Report``, so every field has a type and a bound that
msgspec checks on receipt: the worker is the process that touched hostile bytes.

The bounds here are those of the wire format, generous and fixed. What a server allows (nick
length, topic length) is the hub's business.
"""

from typing import Annotated

from msgspec import Meta, Struct

MAX_TEXT = 8192
"""Characters in one text: a line has at most 8192 bytes, so at most as many characters."""

MAX_NAME = 256
"""Characters in a name as typed; longer ones are clipped by the reader, and too long anyway."""

Text = Annotated[str, Meta(max_length=MAX_TEXT)]
Name = Annotated[str, Meta(max_length=MAX_NAME)]


class Say(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Say ``text`` in the room one is in."""

    text: Text


class SayAs(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """The lab client's line ``nick : text``: say ``text``, and be ``nick`` if still unnamed.

    An empty ``text`` is what that client sends at its end of input: it names, and says nothing.
    """

    nick: Name
    text: Text


class Act(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """``/me``: do ``text`` in the room one is in."""

    text: Text


class Tell(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Say ``text`` to ``nick`` alone."""

    nick: Name
    text: Text


class Rename(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Be called ``nick`` from now on."""

    nick: Name


class Join(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Go to ``room``, leaving the present one."""

    room: Name


class Leave(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Leave the present room for the lobby."""


class Who(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """List who is in ``room``; the present one if empty."""

    room: Name = ""


class Rooms(Struct, frozen=True, array_like=True, tag=9, gc=False):
    """List the rooms."""


class Topic(Struct, frozen=True, array_like=True, tag=10, gc=False):
    """Show the present room's topic (``text`` None) or set it (an empty ``text`` clears it)."""

    text: Text | None = None


class Help(Struct, frozen=True, array_like=True, tag=11, gc=False):
    """List the commands of one's dialect."""


class Quit(Struct, frozen=True, array_like=True, tag=12, gc=False):
    """Leave the server, saying ``reason``."""

    reason: Text = ""


class Refuse(Struct, frozen=True, array_like=True, tag=13, gc=False):
    """The reader could not make a command of a line: tell the client why, disturb nobody else."""

    problem: Annotated[str, Meta(max_length=32)]
    value: Name = ""


class History(Struct, frozen=True, array_like=True, tag=14, gc=False):
    """Show the last ``count`` lines of the room one is in; 0: as many as is usual."""

    count: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Search(Struct, frozen=True, array_like=True, tag=15, gc=False):
    """Show the last lines of the room one is in that hold all ``words``."""

    words: Text


class Missed(Struct, frozen=True, array_like=True, tag=16, gc=False):
    """Show what was said in the room one is in since one last left the server."""


Command = (
    Say
    | SayAs
    | Act
    | Tell
    | Rename
    | Join
    | Leave
    | Who
    | Rooms
    | Topic
    | Help
    | Quit
    | Refuse
    | History
    | Search
    | Missed
)
"""What may stand in a report. Arrivals and departures are the master's own and never do."""


class Arrive(Struct, frozen=True, array_like=True, tag=20, gc=False):
    """A connection was accepted; it speaks ``dialect``. Made by the master."""

    dialect: str


class Depart(Struct, frozen=True, array_like=True, tag=21, gc=False):
    """A connection has ended for ``reason``. Made by the master."""

    reason: str


Entry = Command | Arrive | Depart
"""Everything that changes the hub."""
