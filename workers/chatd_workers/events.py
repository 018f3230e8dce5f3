"""What happens in the rooms, as the hub tells it; writers turn these into bytes.

Every text and name in an event has been validated by the hub: no control characters, within the
server's limits. A writer only chooses how it looks.
"""

from typing import Literal

from msgspec import Struct

RecallKind = Literal["joined", "history", "search", "missed"]
"""Why lines of the past are shown: on coming into a room, or as the answer to a question."""


class Welcomed(Struct, frozen=True, gc=False):
    """A client has arrived: who it is, where, and who else is there (at most a screenful)."""

    server: str
    nick: str
    room: str
    topic: str
    others: tuple[str, ...]
    members: int


class Said(Struct, frozen=True, gc=False):
    """``nick`` said ``text`` in a room."""

    nick: str
    text: str


class Acted(Struct, frozen=True, gc=False):
    """``nick`` did ``text`` (``/me``)."""

    nick: str
    text: str


class Told(Struct, frozen=True, gc=False):
    """``nick`` said ``text`` to ``to`` alone."""

    nick: str
    to: str
    text: str


class Joined(Struct, frozen=True, gc=False):
    """``nick`` came into ``room``; for those who were there."""

    nick: str
    room: str


class Left(Struct, frozen=True, gc=False):
    """``nick`` left ``room``; for those who stay."""

    nick: str
    room: str
    reason: str


class Renamed(Struct, frozen=True, gc=False):
    """``old`` is called ``new`` now."""

    old: str
    new: str


class Entered(Struct, frozen=True, gc=False):
    """The recipient has come into ``room``, with its topic and others there."""

    room: str
    topic: str
    others: tuple[str, ...]
    members: int


class TopicChanged(Struct, frozen=True, gc=False):
    """``nick`` set the topic of ``room``; empty means cleared."""

    nick: str
    room: str
    topic: str


class TopicShown(Struct, frozen=True, gc=False):
    """Answer to a question for the topic; empty means none is set."""

    room: str
    topic: str


class Members(Struct, frozen=True, gc=False):
    """Answer to ``/who``: some of the ``members`` people in ``room``."""

    room: str
    nicks: tuple[str, ...]
    members: int


class RoomsListed(Struct, frozen=True, gc=False):
    """Answer to ``/rooms``: name, members and topic of some of ``total`` rooms."""

    rooms: tuple[tuple[str, int, str], ...]
    total: int


class Helped(Struct, frozen=True, gc=False):
    """Answer to ``/help``."""


class Hinted(Struct, frozen=True, gc=False):
    """The end of the welcome: what to try first."""


class Past(Struct, frozen=True, gc=False):
    """A line of the past."""

    time: int
    """Microseconds since the epoch."""
    nick: str
    kind: str
    """``say``, ``act`` or ``topic``."""
    text: str


class Recalled(Struct, frozen=True, gc=False):
    """Lines of the past of ``room``, oldest first, as ``kind`` says why."""

    room: str
    kind: RecallKind
    words: str
    """What was searched for."""
    lines: tuple[Past, ...]
    total: int
    """How many there are; for ``missed``, -1 if one has never left."""


class Refused(Struct, frozen=True, gc=False):
    """Something could not be done: ``problem`` is a key of ``problems.PROBLEMS``."""

    problem: str
    value: str


class Closing(Struct, frozen=True, gc=False):
    """The last thing a client is told before its connection is closed."""

    reason: str


Event = (
    Welcomed
    | Said
    | Acted
    | Told
    | Joined
    | Left
    | Renamed
    | Entered
    | TopicChanged
    | TopicShown
    | Members
    | RoomsListed
    | Helped
    | Hinted
    | Recalled
    | Refused
    | Closing
)
