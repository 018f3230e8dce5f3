"""What the reading process of chat-client tells the other one (``exchange``): pure."""

import enum

from msgspec import Struct


class Phase(enum.StrEnum):
    """How the connection stands."""

    CONNECTING = "connecting"
    """Under way: name looked up, TLS, registration, catching up."""
    ONLINE = "online"
    """Registered; rooms are joined again and what was missed has been fetched or is coming."""
    WAITING = "waiting"
    """Lost or refused; tried again in ``retry`` seconds."""
    ENDED = "ended"
    """It is not tried again: told to quit, or the first attempt has failed for good."""


class Kind(enum.StrEnum):
    """How something is said."""

    MESSAGE = "message"
    NOTICE = "notice"
    ACTION = "action"


class News(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """What the reading process tells."""


class Status(News, frozen=True, kw_only=True):
    """The connection stands otherwise."""

    phase: Phase
    server: str = ""
    """What the server calls itself, or its address."""
    nick: str = ""
    """What we are called there."""
    account: str = ""
    why: str = ""
    """A sentence for people, for WAITING and ENDED."""
    exit_code: int = 0
    """For ENDED: what the program is to exit with (``exits``)."""
    retry: float = 0.0
    """Seconds to the next attempt."""
    secure: str = ""
    """How it is secured, for the status line: ``TLS 1.3``, ``TLS 1.3, pinned``; "" if not."""
    dialect: str = ""
    """``irc``, ``text`` (chatd's, on a port without IRC) or ``lab``."""
    features: tuple[str, ...] = ()
    """Capabilities that are on."""
    is_chatd: bool = False
    port: int = 0
    """Where it was reached."""
    time: int = 0
    """When that was."""


class Lag(News, frozen=True, kw_only=True):
    """How long the server took to answer, or has not answered yet, in seconds."""

    seconds: float
    pending: bool = False
    """It has not answered yet; ``seconds`` is how long that is so far."""


class Said(News, frozen=True, kw_only=True):
    """Somebody, or we, have said something; also what comes out of the history."""

    room: str
    nick: str
    text: str
    kind: Kind = Kind.MESSAGE
    time: int = 0
    msgid: str = ""
    own: bool = False
    """We have said it, here or in another client."""
    sent: str = ""
    """The id of the ``Say`` that it answers: the server has it now, for good.

    One that was too long for a line comes in several, of which only the last has it.
    """
    old: bool = False
    """From the history: not news, no bell. Inserted by its time; never one that was told before."""
    missed: bool = False
    """From the history, and said while we were away: new to us though it is old."""
    account: str = ""
    reply: str = ""
    """The msgid of what it answers."""
    to: str = ""
    """``@#room`` or the like: said to a part of the room only."""


class Refused(News, frozen=True, kw_only=True):
    """The server does not take an order; ``sent`` is the id of a ``Say`` if it was one."""

    why: str
    room: str = ""
    sent: str = ""
    code: str = ""
    """The numeric or the code of the standard reply."""


class Doubtful(News, frozen=True, kw_only=True):
    """A ``Say`` was under way when the connection broke, and nobody can tell whether it arrived.

    Only with servers that do not journal client-made ids and have no history. It is not sent again.
    """

    sent: str
    room: str
    text: str


class Sent(News, frozen=True, kw_only=True):
    """The server has a ``Say`` whose line was told before it was known to be the one.

    As good as ``Said.sent``, with nothing to be shown.
    """

    sent: str
    room: str = ""


class Told(News, frozen=True, kw_only=True):
    """The server says something: an answer, a notice, an error."""

    text: str
    room: str = ""
    error: bool = False
    time: int = 0
    code: str = ""


class Came(News, frozen=True, kw_only=True):
    """Somebody has come into a room; ``own``: we have."""

    room: str
    nick: str
    own: bool = False
    time: int = 0
    account: str = ""
    host: str = ""
    old: bool = False


class Went(News, frozen=True, kw_only=True):
    """Somebody has gone from a room, by itself, by being kicked, or with its connection."""

    room: str
    nick: str
    own: bool = False
    time: int = 0
    reason: str = ""
    by: str = ""
    """Who has kicked it."""
    quit: bool = False
    """It has left the server; told once for each room that it was in."""
    old: bool = False


class Renamed(News, frozen=True, kw_only=True):
    """Somebody is called otherwise, told once for each room; ``own``: we are (room is "")."""

    room: str
    nick: str
    new: str
    own: bool = False
    time: int = 0
    old: bool = False


class Topic(News, frozen=True, kw_only=True):
    """A room's topic; ``by`` is "" if it was only looked up."""

    room: str
    text: str
    by: str = ""
    time: int = 0
    old: bool = False


class Modes(News, frozen=True, kw_only=True):
    """Modes of a room, or our own (room "") have changed."""

    room: str
    text: str
    by: str = ""
    time: int = 0
    old: bool = False


class Member(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Somebody in a room."""

    nick: str
    prefix: str = ""
    """``@``, ``+`` and the like, the highest first."""
    away: bool = False


class Members(News, frozen=True, kw_only=True):
    """All who are in a room, whenever that list is known anew (kept up by Came, Went, Renamed)."""

    room: str
    members: tuple[Member, ...]


class Typing(News, frozen=True, kw_only=True):
    """Somebody types, or has stopped."""

    room: str
    nick: str
    active: bool


class ReadTo(News, frozen=True, kw_only=True):
    """Up to when this user has read a room, in whichever client."""

    room: str
    time: int


class Fetched(News, frozen=True, kw_only=True):
    """An ``Older`` is done, or a room has caught up; ``more``: there is still older history.

    The room "" has caught up when it is known which people have written meanwhile.
    """

    room: str
    count: int
    more: bool


class Hole(News, frozen=True, kw_only=True):
    """Something was missed in ``room`` that cannot be fetched (no history, or it is too long)."""

    room: str
    since: int
    """When we were there last."""
    until: int


class Person(News, frozen=True, kw_only=True):
    """What is known of somebody, asked for by ``WhoIs``; our own with process, pid and restarts."""

    nick: str
    facts: tuple[tuple[str, str], ...]
    """Label and value, in the order to be shown."""


class Listed(News, frozen=True, kw_only=True):
    """A room that exists, asked for by ``ListRooms``; the last has ``end``."""

    room: str = ""
    members: int = 0
    topic: str = ""
    end: bool = False


AnyNews = (
    Status
    | Lag
    | Said
    | Refused
    | Doubtful
    | Sent
    | Told
    | Came
    | Went
    | Renamed
    | Topic
    | Modes
    | Members
    | Typing
    | ReadTo
    | Fetched
    | Hole
    | Person
    | Listed
)
