"""What a client can ask for, whatever dialect it speaks.

A reader (in a worker) turns bytes into these; the hub (in the master) applies them in
journal order. They cross the channel inside a ``Report``, so every field has a type and a bound
that msgspec checks on receipt: the worker is the process that touched hostile bytes.

The bounds here are those of the wire format, generous and fixed. What a server allows (nick
length, topic length) is the hub's business.
"""

from collections.abc import Iterable
from typing import Annotated, Final

from msgspec import Meta, Struct

from chatd_workers.commands.irc import (
    Accept as Accept,
)
from chatd_workers.commands.irc import (
    Ask as Ask,
)
from chatd_workers.commands.irc import (
    Authenticate as Authenticate,
)
from chatd_workers.commands.irc import (
    Away as Away,
)
from chatd_workers.commands.irc import (
    Capabilities as Capabilities,
)
from chatd_workers.commands.irc import (
    Chathistory as Chathistory,
)
from chatd_workers.commands.irc import (
    ClaimRoom as ClaimRoom,
)
from chatd_workers.commands.irc import (
    Enter as Enter,
)
from chatd_workers.commands.irc import (
    FindUsers as FindUsers,
)
from chatd_workers.commands.irc import (
    Grant as Grant,
)
from chatd_workers.commands.irc import (
    Identify as Identify,
)
from chatd_workers.commands.irc import (
    Invite as Invite,
)
from chatd_workers.commands.irc import (
    Ison as Ison,
)
from chatd_workers.commands.irc import (
    Kick as Kick,
)
from chatd_workers.commands.irc import (
    Kill as Kill,
)
from chatd_workers.commands.irc import (
    LeaveAll as LeaveAll,
)
from chatd_workers.commands.irc import (
    ListNames as ListNames,
)
from chatd_workers.commands.irc import (
    ListRooms as ListRooms,
)
from chatd_workers.commands.irc import (
    Markread as Markread,
)
from chatd_workers.commands.irc import (
    Mode as Mode,
)
from chatd_workers.commands.irc import (
    ModeChange as ModeChange,
)
from chatd_workers.commands.irc import (
    Monitor as Monitor,
)
from chatd_workers.commands.irc import (
    Nothing as Nothing,
)
from chatd_workers.commands.irc import (
    Oper as Oper,
)
from chatd_workers.commands.irc import (
    Operate as Operate,
)
from chatd_workers.commands.irc import (
    Part as Part,
)
from chatd_workers.commands.irc import (
    Password as Password,
)
from chatd_workers.commands.irc import (
    Ping as Ping,
)
from chatd_workers.commands.irc import (
    Register as Register,
)
from chatd_workers.commands.irc import (
    Selector as Selector,
)
from chatd_workers.commands.irc import (
    Send as Send,
)
from chatd_workers.commands.irc import (
    SetRealname as SetRealname,
)
from chatd_workers.commands.irc import (
    User as User,
)
from chatd_workers.commands.irc import (
    Userhost as Userhost,
)
from chatd_workers.commands.irc import (
    Verify as Verify,
)
from chatd_workers.commands.irc import (
    Wallops as Wallops,
)
from chatd_workers.commands.irc import (
    Whois as Whois,
)
from chatd_workers.commands.irc import (
    Whowas as Whowas,
)
from chatd_workers.commands.plain import (
    MAX_LISTED as MAX_LISTED,
)
from chatd_workers.commands.plain import (
    MAX_NAME as MAX_NAME,
)
from chatd_workers.commands.plain import (
    MAX_TEXT as MAX_TEXT,
)
from chatd_workers.commands.plain import (
    Act as Act,
)
from chatd_workers.commands.plain import (
    Help as Help,
)
from chatd_workers.commands.plain import (
    History as History,
)
from chatd_workers.commands.plain import (
    Join as Join,
)
from chatd_workers.commands.plain import (
    Leave as Leave,
)
from chatd_workers.commands.plain import (
    Missed as Missed,
)
from chatd_workers.commands.plain import (
    Name as Name,
)
from chatd_workers.commands.plain import (
    Names as Names,
)
from chatd_workers.commands.plain import (
    Once as Once,
)
from chatd_workers.commands.plain import (
    Quit as Quit,
)
from chatd_workers.commands.plain import (
    Refuse as Refuse,
)
from chatd_workers.commands.plain import (
    Rename as Rename,
)
from chatd_workers.commands.plain import (
    Rooms as Rooms,
)
from chatd_workers.commands.plain import (
    Say as Say,
)
from chatd_workers.commands.plain import (
    SayAs as SayAs,
)
from chatd_workers.commands.plain import (
    Search as Search,
)
from chatd_workers.commands.plain import (
    Tags as Tags,
)
from chatd_workers.commands.plain import (
    Tell as Tell,
)
from chatd_workers.commands.plain import (
    Text as Text,
)
from chatd_workers.commands.plain import (
    Topic as Topic,
)
from chatd_workers.commands.plain import (
    Who as Who,
)
from chatd_workers.commands.plain import (
    Words as Words,
)
from chatd_workers.text_kinds import ADDRESS, TAG_VALUE

