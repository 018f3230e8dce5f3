"""What is kept of a session, of a room, of a ban: the rows of the journal, as JSON.

A fact that changes one of them carries the fields that it changes, as JSON too (``Fact.data``).
Fields may be added, with a default; what an older chatd has written is read then as well, and what
a newer one has written of fields that are not known here is left out.
"""

from typing import Any, Final, get_type_hints

import msgspec
from msgspec import Struct, field

from chatd_supervisor.bans import Ban


class Seat(Struct, omit_defaults=True):
    """A session's place in a room."""

    joined: int
    """Counts joins: members of a room are in the order in which they came."""
    status: str = ""
    """The letters of the modes it has there, highest first: ``o``, ``v``, ``ov`` or none."""


class Setting(Struct, array_like=True):
    """An entry of a list of masks: who set it, and when (microseconds since the epoch)."""

    by: str
    at: int


class FormerNick(Struct, array_like=True):
    """A nick that a session has chosen and given up: until when it was called so (as ``at``)."""

    nick: str
    until: int


class SessionRecord(Struct, omit_defaults=True, kw_only=True):
    """A client as the hub knows it."""

    nick: str = ""
    """Empty: a client of IRC that has none yet."""
    wish: str = ""
    """The nick it asks for, to be judged when it has ended its registration (IRC)."""
    named: bool = False
    """The nick was chosen, not given."""
    warned: str = ""
    """A name that a guest was told he cannot have, so as to tell him once."""
    seats: dict[str, Seat] = field(default_factory=dict)
    """By the folded name of the room."""
    registered: bool = False
    """It may do what others do. False: a client of IRC that is still introducing itself."""
    user: str = ""
    host: str = ""
    realname: str = ""
    account: str = ""
    login: int = 0
    """When it has logged in to that."""
    failures: int = 0
    """Attempts to log in that have failed since it came, or was logged in."""
    signon: int = 0
    """When it has come, in microseconds since the epoch."""
    capabilities: list[str] = field(default_factory=list)
    version: int = 0
    """Of capability negotiation, as the client has asked for it; 0: it has not."""
    negotiating: bool = False
    """It has begun to negotiate capabilities, and has not ended that yet."""
    password_given: bool = False
    """It has given the server's password."""
    authenticating: str = ""
    """The mechanism of SASL that is under way."""
    exchange: str = ""
    """What the mechanism must remember."""
    away: str = ""
    modes: str = ""
    """Letters of its user modes, sorted."""
    operator: str = ""
    """The name of the operator block it has become an operator by."""
    monitored: list[str] = field(default_factory=list)
    """Nicks as given, whose coming and going it wants to be told."""
    accepted: list[str] = field(default_factory=list)
    """Folded nicks from whom it takes private lines in any case."""
    invitations: dict[str, int] = field(default_factory=dict)
    """Folded names of rooms that it was asked into, and when each was created: another room of the
    same name is not meant."""
    secured: str = ""
    """Protocol and cipher, if its connection is encrypted."""
    fingerprint: str = ""
    """SHA-256 of its certificate, in hexadecimal."""
    valid_from: int = 0
    """When its certificate begins to be valid, in seconds since the epoch,"""
    valid_until: int = 0
    """and when it ceases to be."""
    former: list[FormerNick] = field(default_factory=list)
    """What it was called before, latest last: bans of that time still mean it."""
    local_user: str = ""
    """Its account on this machine, as the kernel says."""


class RoomRecord(Struct, omit_defaults=True, kw_only=True):
    """A room, without its members."""

    name: str
    made: int = 0
    """Counts makings of rooms and joins: their order."""
    created: int = 0
    """In microseconds since the epoch, as all times here."""
    topic: str = ""
    topic_by: str = ""
    topic_at: int = 0
    network: str = ""
    """From which it was made, as networks are counted; empty: from none that is."""
    modes: str = ""
    """Letters of its modes that have no parameter, sorted."""
    key: str = ""
    limit: int = 0
    """Members that it takes; 0: any number."""
    bans: dict[str, Setting] = field(default_factory=dict)
    exceptions: dict[str, Setting] = field(default_factory=dict)
    invitations: dict[str, Setting] = field(default_factory=dict)
    """Masks of those who need no invitation."""
    founder: str = ""
    """The account whose room it is; it lasts then, also without members."""
    access: dict[str, str] = field(default_factory=dict)
    """Lasting statuses, by folded account."""


_TYPES: Final[dict[type[Struct], dict[str, Any]]] = {
    record: get_type_hints(record) for record in (SessionRecord, RoomRecord)
}

_encode: Final = msgspec.json.Encoder().encode
_decode_session: Final = msgspec.json.Decoder(SessionRecord).decode
_decode_room: Final = msgspec.json.Decoder(RoomRecord).decode
_decode_ban: Final = msgspec.json.Decoder(Ban).decode
_decode_data: Final = msgspec.json.Decoder(dict[str, Any]).decode


def data_of(fields: dict[str, Any]) -> str:
    """Return the ``data`` of a fact that sets ``fields``."""
    return _encode(fields).decode() if fields else ""


def fields_of(data: str) -> dict[str, Any]:
    """Return the fields that a fact's ``data`` sets."""
    return _decode_data(data) if data else {}


def change(record: Struct, fields: dict[str, Any]) -> None:
    """Set ``fields``, as they were decoded from a fact, in ``record``."""
    types = _TYPES[type(record)]
    for name, value in fields.items():
        setattr(record, name, msgspec.convert(value, types[name]))


def encode(record: Struct) -> str:
    """Return ``record`` as JSON."""
    return _encode(record).decode()


def decode_session(text: str) -> SessionRecord:
    """Return the record that was written as ``text``. Raises msgspec.DecodeError."""
    return _decode_session(text)


def decode_room(text: str) -> RoomRecord:
    """Return the record that was written as ``text``. Raises msgspec.DecodeError."""
    return _decode_room(text)


def decode_ban(text: str) -> Ban:
    """Return the entry that was written as ``text``. Raises msgspec.DecodeError."""
    return _decode_ban(text)
