"""What the reading process of chat-client is told by the other one (``exchange``): pure."""

from msgspec import Struct

from chatd_client.news import Kind


class Target(Struct, frozen=True, kw_only=True):
    """The server, and who is to be there."""

    host: str
    port: int = 0
    """0: found out (``reaching``)."""
    unix: str = ""
    """Path of a Unix socket, instead of host and port."""
    tls: bool = False
    pin: str = ""
    """SHA-256 of the server's certificate, hexadecimal; instead of the check by authorities."""
    ca_file: str = ""
    insecure: bool = False
    """Take any certificate; said in the status line as long as it lasts."""
    lab: bool | None = None
    """The lab's server; None: found out."""
    dialect: str = ""
    """``irc``, ``text`` or ``lab`` if it is certain (``irc://``); "": found out."""
    nick: str = ""
    realname: str = ""
    account: str = ""
    password: str = ""
    """For ``account``, by SASL; never shown, never on a command line."""
    server_password: str = ""
    rooms: tuple[str, ...] = ()
    """To be joined; a key stands after a space."""
    backlog: int = 200
    """Lines of a room that are fetched at first."""
    keep: bool = True
    """Try again when the connection is lost; a first failure ends it at once."""


class Order(Struct, frozen=True, kw_only=True, tag=True, omit_defaults=True):
    """What the user wants."""


class Say(Order, frozen=True, kw_only=True):
    """Say something.

    Kept, and given again to the next reading process, until ``Said.sent``, ``Refused.sent`` or
    ``Doubtful.sent`` names its id.
    """

    id: str
    """Made by the client, unguessable, for good."""
    room: str
    text: str
    kind: Kind = Kind.MESSAGE
    reply: str = ""


class Join(Order, frozen=True, kw_only=True):
    """Come into a room, and again after a reconnect."""

    room: str
    key: str = ""


class Leave(Order, frozen=True, kw_only=True):
    """Go from a room."""

    room: str
    reason: str = ""


class Rename(Order, frozen=True, kw_only=True):
    """Be called otherwise."""

    nick: str


class SetTopic(Order, frozen=True, kw_only=True):
    """Set a room's topic."""

    room: str
    text: str


class Ask(Order, frozen=True, kw_only=True):
    """Any other command of the protocol, as it stands (``KICK #room bob :enough``)."""

    line: str


class WhoIs(Order, frozen=True, kw_only=True):
    """Ask about somebody; "" is we ourselves."""

    nick: str = ""


class ListRooms(Order, frozen=True, kw_only=True):
    """Ask which rooms there are."""


class Older(Order, frozen=True, kw_only=True):
    """Fetch what was said before the oldest line that has been told in ``room``."""

    room: str
    count: int = 100


class MarkRead(Order, frozen=True, kw_only=True):
    """The user has read ``room`` up to ``time``."""

    room: str
    time: int


class TypingNow(Order, frozen=True, kw_only=True):
    """The user types in ``room``, or has stopped."""

    room: str
    active: bool


class Quit(Order, frozen=True, kw_only=True):
    """Leave: say what is still to be said, then close; ENDED follows."""

    reason: str = ""


class Reconnect(Order, frozen=True, kw_only=True):
    """Try again now."""


class Resume(Order, frozen=True, kw_only=True):
    """The first order a reading process gets: whom to reach, and where another one has stopped."""

    target: Target
    nick: str = ""
    """What we were called last."""
    rooms: tuple[str, ...] = ()
    """What we are in, with keys."""
    last: tuple[tuple[str, str, int], ...] = ()
    """Of each room, the msgid and time of the last line that was told; () at the beginning."""
    first: tuple[tuple[str, str, int], ...] = ()
    """The same of the oldest line."""
    since: int = 0
    """Up to when it is known who has written to us in private."""
    under_way: tuple[str, ...] = ()
    """Ids of what is still to be said, and may have been said already."""
    was_online: bool = False
    """There has been a connection before: failures are waited out, not told as the end."""


AnyOrder = (
    Resume
    | Say
    | Join
    | Leave
    | Rename
    | SetTopic
    | Ask
    | WhoIs
    | ListRooms
    | Older
    | MarkRead
    | TypingNow
    | Quit
    | Reconnect
)
