"""What a client of IRC can ask for as well; the docstrings name its verbs."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from chatd_workers.commands.plain import MAX_LISTED, Name, Names, Once, Tags, Text, Words
from chatd_workers.text_kinds import SAFE


class Password(Struct, frozen=True, array_like=True, tag=30, gc=False):
    """PASS: the server's password, before one is registered."""

    password: Text


class User(Struct, frozen=True, array_like=True, tag=31, gc=False):
    """USER: the user name and the real name, before one is registered."""

    user: Name
    realname: Text


class Capabilities(Struct, frozen=True, array_like=True, tag=32, gc=False):
    """CAP: list the server's capabilities or one's own, ask for some, or end negotiating.

    ``version`` is that of ``LS``; a name in ``REQ`` may have a ``-`` before it.
    """

    verb: Literal["LS", "LIST", "REQ", "END"]
    version: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    names: Names = []


class Authenticate(Struct, frozen=True, array_like=True, tag=33, gc=False):
    """AUTHENTICATE: a mechanism's name, ``*``, or a piece of base64 (at most 400 characters)."""

    data: Text


class Ping(Struct, frozen=True, array_like=True, tag=34, gc=False):
    """PING: to be answered with ``token``."""

    token: Text


class Nothing(Struct, frozen=True, array_like=True, tag=35, gc=False):
    """PONG, and whatever is valid and asks for nothing; it matters if it has a label."""


class Enter(Struct, frozen=True, array_like=True, tag=36, gc=False):
    """JOIN: come into ``rooms``, with their ``keys`` as far as there are any."""

    rooms: Names
    keys: Names = []


class LeaveAll(Struct, frozen=True, array_like=True, tag=37, gc=False):
    """JOIN 0: leave all rooms."""


class Part(Struct, frozen=True, array_like=True, tag=38, gc=False):
    """PART: leave ``rooms``."""

    rooms: Names
    reason: Text = ""


class Send(Struct, frozen=True, array_like=True, tag=39, gc=False):
    """PRIVMSG, NOTICE, TAGMSG: send ``text`` to ``targets``.

    A target is a nick, a room, or a room with the prefixes of the members it is for before it.
    ``act`` is a PRIVMSG of CTCP ACTION, and ``text`` is what is done.
    ``tags`` are client-only tags, without their ``+``. ``once`` is the line's id, if its client has
    given it one: it is said once.
    """

    kind: Literal["say", "act", "notice", "tag"]
    targets: Names
    text: Text = ""
    tags: Tags = {}
    once: Once = ""


class ListNames(Struct, frozen=True, array_like=True, tag=40, gc=False):
    """NAMES: who is in ``rooms``."""

    rooms: Names


class ListRooms(Struct, frozen=True, array_like=True, tag=41, gc=False):
    """LIST: the rooms that match any of ``masks`` (all if there are none) and all ``conditions``.

    A mask with ``!`` before it must not match. A condition is ``>`` or ``<`` and a number of
    members, ``C>``, ``C<``, ``T>`` or ``T<`` and a number of minutes since it was made, or its
    topic was set (ELIST tokens M, N, U, C, T).
    """

    masks: Names
    conditions: Annotated[
        list[tuple[Literal[">", "<", "C>", "C<", "T>", "T<"], int]], Meta(max_length=MAX_LISTED)
    ] = []


class FindUsers(Struct, frozen=True, array_like=True, tag=42, gc=False):
    """WHO: a room, a nick or a mask; ``fields`` and ``token`` are WHOX's, None without them."""

    mask: Name
    operators: bool = False
    fields: Name | None = None
    token: Name = ""


class Whois(Struct, frozen=True, array_like=True, tag=43, gc=False):
    """WHOIS: who are ``nicks``."""

    nicks: Names


class Whowas(Struct, frozen=True, array_like=True, tag=44, gc=False):
    """WHOWAS: who was ``nick``, at most ``count`` times (0: all)."""

    nick: Name
    count: Annotated[int, Meta(ge=0, le=1_000_000)] = 0


class Invite(Struct, frozen=True, array_like=True, tag=45, gc=False):
    """INVITE: ask ``nick`` into ``room``; both empty: list where one is invited."""

    nick: Name = ""
    room: Name = ""


class Kick(Struct, frozen=True, array_like=True, tag=46, gc=False):
    """KICK: put ``nicks`` out of ``room``; the present one if it is empty."""

    room: Name
    nicks: Names
    reason: Text = ""


class ModeChange(Struct, frozen=True, array_like=True, gc=False):
    """One letter of a MODE, set or unset; a list mode without ``parameter`` asks for the list."""

    add: bool
    letter: Annotated[str, Meta(min_length=1, max_length=1, extra=SAFE)]
    parameter: Words | None = None


