"""What happens: coming and going, talking, changes of people and rooms."""

from msgspec import Struct

from chatd_workers.events.basic import Source, Stamp, Tags, TalkKind


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
    """``source`` came into ``room``; for those who were there, and for itself."""

    source: Source
    room: str
    stamp: Stamp = Stamp()
    away: str = ""
    """Why it is away; empty: it is not."""


class Left(Struct, frozen=True, gc=False):
    """``source`` left ``room``; for those who stay, and for itself."""

    source: Source
    room: str
    reason: str
    stamp: Stamp = Stamp()


class Departed(Struct, frozen=True, gc=False):
    """``source`` left the server; once for everybody who shares a room with it.

    ``room`` is the one that it was in, if it was in one alone.
    """

    source: Source
    reason: str
    room: str = ""
    stamp: Stamp = Stamp()


class Kicked(Struct, frozen=True, gc=False):
    """``source`` put ``nick`` out of ``room``; for all in it, and for ``nick``."""

    source: Source
    room: str
    nick: str
    reason: str
    stamp: Stamp = Stamp()


class Killed(Struct, frozen=True, gc=False):
    """``source``, an operator, has ``nick`` put off the server; for ``nick``, who is closed next.

    Whoever shares a room with it hears that it has ``Departed``.
    """

    source: Source
    nick: str
    reason: str
    stamp: Stamp = Stamp()


class Renamed(Struct, frozen=True, gc=False):
    """``source`` (its old name) is called ``nick`` now."""

    source: Source
    nick: str
    stamp: Stamp = Stamp()


class Entered(Struct, frozen=True, gc=False):
    """The recipient has come into ``room``, with its topic and others there."""

    room: str
    topic: str
    others: tuple[str, ...]
    members: int


class Closing(Struct, frozen=True, gc=False):
    """The last thing a client is told before its connection is closed."""

    reason: str


class Said(Struct, frozen=True, gc=False):
    """``source`` said ``text`` in a room, or did it (``act``), or sent tags alone (``tag``).

    ``status`` is the prefix of the members it is for; empty: for all. ``once`` is the id that its
    client has given it, for that client alone.
    """

    source: Source
    room: str
    text: str
    kind: TalkKind = "say"
    stamp: Stamp = Stamp()
    status: str = ""
    tags: Tags = ()
    once: str = ""


class Told(Struct, frozen=True, gc=False):
    """``source`` said ``text`` to ``nick`` alone; ``once`` as with ``Said``."""

    source: Source
    nick: str
    text: str
    kind: TalkKind = "say"
    stamp: Stamp = Stamp()
    tags: Tags = ()
    once: str = ""


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
