"""What happens in the rooms, as the hub tells it; writers turn these into bytes.

Every text and name in an event has been validated by the hub: no control characters but those of
formatting in texts, within the server's limits. A writer only chooses how it looks, and leaves out
what its dialect, or the recipient's capabilities (``capabilities``), have no words for.

Times are in microseconds since the epoch. ``to`` is the recipient's nick, ``*`` if it has none:
for answers, which go to one client.
"""

from typing import Literal

from msgspec import Struct

RecallKind = Literal["joined", "history", "search", "missed"]
"""Why lines of the past are shown: on coming into a room, or as the answer to a question."""

Tags = tuple[tuple[str, str], ...]
"""Client-only tags, without their ``+``, and their values."""


class Source(Struct, frozen=True, gc=False):
    """Whoever does something: a client, by all its names."""

    nick: str
    user: str = ""
    host: str = ""
    account: str = ""
    """Empty: it has logged in to none."""
    realname: str = ""
    bot: bool = False


class Stamp(Struct, frozen=True, gc=False):
    """When something happened, and by which id it is found in the journal."""

    time: int = 0
    """0: it is not to be told."""
    id: str = ""


# Coming and going


class Welcomed(Struct, frozen=True, gc=False):
    """A client has arrived: who it is, where, and who else is there (at most a screenful).

    For those who are in one room from the beginning; see ``Registered``.
    """

    server: str
    nick: str
    room: str
    topic: str
    others: tuple[str, ...]
    members: int


class Hinted(Struct, frozen=True, gc=False):
    """The end of the welcome: what to try first."""


class Joined(Struct, frozen=True, gc=False):
    """``source`` came into ``room``; for those who were there, and for itself.

    ``crowd``: the room is so large that comings and goings are noise to people who read lines.
    """

    source: Source
    room: str
    stamp: Stamp = Stamp()
    crowd: bool = False
    away: str = ""
    """Why it is away; empty: it is not."""


class Left(Struct, frozen=True, gc=False):
    """``source`` left ``room``; for those who stay, and for itself."""

    source: Source
    room: str
    reason: str
    stamp: Stamp = Stamp()
    crowd: bool = False


class Departed(Struct, frozen=True, gc=False):
    """``source`` left the server; once for everybody who shares a room with it."""

    source: Source
    reason: str
    stamp: Stamp = Stamp()
    crowd: bool = False


class Kicked(Struct, frozen=True, gc=False):
    """``source`` put ``nick`` out of ``room``; for all in it, and for ``nick``."""

    source: Source
    room: str
    nick: str
    reason: str
    stamp: Stamp = Stamp()


class Renamed(Struct, frozen=True, gc=False):
    """``source`` (its old name) is called ``nick`` now."""

    source: Source
    nick: str
    stamp: Stamp = Stamp()
    crowd: bool = False


class Entered(Struct, frozen=True, gc=False):
    """The recipient has come into ``room``, with its topic and others there."""

    room: str
    topic: str
    others: tuple[str, ...]
    members: int


class Closing(Struct, frozen=True, gc=False):
    """The last thing a client is told before its connection is closed."""

    reason: str


# Talking


class Said(Struct, frozen=True, gc=False):
    """``source`` said ``text`` in a room, or did it (``act``), or sent tags alone (``tag``).

    ``status`` is the prefix of the members it is for; empty: for all.
    """

    source: Source
    room: str
    text: str
    kind: Literal["say", "act", "notice", "tag"] = "say"
    stamp: Stamp = Stamp()
    status: str = ""
    tags: Tags = ()


class Told(Struct, frozen=True, gc=False):
    """``source`` said ``text`` to ``nick`` alone."""

    source: Source
    nick: str
    text: str
    kind: Literal["say", "act", "notice", "tag"] = "say"
    stamp: Stamp = Stamp()
    tags: Tags = ()


class Announced(Struct, frozen=True, gc=False):
    """The server, or an operator of it (``source``), tells ``text``; ``wallops``: to operators."""

    text: str
    to: str = "*"
    source: Source | None = None
    wallops: bool = False
    stamp: Stamp = Stamp()


class Invited(Struct, frozen=True, gc=False):
    """``source`` asks ``nick`` into ``room``; for ``nick``, and for members who want to know."""

    source: Source
    nick: str
    room: str
    stamp: Stamp = Stamp()
    notify: bool = False
    """For the members: only to those who have invite-notify."""


# Who and how somebody is


class AwayChanged(Struct, frozen=True, gc=False):
    """``source`` is away for ``text``, or back; for those with away-notify who see it."""

    source: Source
    text: str
    stamp: Stamp = Stamp()


class AccountChanged(Struct, frozen=True, gc=False):
    """``source`` has logged in to its account, or out of one; for those with account-notify."""

    source: Source
    stamp: Stamp = Stamp()


class HostChanged(Struct, frozen=True, gc=False):
    """``source`` (as it was) has another ``user`` or ``host`` now; for those with chghost."""

    source: Source
    user: str
    host: str
    stamp: Stamp = Stamp()


class RealnameChanged(Struct, frozen=True, gc=False):
    """``source`` has another real name, which it carries; for those with setname."""

    source: Source
    stamp: Stamp = Stamp()


class ModesChanged(Struct, frozen=True, gc=False):
    """Modes of ``target``, a room or a nick, were changed.

    ``changes`` are a sign, a letter and a parameter (empty: none) each, in order. ``source`` None:
    by the server.
    """

    source: Source | None
    target: str
    changes: tuple[tuple[str, str, str], ...]
    stamp: Stamp = Stamp()


class TopicChanged(Struct, frozen=True, gc=False):
    """``source`` set the topic of ``room``; empty means cleared."""

    source: Source
    room: str
    topic: str
    stamp: Stamp = Stamp()


# Answers


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
    ``implicit``: it was not asked for.
    """

    to: str
    room: str
    visibility: str
    members: tuple[Member, ...]
    implicit: bool = False


class RoomsListed(Struct, frozen=True, gc=False):
    """Answer to ``/rooms``: name, members and topic of some of ``total`` rooms."""

    rooms: tuple[tuple[str, int, str], ...]
    total: int


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


# What only IRC has words for


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


class Answered(Struct, frozen=True, gc=False):
    """All that a labeled command has brought about for the one who sent it, in order.

    Rendered as one line with the label, one batch, or an ACK (IRCv3 labeled-response).
    """

    label: str
    events: tuple["Event", ...]


Event = (
    Welcomed
    | Hinted
    | Joined
    | Left
    | Departed
    | Kicked
    | Renamed
    | Entered
    | Closing
    | Said
    | Told
    | Announced
    | Invited
    | AwayChanged
    | AccountChanged
    | HostChanged
    | RealnameChanged
    | ModesChanged
    | TopicChanged
    | TopicShown
    | Members
    | NamesListed
    | RoomsListed
    | Helped
    | Recalled
    | HistoryShown
    | TargetsShown
    | ReadMarked
    | Refused
    | Informed
    | Registered
    | Numeric
    | Replied
    | StandardReply
    | Answered
)
