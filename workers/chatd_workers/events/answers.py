"""What somebody is told who has asked, or asked for something."""

from typing import Final, Literal

from msgspec import Struct

from chatd_workers.events.basic import RecallKind, Source, Tags


class TopicShown(Struct, frozen=True, gc=False):
    """Answer to a question for the topic; empty means none is set.

    ``joining``: told to who comes in, to whom no topic need not be told.
    """

    room: str
    topic: str
    to: str = "*"
    by: str = ""
    at: int = 0
    joining: bool = False


class ModesShown(Struct, frozen=True, gc=False):
    """Answer to a question for the modes of ``room``: letters and parameters (empty: none)."""

    room: str
    modes: tuple[tuple[str, str], ...]
    created: int
    to: str = "*"


class MasksListed(Struct, frozen=True, gc=False):
    """Answer to a question for the list ``letter`` of ``room``: mask, by whom it is there, when."""

    room: str
    letter: str
    masks: tuple[tuple[str, str, int], ...]
    to: str = "*"


class Member(Struct, frozen=True, gc=False):
    """Somebody in a room; ``status`` are the letters of its modes there, highest first."""

    nick: str
    user: str
    host: str
    status: str


class Members(Struct, frozen=True, gc=False):
    """Answer to ``/who``: some of the ``members`` people in ``room``."""

    room: str
    nicks: tuple[str, ...]
    members: int


class NamesListed(Struct, frozen=True, gc=False):
    """Answer to NAMES, and what follows JOIN: all members that the recipient may see.

    ``visibility`` is ``=`` for a public room, ``@`` for a secret one; empty: there is no such room.
    ``implicit``: it was not asked for. ``more``: other rooms follow, in the same answer.
    """

    to: str
    room: str
    visibility: str
    members: tuple[Member, ...]
    implicit: bool = False
    more: bool = False


class RoomsListed(Struct, frozen=True, gc=False):
    """Answer to ``/rooms`` and LIST: name, members and topic of some of ``total`` rooms."""

    rooms: tuple[tuple[str, int, str], ...]
    total: int
    to: str = "*"


class PersonShown(Struct, frozen=True, gc=False):
    """Answer to WHOIS and ``/whois``: all that the recipient may know of ``source``.

    What ``private`` has is for itself and for operators.
    """

    to: str
    source: Source
    server: str
    description: str
    """What ``server`` says of itself."""
    rooms: tuple[tuple[str, str], ...] = ()
    """Names, and the letters of its modes there."""
    away: str = ""
    idle: int = 0
    """Seconds since it last said something."""
    signon: int = 0
    operator: bool = False
    secured: bool = False
    """Its connection is encrypted."""
    private: "Private | None" = None


class Private(Struct, frozen=True, gc=False):
    """What not everybody is told of somebody."""

    modes: str
    """Letters of its user modes."""
    fingerprint: str = ""
    local_user: str = ""
    pid: int = 0
    """Of the worker that serves it; 0: it has none at the moment."""
    restarts: int = 0
    """How many workers it has had before."""


class AwayShown(Struct, frozen=True, gc=False):
    """``nick``, to whom the recipient has written, is away for the reason ``text``."""

    to: str
    nick: str
    text: str


class Supported(Struct, frozen=True, gc=False):
    """What the server supports, asked for: RPL_ISUPPORT; ``tokens`` as in ``Registered``."""

    to: str
    tokens: tuple[str, ...]


class Helped(Struct, frozen=True, gc=False):
    """Answer to ``/help``."""


class Past(Struct, frozen=True, gc=False):
    """A line of the past."""

    time: int
    nick: str
    kind: str
    """``say``, ``act``, ``notice``, ``tag``, ``topic``, or another kind of fact."""
    text: str
    id: str = ""
    source: Source | None = None
    room: str = ""
    tags: Tags = ()


COUNTED: Final = 10_000
"""Lines that somebody has missed are counted so far; one more says that there are more."""


class Recalled(Struct, frozen=True, gc=False):
    """Lines of the past of ``room``, oldest first, as ``kind`` says why."""

    room: str
    kind: RecallKind
    words: str
    """What was searched for."""
    lines: tuple[Past, ...]
    total: int
    """How many there are; for ``missed``, -1 if one has never left."""
    to: str = "*"


class HistoryShown(Struct, frozen=True, gc=False):
    """Answer to CHATHISTORY: lines of ``target``, oldest first, in one batch."""

    target: str
    lines: tuple[Past, ...]
    to: str = "*"


class TargetsShown(Struct, frozen=True, gc=False):
    """Answer to CHATHISTORY TARGETS: rooms and nicks, and the time of the last line in each."""

    targets: tuple[tuple[str, int], ...]
    to: str = "*"


class ReadMarked(Struct, frozen=True, gc=False):
    """``target`` is read up to ``time``; 0: nothing is known."""

    target: str
    time: int


class Refused(Struct, frozen=True, gc=False):
    """Something could not be done: ``problem`` is a key of ``problems.PROBLEMS``.

    ``value`` is what was refused or the limit that was met, ``about`` the room or nick concerned.
    """

    problem: str
    value: str = ""
    about: str = ""
    to: str = "*"


class Informed(Struct, frozen=True, gc=False):
    """Something was done as asked: ``notice`` is a key of ``problems.NOTICES``."""

    notice: str
    value: str = ""
    about: str = ""
    to: str = "*"


class Registered(Struct, frozen=True, gc=False):
    """A client of IRC has registered: the greeting, 001 to 005."""

    to: str
    source: Source
    server: str
    network: str
    version: str
    created: str
    tokens: tuple[str, ...]
    """Of RPL_ISUPPORT, in the form ``NAME=VALUE`` or ``NAME``."""


class Numeric(Struct, frozen=True, gc=False):
    """An answer by its name in ``dialects.irc.numerics.NUMERICS``, and its parameters.

    The recipient's nick is ``to``. If the parameters lack the last one, it is the table's text.
    """

    to: str
    name: str
    params: tuple[str, ...] = ()


class Replied(Struct, frozen=True, gc=False):
    """A message of the server that is no numeric: CAP, PONG, AUTHENTICATE and the like.

    ``relayed``: its source is the server's name; otherwise there is none.
    """

    verb: str
    params: tuple[str, ...]
    relayed: bool = True


class StandardReply(Struct, frozen=True, gc=False):
    """FAIL, WARN or NOTE (IRCv3 standard-replies)."""

    verb: Literal["FAIL", "WARN", "NOTE"]
    command: str
    code: str
    context: tuple[str, ...]
    text: str
    to: str = "*"
