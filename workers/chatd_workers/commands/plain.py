"""What a client of any dialect can ask for, and the bounds of what it asks with."""

from typing import Annotated

from msgspec import Meta, Struct

from chatd_workers.text_kinds import PASSABLE, SAFE, TAG_VALUE

MAX_TEXT = 8192
"""Characters in one text: a line has at most 8192 bytes, so at most as many characters."""

MAX_NAME = 256
"""Characters in a name as typed; longer ones are clipped by the reader, and too long anyway."""

MAX_LISTED = 512
"""Names in one list of a command: more do not fit into a line."""

Text = Annotated[str, Meta(max_length=MAX_TEXT, extra=PASSABLE)]
"""What may be formatted."""
Words = Annotated[str, Meta(max_length=MAX_TEXT, extra=SAFE)]
"""What may not."""
Name = Annotated[str, Meta(max_length=MAX_NAME, extra=SAFE)]
Names = Annotated[list[Name], Meta(max_length=MAX_LISTED)]
Once = Annotated[str, Meta(pattern=r"\A([A-Za-z0-9+/=._-]{22,64})?\Z")]
"""An id that a client has made for one line; 22 characters of base64 are 128 bits."""
TagValue = Annotated[str, Meta(max_length=MAX_TEXT, extra=TAG_VALUE)]
Tags = Annotated[dict[Name, TagValue], Meta(max_length=MAX_LISTED)]


class Say(Struct, frozen=True, array_like=True, tag=1, gc=False):
    """Say ``text`` in the room one is in."""

    text: Words


class SayAs(Struct, frozen=True, array_like=True, tag=2, gc=False):
    """The lab client's line ``nick : text``: say ``text``, and be ``nick`` if still unnamed.

    An empty ``text`` is what that client sends at its end of input: it names, and says nothing.
    """

    nick: Name
    text: Words


class Act(Struct, frozen=True, array_like=True, tag=3, gc=False):
    """``/me``: do ``text`` in the room one is in."""

    text: Words


class Tell(Struct, frozen=True, array_like=True, tag=4, gc=False):
    """Say ``text`` to ``nick`` alone."""

    nick: Name
    text: Words


class Rename(Struct, frozen=True, array_like=True, tag=5, gc=False):
    """Be called ``nick`` from now on."""

    nick: Name


class Join(Struct, frozen=True, array_like=True, tag=6, gc=False):
    """Go to ``room``, leaving the present one; ``key`` is what one has to know to come in."""

    room: Name
    key: Name = ""


class Leave(Struct, frozen=True, array_like=True, tag=7, gc=False):
    """Leave the present room for the lobby."""


class Who(Struct, frozen=True, array_like=True, tag=8, gc=False):
    """List who is in ``room``; the present one if empty."""

    room: Name = ""


class Rooms(Struct, frozen=True, array_like=True, tag=9, gc=False):
    """List the rooms."""


class Topic(Struct, frozen=True, array_like=True, tag=10, gc=False):
    """Show the topic of ``room`` (``text`` None) or set it (an empty ``text`` clears it).

    The present room's if ``room`` is empty.
    """

    text: Text | None = None
    room: Name = ""


class Help(Struct, frozen=True, array_like=True, tag=11, gc=False):
    """List the commands of one's dialect."""


class Quit(Struct, frozen=True, array_like=True, tag=12, gc=False):
    """Leave the server, saying ``reason``."""

    reason: Text = ""


class Refuse(Struct, frozen=True, array_like=True, tag=13, gc=False):
    """The reader could not make a command of a line: tell the client why, disturb nobody else."""

    problem: Annotated[str, Meta(max_length=32, extra=SAFE)]
    value: Name = ""
    about: Name = ""


class History(Struct, frozen=True, array_like=True, tag=14, gc=False):
    """Show the last ``count`` lines of the room one is in; 0: as many as is usual."""

    count: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Search(Struct, frozen=True, array_like=True, tag=15, gc=False):
    """Show the last lines of the room one is in that hold all ``words``."""

    words: Words


class Missed(Struct, frozen=True, array_like=True, tag=16, gc=False):
    """Show what was said in the room one is in since one last left the server."""
