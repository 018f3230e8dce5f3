"""Sessions and rooms as the hub holds them: their records, and what follows from these.

They are changed by facts alone, see ``state``.
"""

from collections.abc import Iterable
from typing import Any, Final

from chatd_supervisor.records import RoomRecord, SessionRecord, data_of
from chatd_workers.capabilities import view_of
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Source
from chatd_workers.names import LOBBY, fold

CLOSING: Final = frozenset("iR")
"""Modes of a room by which not everybody can come in: the invited, or those with an account."""

MAX_LISTED: Final = 50
"""Names in one answer: a screenful; the count of the others stands behind them."""


class Audience:
    """Who hears an event: sessions, fixed at that moment.

    Rooms keep one between changes of membership, so that events to the same people can be told
    by identity and written together.
    """

    __slots__ = ("routes", "sessions")

    def __init__(self, sessions: Iterable["Session"]) -> None:
        self.sessions = tuple(sessions)
        # For whoever delivers: the outputs of these sessions, found once.
        self.routes: Any = None


class Session:
    """A client as the hub knows it: its record, and what follows from it."""

    __slots__ = (
        "_data",
        "_folded",
        "_source",
        "alone",
        "called_at",
        "dialect",
        "id",
        "one_room",
        "record",
        "rooms",
        "spoke_at",
        "view",
    )

    def __init__(self, number: int, dialect: str, record: SessionRecord) -> None:
        self.id = number
        self.dialect = dialect
        self.one_room = DIALECTS[dialect].one_room
        self.record = record
        self.rooms: dict[str, Room] = {}
        # When it last said something, or came, as this master knows; not part of what is written
        # down. By the clock that nobody sets (``Core.monotonic``).
        self.spoke_at: float | None = None
        # When it was last told that somebody wanted to tell it something, as this master knows.
        self.called_at: float | None = None
        self.renew()

    @property
    def nick(self) -> str:
        """What it is called; empty: nothing yet."""
        return self.record.nick

    @property
    def named(self) -> bool:
        """Whether the nick was chosen, not given."""
        return self.record.named

    @property
    def to(self) -> str:
        """How answers address it."""
        return self.record.nick or "*"

    @property
    def room(self) -> "Room":
        """The room it is in, if its dialect knows one room at a time."""
        return next(iter(self.rooms.values()))

    @property
    def place(self) -> str:
        """Where it is, for its process title: ``#room``, ``#room +2``, ``+1``, or nothing.

        Everybody on the machine can read that, so no secret room is named.
        """
        named = next((room for room in self.rooms.values() if not room.is_secret), None)
        return _place(named, len(self.rooms))

    @property
    def whereabouts(self) -> str:
        """The same for who runs the server: all is named."""
        return _place(next(iter(self.rooms.values()), None), len(self.rooms))

    def renew(self) -> None:
        """Take note that its record has changed."""
        self.view = view_of(self.record.capabilities)
        self.alone = Audience((self,))
        self._source: Source | None = None
        self._data: str | None = None
        self._folded: str | None = None

    def silent_for(self, now: int, monotonic: float) -> float:
        """Return the seconds since it last said something, or came.

        Of one that another master has let in and that has said nothing since, all that is known
        is when it came, by the wall clock.
        """
        if self.spoke_at is not None:
            return monotonic - self.spoke_at
        return max(now - self.record.signon, 0) / 1_000_000

    @property
    def source(self) -> Source:
        """All its names, for those who hear of it."""
        if self._source is None:
            record = self.record
            self._source = Source(
                record.nick,
                record.user,
                record.host,
                record.account,
                record.realname,
                bot="B" in record.modes,
            )
        return self._source

    @property
    def data(self) -> str:
        """What a fact about something it said carries: what ``source`` is made of again."""
        if self._data is None:
            self._data = data_of(self.names)
        return self._data

    @property
    def folded(self) -> str:
        """What WHO looks for its masks in: nick, user, host and real name, one a line."""
        if self._folded is None:
            record = self.record
            names = (record.nick, record.user, record.host, record.realname)
            self._folded = "\n".join(map(fold, names))
        return self._folded

    @property
    def names(self) -> dict[str, str]:
        """What a fact about something it did tells of who it is, beside its nick."""
        record = self.record
        fields = {"user": record.user, "host": record.host, "account": record.account}
        if "B" in record.modes:
            fields["bot"] = "1"
        return {name: value for name, value in fields.items() if value}

    def status(self, room: "Room") -> str:
        """Return the letters of its modes in ``room``, highest first."""
        return self.record.seats[room.key].status


def _place(named: "Room | None", rooms: int) -> str:
    if named is None:
        return f"+{rooms}" if rooms else ""
    return named.name + (f" +{rooms - 1}" if rooms > 1 else "")


class Room:
    """A room: its record, and who is in it, in order of coming."""

    __slots__ = ("_audience", "key", "listing", "members", "record")

    def __init__(self, record: RoomRecord) -> None:
        self.key = fold(record.name)
        self.record = record
        self.members: dict[int, Session] = {}
        # Those whose clients keep a list of who is there, and must hear of every change of it.
        self.listing: dict[int, Session] = {}
        self._audience: Audience | None = None

    @property
    def name(self) -> str:
        """Its name as it was first written."""
        return self.record.name

    @property
    def topic(self) -> str:
        """Its topic; empty: none."""
        return self.record.topic

    @property
    def is_kept(self) -> bool:
        """Whether it lasts without members."""
        return bool(self.record.founder) or self.record.name == LOBBY

    @property
    def is_secret(self) -> bool:
        """Whether only its members see that it is there."""
        return "s" in self.record.modes

    @property
    def is_closed(self) -> bool:
        """Whether not everybody can come into it: it has a key, or is for some only."""
        return bool(self.record.key) or not CLOSING.isdisjoint(self.record.modes)

    def audience(self) -> Audience:
        """Return everybody in the room; the same object until somebody comes or goes."""
        if self._audience is None:
            self._audience = Audience(self.members.values())
        return self._audience

    def having(self, statuses: str) -> Audience:
        """Return the members that have any of ``statuses`` (letters) in the room."""
        wanted = set(statuses)
        return Audience(
            member for member in self.members.values() if wanted & set(member.status(self))
        )

    def renew(self) -> None:
        """Take note that something about a member has changed that matters to who is told how."""
        self._audience = None

    def add(self, session: Session) -> None:
        """Let ``session`` in."""
        self.members[session.id] = session
        if not session.one_room:
            self.listing[session.id] = session
        self._audience = None

    def remove(self, session: Session) -> None:
        """Let ``session`` out."""
        del self.members[session.id]
        self.listing.pop(session.id, None)
        self._audience = None

    def nicks(self, but: Session | None = None) -> tuple[str, ...]:
        """Return the nicks of at most MAX_LISTED members, in order of coming."""
        found: list[str] = []
        for member in self.members.values():
            if len(found) == MAX_LISTED:
                break
            if member is not but:
                found.append(member.nick)
        return tuple(found)