Plain = (
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
    | Password
    | User
    | Capabilities
    | Authenticate
    | Ping
    | Nothing
    | Enter
    | LeaveAll
    | Part
    | Send
    | ListNames
    | ListRooms
    | FindUsers
    | Whois
    | Whowas
    | Invite
    | Kick
    | Mode
    | Away
    | Ison
    | Userhost
    | Monitor
    | Ask
    | Oper
    | Kill
    | Operate
    | Wallops
    | SetRealname
    | Accept
    | Chathistory
    | Markread
    | Register
    | Verify
    | Identify
    | ClaimRoom
    | Grant
)


class Labeled(Struct, frozen=True, array_like=True, tag=70, gc=False):
    """A command whose answer is to carry ``label`` (IRCv3 labeled-response)."""

    label: Annotated[str, Meta(max_length=64, extra=TAG_VALUE)]
    command: Plain


Command = Plain | Labeled
"""What may stand in a report. Arrivals and departures are the master's own and never do."""

ALONE: Final = frozenset(
    {
        # A password may have to be checked first, which takes its time: what was said before is not
        # to wait, and what is said after comes after.
        Authenticate,
        Oper,
        Register,
        Identify,
        # To answer takes long, or the answer is long: others have their turn between two of them,
        # and the next is not answered before the client has taken the answer to the last.
        Ask,
        Chathistory,
        Enter,
        FindUsers,
        History,
        Join,
        ListNames,
        ListRooms,
        Markread,
        Missed,
        Mode,
        Monitor,
        Rooms,
        Search,
        Who,
        Whois,
        Whowas,
    }
)
"""Commands that stand in a report of their own. The master insists on it (``conduct``)."""


def stands_alone(command: Command | None) -> bool:
    """Tell whether ``command``, labeled or not, is one of ALONE."""
    return type(command.command if type(command) is Labeled else command) in ALONE


def together(commands: Iterable[Command | None]) -> list[Command | None]:
    """Return those of ``commands``, from the first on, that may stand in one report.

    Looks at none behind the first that stands alone.
    """
    found: list[Command | None] = []
    for command in commands:
        if not stands_alone(command):
            found.append(command)
        elif found:
            break
        else:
            return [command]
    return found


class Arrive(Struct, frozen=True, array_like=True, tag=80, gc=False):
    """A connection was accepted; it speaks ``dialect``. Made by the master."""

    dialect: str
    host: str = ""
    """The address it comes from, without the port."""
    local_user: str = ""
    """Who has connected through a Unix socket, by the kernel's word; empty: came another way."""


class Depart(Struct, frozen=True, array_like=True, tag=81, gc=False):
    """A connection has ended for ``reason``. Made by the master."""

    reason: str


MIN_DATE: Final = -62_135_596_800
MAX_DATE: Final = 253_402_300_799
"""The first second of year 1 and the last one of 9999, from the epoch: as far as calendars go."""


class Secured(Struct, frozen=True, array_like=True, tag=83, gc=False):
    """The connection is encrypted. Told by a worker that speaks TLS, before it reads a line."""

    version: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{0,32}\Z")]
    """``TLSv1.3``."""
    cipher: Annotated[str, Meta(pattern=r"\A[A-Za-z0-9._-]{0,64}\Z")]
    """As OpenSSL calls it."""
    fingerprint: Annotated[str, Meta(pattern=r"\A([0-9a-f]{64})?\Z")]
    """SHA-256 of the client's certificate, in hexadecimal; empty: it has shown none. That it has
    the certificate's key is proven; who it is that has it, nobody vouches for."""
    valid_from: Annotated[int, Meta(ge=MIN_DATE, le=MAX_DATE)] = 0
    """When the certificate begins to be valid, in seconds since the epoch,"""
    valid_until: Annotated[int, Meta(ge=MIN_DATE, le=MAX_DATE)] = 0
    """and when it ceases to be; both as it says itself."""


class Proxied(Struct, frozen=True, array_like=True, tag=84, gc=False):
    """The peer is a proxy, and speaks for a client at this address. Told by a worker.

    The master takes it only where it is expected and from a peer that may say so.
    """

    host: Annotated[str, Meta(max_length=45, extra=ADDRESS)] | None
    """An IPv4 or IPv6 address; None: the proxy does not say."""
    port: Annotated[int, Meta(ge=0, le=65535)]


Fresh = Secured | Proxied
"""What a report may say of the connection itself, before what its client says."""

Entry = Command | Arrive | Depart | Fresh
"""Everything that changes the hub."""