class Mode(Struct, frozen=True, array_like=True, tag=47, gc=False):
    """MODE: change the modes of ``target``, a room or a nick; show them if no changes are asked."""

    target: Name
    changes: Annotated[list[ModeChange], Meta(max_length=MAX_LISTED)] = []


class Away(Struct, frozen=True, array_like=True, tag=48, gc=False):
    """AWAY: be away for the reason ``text``, or be back (empty)."""

    text: Text = ""


class Ison(Struct, frozen=True, array_like=True, tag=49, gc=False):
    """ISON: which of ``nicks`` are there."""

    nicks: Names


class Userhost(Struct, frozen=True, array_like=True, tag=50, gc=False):
    """USERHOST: user and host of ``nicks``."""

    nicks: Names


class Monitor(Struct, frozen=True, array_like=True, tag=51, gc=False):
    """MONITOR ``+``, ``-``, ``C``, ``L``, ``S``."""

    verb: Literal["+", "-", "C", "L", "S"]
    nicks: Names = []


class Ask(Struct, frozen=True, array_like=True, tag=52, gc=False):
    """A question about the server: ``what``, with ``arguments`` as they stand."""

    what: Literal[
        "LUSERS", "MOTD", "VERSION", "TIME", "ADMIN", "INFO", "STATS", "LINKS", "HELP", "USERS"
    ]
    arguments: Names = []


class Oper(Struct, frozen=True, array_like=True, tag=53, gc=False):
    """OPER: be an operator of the server."""

    name: Name
    password: Text


class Kill(Struct, frozen=True, array_like=True, tag=54, gc=False):
    """KILL: have ``nick`` disconnected."""

    nick: Name
    reason: Text = ""


class Operate(Struct, frozen=True, array_like=True, tag=55, gc=False):
    """REHASH, DIE, RESTART: for operators."""

    what: Literal["REHASH", "DIE", "RESTART"]


class Wallops(Struct, frozen=True, array_like=True, tag=56, gc=False):
    """WALLOPS: tell operators, and whoever wants to hear such, ``text``."""

    text: Text


class SetRealname(Struct, frozen=True, array_like=True, tag=57, gc=False):
    """SETNAME: have another real name."""

    realname: Text


class Accept(Struct, frozen=True, array_like=True, tag=58, gc=False):
    """ACCEPT: from whom private lines are taken when one takes them from few (``+g``).

    ``add`` and ``remove`` are nicks; ``show`` lists those that are accepted.
    """

    add: Names = []
    remove: Names = []
    show: bool = False


class Selector(Struct, frozen=True, array_like=True, gc=False):
    """A place in a history: a message id, or a time in microseconds since the epoch; or ``*``."""

    id: Name = ""
    time: Annotated[int, Meta(ge=0, lt=1 << 62)] = 0
    latest: bool = False


class Chathistory(Struct, frozen=True, array_like=True, tag=59, gc=False):
    """CHATHISTORY: lines of ``target`` before, after, around or between places.

    TARGETS has no ``target``.
    """

    verb: Literal["BEFORE", "AFTER", "LATEST", "AROUND", "BETWEEN", "TARGETS"]
    target: Name
    first: Selector
    second: Selector | None
    limit: Annotated[int, Meta(ge=1, le=1_000_000)]


class Markread(Struct, frozen=True, array_like=True, tag=60, gc=False):
    """MARKREAD: up to when ``target`` is read (microseconds since the epoch), or ask (None)."""

    target: Name
    time: Annotated[int, Meta(ge=0, lt=1 << 62)] | None = None


class Register(Struct, frozen=True, array_like=True, tag=61, gc=False):
    """REGISTER, or ``/register`` in words: make an account (``*`` or empty: called as one is)."""

    account: Name
    email: Name
    password: Text


class Verify(Struct, frozen=True, array_like=True, tag=62, gc=False):
    """VERIFY: confirm an account with a code."""

    account: Name
    code: Text


class Identify(Struct, frozen=True, array_like=True, tag=63, gc=False):
    """``/identify [ACCOUNT] PASSWORD``: log in to an account (empty: called as one is)."""

    account: Name
    password: Text


class ClaimRoom(Struct, frozen=True, array_like=True, tag=64, gc=False):
    """``/keep``, or CHANREG: have ``room`` last, with its modes, and be its founder.

    ``keep`` False lets it go again. The present room if ``room`` is empty.
    """

    room: Name = ""
    keep: bool = True


class Grant(Struct, frozen=True, array_like=True, tag=65, gc=False):
    """Give ``account`` a lasting ``status`` (o, v, or empty for none) in a room that lasts."""

    room: Name
    account: Name
    status: Annotated[str, Meta(max_length=1, extra=SAFE)]
