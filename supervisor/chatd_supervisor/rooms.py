"""Sessions, nicks and rooms: the state that the facts of the journal make, and nothing else does.

``State.apply`` lets a fact have happened. The hub calls it with each fact as it decides it, and a
master that reads a journal calls it with the same facts again, so both come to the same state. No
rule is asked here: what is in the journal has happened.

What each kind of fact does:

===========  ==========================================================================
``arrive``   a session of dialect ``text``, called ``nick``, comes into ``room``
``depart``   it is no more
``nick``     it is called ``text``, by its own choice
``warned``   it was told that it cannot be called ``text`` (folded)
``join``     it goes to ``room``, which is made if there is none
``topic``    the topic of its room is ``text``
``say``, ``act``, ``tell``   nothing
===========  ==========================================================================

A room but the lobby is gone with its last member.
"""

from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from chatd_supervisor.journal import Fact, Member, RoomState, Snapshot
from chatd_workers.names import LOBBY, fold

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
    """A client as the hub knows it."""

    __slots__ = ("alone", "dialect", "id", "joined", "named", "nick", "room", "warned")

    def __init__(self, number: int, nick: str, room: "Room", dialect: str) -> None:
        self.id = number
        self.nick = nick
        # A guest's nick was given, not chosen.
        self.named = False
        # A name a guest was told he cannot have, so as to tell him once.
        self.warned = ""
        self.room = room
        self.joined = 0
        self.dialect = dialect
        self.alone = Audience((self,))


class Room:
    """A room and who is in it, in order of coming."""

    __slots__ = ("_audience", "made", "members", "name", "topic")

    def __init__(self, name: str) -> None:
        self.name = name
        self.topic = ""
        self.made = 0
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


class State:
    """All sessions, nicks and rooms."""

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self.nicks: dict[str, Session] = {}
        self.lobby = Room(LOBBY)
        self.rooms: dict[str, Room] = {fold(LOBBY): self.lobby}
        # How many guests have been given a nick, ever.
        self.guests = 0
        # Counts comings into rooms and makings of rooms: their order, when it is written down.
        self._order = 0
        # What is to be written down, since changes were last taken.
        self._touched: dict[int, Session] = {}
        self._touched_rooms: dict[str, Room] = {}

    @classmethod
    def restored(cls, snapshot: Snapshot) -> "State":
        """Return the state that was written down as ``snapshot``."""
        state = cls()
        for stored in snapshot.rooms:
            room = state.rooms.setdefault(fold(stored.name), Room(stored.name))
            room.topic = stored.topic
            room.made = stored.made
            state._order = max(state._order, stored.made)
        members = [stored.member for stored in snapshot.sessions if stored.member is not None]
        for member in members:
            room = state.rooms[fold(member.room)]
            session = Session(member.session, member.nick, room, member.dialect)
            session.named = member.named
            session.warned = member.warned
            session.joined = member.joined
            state.sessions[session.id] = session
            state.nicks[fold(session.nick)] = session
            state._order = max(state._order, session.joined)
        for session in sorted(state.sessions.values(), key=lambda session: session.joined):
            session.room.add(session)
        state.guests = snapshot.guests
        return state

    def apply(self, fact: Fact) -> None:
        """Let ``fact`` have happened. Raises KeyError if it speaks of a session that is not there.

        Facts that change nothing here (what was said) need not be given.
        """
        action = self._ACTIONS.get(fact.kind)
        if action is not None:
            action(self, fact)

    def _arrive(self, fact: Fact) -> None:
        self.guests += 1
        room = self._room(fact.room)
        session = Session(fact.session, fact.nick, room, fact.text)
        self.sessions[session.id] = session
        self.nicks[fold(session.nick)] = session
        self._enter(session, room)

    def _depart(self, fact: Fact) -> None:
        session = self.sessions.pop(fact.session)
        del self.nicks[fold(session.nick)]
        self._touched.pop(session.id, None)
        self._exit(session)

    def _rename(self, fact: Fact) -> None:
        session = self._touch(fact.session)
        del self.nicks[fold(session.nick)]
        session.nick = fact.text
        session.named = True
        self.nicks[fold(session.nick)] = session

    def _warn(self, fact: Fact) -> None:
        self._touch(fact.session).warned = fact.text

    def _join(self, fact: Fact) -> None:
        session = self.sessions[fact.session]
        room = self._room(fact.room)
        self._exit(session)
        self._enter(session, room)

    def _set_topic(self, fact: Fact) -> None:
        room = self.rooms[fold(fact.room)]
        room.topic = fact.text
        self._touched_rooms[fold(room.name)] = room

    def _touch(self, number: int) -> Session:
        session = self._touched[number] = self.sessions[number]
        return session

    def _room(self, name: str) -> Room:
        folded = fold(name)
        room = self.rooms.get(folded)
        if room is None:
            room = self.rooms[folded] = self._touched_rooms[folded] = Room(name)
            self._order += 1
            room.made = self._order
        return room

    def _enter(self, session: Session, room: Room) -> None:
        room.add(session)
        session.room = room
        self._order += 1
        session.joined = self._order
        self._touched[session.id] = session

    def _exit(self, session: Session) -> None:
        room = session.room
        room.remove(session)
        if not room.members and room is not self.lobby:
            folded = fold(room.name)
            del self.rooms[folded]
            self._touched_rooms[folded] = room

    # A dict of functions, not methods: looked up once a fact.
    _ACTIONS: ClassVar[dict[str, Callable[["State", Fact], None]]] = {
        "arrive": _arrive,
        "depart": _depart,
        "nick": _rename,
        "warned": _warn,
        "join": _join,
        "topic": _set_topic,
    }

    def take_changes(self) -> tuple[list[Member], list[RoomState], list[str]]:
        """Return what has changed since the last call: sessions, rooms, folded names of rooms gone.

        Sessions that have gone are not told of here.
        """
        if not self._touched and not self._touched_rooms:
            return [], [], []
        members = [
            Member(s.id, s.dialect, s.nick, s.named, s.warned, s.room.name, s.joined)
            for s in self._touched.values()
        ]
        rooms = []
        gone = []
        for folded, room in self._touched_rooms.items():
            if self.rooms.get(folded) is room:
                rooms.append(RoomState(room.name, room.topic, room.made))
            elif folded not in self.rooms:
                gone.append(folded)
        self._touched = {}
        self._touched_rooms = {}
        return members, rooms, gone
