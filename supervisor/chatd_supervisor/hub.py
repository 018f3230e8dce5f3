"""Rooms, nicks, and who may do what: pure, a function of the entries applied to it in order.

``apply`` takes one entry of one session and returns what is to be delivered to whom. Nothing here
knows of sockets, processes or time; given the same entries it is always in the same state and
always says the same. Whatever comes from a worker is checked here again: names against the
rules, texts for characters that may not be passed on. A worker is not to be trusted.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final, NamedTuple

from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import LOBBY, fold, is_nick, is_room, is_safe, make_safe
from chatd_workers.problems import PROBLEMS

MAX_LISTED: Final = 50
"""Names in one answer: a screenful; the count of the others stands behind them."""


class Rules(NamedTuple):
    """What the configuration allows; 0 is no limit, for the counts."""

    server: str = "chatd"
    nick_length: int = 24
    room_length: int = 32
    topic_length: int = 300
    max_rooms: int = 1000
    announce_members: int = 100


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
    """A client as the hub knows it."""

    __slots__ = ("alone", "dialect", "id", "named", "nick", "room", "warned")

    def __init__(self, number: int, nick: str, room: "Room", dialect: str) -> None:
        self.id = number
        self.nick = nick
        # A guest's nick was given, not chosen.
        self.named = False
        # A name a guest was told he cannot have, so as to tell him once.
        self.warned = ""
        self.room = room
        self.dialect = dialect
        self.alone = Audience((self,))


class Room:
    """A room and who is in it, in order of coming."""

    __slots__ = ("_audience", "members", "name", "topic")

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.members: dict[int, Session] = {}
        self._audience: Audience | None = None

    def audience(self) -> Audience:
        """Return everybody in the room; the same object until somebody comes or goes."""
        if self._audience is None:
            self._audience = Audience(self.members.values())
        return self._audience

    def add(self, session: Session) -> None:
        """Let ``session`` in."""
        self.members[session.id] = session
        self._audience = None

    def remove(self, session: Session) -> None:
        """Let ``session`` out."""
        del self.members[session.id]
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


class Delivery(NamedTuple):
    """An event and who is to hear of it."""

    audience: Audience
    event: e.Event


class Leaving(NamedTuple):
    """The session has asked to be let go: the master closes its connection."""

    session: int
    reason: str


Outcome = Delivery | Leaving


class Hub:
    """All sessions, nicks and rooms."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.sessions: dict[int, Session] = {}
        self.nicks: dict[str, Session] = {}
        self.lobby = Room(LOBBY)
        self.rooms: dict[str, Room] = {fold(LOBBY): self.lobby}
        self._guests = 0

    def apply(self, number: int, entry: c.Entry) -> list[Outcome]:
        """Apply ``entry`` of session ``number`` and return what follows, in order.

        Raises KeyError for a session that is not there.
        """
        if type(entry) is c.Arrive:
            return self._arrive(number, entry)
        session = self.sessions[number]
        return self._ACTIONS[type(entry)](self, session, entry)

    # Coming and going

    def _arrive(self, number: int, entry: c.Arrive) -> list[Outcome]:
        session = Session(number, self._guest_nick(), self.lobby, entry.dialect)
        self.sessions[number] = session
        self.nicks[fold(session.nick)] = session
        told = self._announced(self.lobby, e.Joined(session.nick, self.lobby.name))
        self.lobby.add(session)
        welcome = e.Welcomed(
            server=self.rules.server,
            nick=session.nick,
            room=self.lobby.name,
            topic=self.lobby.topic,
            others=self.lobby.nicks(but=session),
            members=len(self.lobby.members),
        )
        return [*told, Delivery(session.alone, welcome)]

    def _depart(self, session: Session, entry: c.Depart) -> list[Outcome]:
        del self.sessions[session.id]
        del self.nicks[fold(session.nick)]
        return self._take_out(session, entry.reason)

    def _quit(self, session: Session, entry: c.Quit) -> list[Outcome]:
        reason = entry.reason if is_safe(entry.reason) else ""
        return [Leaving(session.id, reason)]

    # Talking

    def _say(self, session: Session, entry: c.Say) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        return [Delivery(session.room.audience(), e.Said(session.nick, entry.text))]

    def _say_as(self, session: Session, entry: c.SayAs) -> list[Outcome]:
        outcome: list[Outcome] = []
        if not session.named:
            outcome = self._claim(session, entry.nick)
        if fold(entry.nick) in (fold(session.nick), session.warned):
            text = entry.text
        else:
            text = f"{entry.nick} : {entry.text}" if entry.text else f"{entry.nick} :"
        return outcome + self._say(session, c.Say(text)) if text else outcome

    def _claim(self, session: Session, nick: str) -> list[Outcome]:
        folded = fold(nick)
        problem = self._nick_problem(session, nick)
        if problem is None:
            session.warned = ""
            return self._rename(session, c.Rename(nick))
        if session.warned == folded:
            return []
        session.warned = folded
        return _refuse(session, *problem)

    def _act(self, session: Session, entry: c.Act) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        return [Delivery(session.room.audience(), e.Acted(session.nick, entry.text))]

    def _tell(self, session: Session, entry: c.Tell) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        other = self.nicks.get(fold(entry.nick))
        if other is None:
            return _refuse(session, "nick-unknown", entry.nick)
        both = {session.id: session, other.id: other}
        event = e.Told(session.nick, other.nick, entry.text)
        return [Delivery(Audience(both.values()), event)]

    # Names

    def _rename(self, session: Session, entry: c.Rename) -> list[Outcome]:
        problem = self._nick_problem(session, entry.nick)
        if problem is not None:
            return _refuse(session, *problem)
        old = session.nick
        session.named = True
        if entry.nick == old:
            return []
        del self.nicks[fold(old)]
        session.nick = entry.nick
        self.nicks[fold(entry.nick)] = session
        renamed = e.Renamed(old, entry.nick)
        if self._is_announced(len(session.room.members)):
            return [Delivery(session.room.audience(), renamed)]
        return [Delivery(session.alone, renamed)]

    def _nick_problem(self, session: Session, nick: str) -> tuple[str, str] | None:
        if self.rules.nick_length and len(nick) > self.rules.nick_length:
            return "nick-too-long", str(self.rules.nick_length)
        if not is_nick(nick):
            return "nick-invalid", nick
        if self.nicks.get(fold(nick), session) is not session:
            return "nick-in-use", nick
        return None

    def _guest_nick(self) -> str:
        while True:
            self._guests += 1
            nick = f"guest{self._guests}"
            if nick not in self.nicks:
                return nick

    # Rooms

    def _join(self, session: Session, entry: c.Join) -> list[Outcome]:
        name = entry.room
        room = self.rooms.get(fold(name))
        if room is session.room:
            return _refuse(session, "already-there", room.name)
        if room is None:
            problem = self._room_problem(name)
            if problem is not None:
                return _refuse(session, *problem)
            room = self.rooms[fold(name)] = Room(name)
        return self._move(session, room)

    def _room_problem(self, name: str) -> tuple[str, str] | None:
        if self.rules.room_length and len(name) > self.rules.room_length:
            return "room-too-long", str(self.rules.room_length)
        if not is_room(name):
            return "room-invalid", name
        if self.rules.max_rooms and len(self.rooms) >= self.rules.max_rooms:
            return "rooms-full", str(self.rules.max_rooms)
        return None

    def _leave(self, session: Session, _: c.Leave) -> list[Outcome]:
        if session.room is self.lobby:
            return _refuse(session, "in-lobby", self.lobby.name)
        return self._move(session, self.lobby)

    def _move(self, session: Session, room: Room) -> list[Outcome]:
        outcome = self._take_out(session, f"went to {room.name}")
        outcome += self._announced(room, e.Joined(session.nick, room.name))
        room.add(session)
        session.room = room
        entered = e.Entered(room.name, room.topic, room.nicks(but=session), len(room.members))
        outcome.append(Delivery(session.alone, entered))
        return outcome

    def _take_out(self, session: Session, reason: str) -> list[Outcome]:
        room = session.room
        room.remove(session)
        if not room.members and room is not self.lobby:
            del self.rooms[fold(room.name)]
            return []
        return self._announced(room, e.Left(session.nick, room.name, reason))

    def _announced(self, room: Room, event: e.Event) -> list[Outcome]:
        if room.members and self._is_announced(len(room.members) + 1):
            return [Delivery(room.audience(), event)]
        return []

    def _is_announced(self, members: int) -> bool:
        # In a crowd comings and goings are noise, and cost as many writes as there are members.
        return not self.rules.announce_members or members <= self.rules.announce_members

    def _topic(self, session: Session, entry: c.Topic) -> list[Outcome]:
        room = session.room
        text = entry.text
        if text is None:
            return [Delivery(session.alone, e.TopicShown(room.name, room.topic))]
        if self.rules.topic_length and len(text) > self.rules.topic_length:
            return _refuse(session, "topic-too-long", str(self.rules.topic_length))
        if not is_safe(text):
            return _refuse(session, "text-unsafe")
        room.topic = text
        return [Delivery(room.audience(), e.TopicChanged(session.nick, room.name, text))]

    # Questions

    def _who(self, session: Session, entry: c.Who) -> list[Outcome]:
        room = self.rooms.get(fold(entry.room)) if entry.room else session.room
        if room is None:
            return _refuse(session, "room-unknown", entry.room)
        members = e.Members(room.name, room.nicks(), len(room.members))
        return [Delivery(session.alone, members)]

    def _rooms(self, session: Session, _: c.Rooms) -> list[Outcome]:
        some = [
            (room.name, len(room.members), room.topic)
            for room, _ in zip(self.rooms.values(), range(MAX_LISTED), strict=False)
        ]
        return [Delivery(session.alone, e.RoomsListed(tuple(some), len(self.rooms)))]

    def _help(self, session: Session, _: c.Help) -> list[Outcome]:
        return [Delivery(session.alone, e.Helped())]

    def _refused(self, session: Session, entry: c.Refuse) -> list[Outcome]:
        if entry.problem not in PROBLEMS:
            return []
        return _refuse(session, entry.problem, entry.value)

    # Any: each action takes the one entry type that is its key, which no type for a dict can say.
    _ACTIONS: ClassVar[dict[type, Callable[[Any, Session, Any], list[Outcome]]]] = {
        c.Depart: _depart,
        c.Say: _say,
        c.SayAs: _say_as,
        c.Act: _act,
        c.Tell: _tell,
        c.Rename: _rename,
        c.Join: _join,
        c.Leave: _leave,
        c.Who: _who,
        c.Rooms: _rooms,
        c.Topic: _topic,
        c.Help: _help,
        c.Quit: _quit,
        c.Refuse: _refused,
    }


def _refuse(session: Session, problem: str, value: str = "") -> list[Outcome]:
    # Only the one who sent it sees it, but even that only made safe.
    return [Delivery(session.alone, e.Refused(problem, make_safe(value)))]
