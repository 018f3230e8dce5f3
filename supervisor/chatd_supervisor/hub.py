"""The hub: who may do what, what has happened then, and who hears of it. Pure.

``apply`` takes one entry of one session and returns what is to be delivered to whom. What it
decides it notes as facts, and its state changes by these alone (``rooms``), so the state is a
function of the journal they are written to. Nothing here knows of sockets, processes or time.

Whatever comes from a worker is checked here again: names against the rules, texts for characters
that may not be passed on. A worker is not to be trusted.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final, NamedTuple

from chatd_supervisor.journal import Fact
from chatd_supervisor.rooms import MAX_LISTED, Audience, Room, Session, State
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import LOBBY, fold, is_nick, is_room, is_safe, make_safe
from chatd_workers.problems import PROBLEMS

DEFAULT_HISTORY: Final = 20
"""Lines that /history shows if not told how many."""


class Rules(NamedTuple):
    """What the configuration allows; 0 is no limit, for the counts."""

    server: str = "chatd"
    nick_length: int = 24
    room_length: int = 32
    topic_length: int = 300
    max_rooms: int = 1000
    announce_members: int = 100
    history_on_join: int = 10
    history_lines: int = 200


class Delivery(NamedTuple):
    """An event and who is to hear of it."""

    audience: Audience
    event: e.Event


class Leaving(NamedTuple):
    """The session has asked to be let go: the master closes its connection."""

    session: int
    reason: str


class Lookup(NamedTuple):
    """Something that is to be looked up in the journal and shown to ``session``."""

    session: Session
    kind: e.RecallKind
    room: str
    words: str
    most: int
    """Lines to be shown at most."""


Outcome = Delivery | Leaving | Lookup


class Hub:
    """Decides by the rules, on the state that earlier decisions have made."""

    def __init__(self, rules: Rules, state: State | None = None) -> None:
        self.rules = rules
        self.state = state or State()
        # What has been decided since this was last emptied.
        self.facts: list[Fact] = []

    @property
    def sessions(self) -> dict[int, Session]:
        """The sessions, by number."""
        return self.state.sessions

    @property
    def rooms(self) -> dict[str, Room]:
        """The rooms, by folded name."""
        return self.state.rooms

    @property
    def nicks(self) -> dict[str, Session]:
        """The sessions, by folded nick."""
        return self.state.nicks

    @property
    def lobby(self) -> Room:
        """The room everybody starts in."""
        return self.state.lobby

    def apply(self, number: int, entry: c.Entry) -> list[Outcome]:
        """Apply ``entry`` of session ``number`` and return what follows, in order.

        Raises KeyError for a session that is not there.
        """
        if type(entry) is c.Arrive:
            return self._arrive(number, entry)
        session = self.sessions[number]
        return self._ACTIONS[type(entry)](self, session, entry)

    def _change(self, fact: Fact) -> None:
        """Note a fact that changes the state, and let it have happened."""
        self.facts.append(fact)
        self.state.apply(fact)

    # Coming and going

    def _arrive(self, number: int, entry: c.Arrive) -> list[Outcome]:
        nick = self.guest_nick()
        told = self._announced(self.lobby, e.Joined(nick, LOBBY))
        self._change(Fact(number, nick, LOBBY, "arrive", entry.dialect))
        session = self.sessions[number]
        welcome = e.Welcomed(
            server=self.rules.server,
            nick=session.nick,
            room=self.lobby.name,
            topic=self.lobby.topic,
            others=self.lobby.nicks(but=session),
            members=len(self.lobby.members),
        )
        return [
            *told,
            Delivery(session.alone, welcome),
            *self._past(session),
            Delivery(session.alone, e.Hinted()),
        ]

    def _depart(self, session: Session, entry: c.Depart) -> list[Outcome]:
        room = session.room
        self._change(Fact(session.id, session.nick, room.name, "depart", entry.reason))
        return self._left(session, room, entry.reason)

    def _quit(self, session: Session, entry: c.Quit) -> list[Outcome]:
        reason = entry.reason if is_safe(entry.reason) else ""
        return [Leaving(session.id, reason)]

    # Talking

    def _say(self, session: Session, entry: c.Say) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        room = session.room
        self.facts.append(Fact(session.id, session.nick, room.name, "say", entry.text))
        return [Delivery(room.audience(), e.Said(session.nick, entry.text))]

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
            return self._rename(session, c.Rename(nick))
        if session.warned == folded:
            return []
        self._change(Fact(session.id, session.nick, session.room.name, "warned", folded))
        return _refuse(session, *problem)

    def _act(self, session: Session, entry: c.Act) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        room = session.room
        self.facts.append(Fact(session.id, session.nick, room.name, "act", entry.text))
        return [Delivery(room.audience(), e.Acted(session.nick, entry.text))]

    def _tell(self, session: Session, entry: c.Tell) -> list[Outcome]:
        if not is_safe(entry.text):
            return _refuse(session, "text-unsafe")
        other = self.nicks.get(fold(entry.nick))
        if other is None:
            return _refuse(session, "nick-unknown", entry.nick)
        both = {session.id: session, other.id: other}
        self.facts.append(Fact(session.id, session.nick, other.nick, "tell", entry.text))
        event = e.Told(session.nick, other.nick, entry.text)
        return [Delivery(Audience(both.values()), event)]

    # Names

    def _rename(self, session: Session, entry: c.Rename) -> list[Outcome]:
        problem = self._nick_problem(session, entry.nick)
        if problem is not None:
            return _refuse(session, *problem)
        old = session.nick
        if entry.nick == old and session.named:
            return []
        self._change(Fact(session.id, old, session.room.name, "nick", entry.nick))
        if entry.nick == old:
            return []
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

    def guest_nick(self) -> str:
        """Return the nick that the next one to arrive is given."""
        number = self.state.guests + 1
        while f"guest{number}" in self.nicks:
            number += 1
        return f"guest{number}"

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
        return self._move(session, room.name if room is not None else name)

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
        return self._move(session, LOBBY)

    def _move(self, session: Session, name: str) -> list[Outcome]:
        left = session.room
        there = self.rooms.get(fold(name))
        joined = self._announced(there, e.Joined(session.nick, name)) if there is not None else []
        self._change(Fact(session.id, session.nick, name, "join", ""))
        room = session.room
        entered = e.Entered(room.name, room.topic, room.nicks(but=session), len(room.members))
        return [
            *self._left(session, left, f"went to {room.name}"),
            *joined,
            Delivery(session.alone, entered),
            *self._past(session),
        ]

    def _left(self, session: Session, room: Room, reason: str) -> list[Outcome]:
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
        self._change(Fact(session.id, session.nick, room.name, "topic", text))
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

    def _past(self, session: Session) -> list[Outcome]:
        count = self.rules.history_on_join
        return [Lookup(session, "joined", session.room.name, "", count)] if count else []

    def _history(self, session: Session, entry: c.History) -> list[Outcome]:
        return [self._lookup(session, "history", "", entry.count or DEFAULT_HISTORY)]

    def _search(self, session: Session, entry: c.Search) -> list[Outcome]:
        if not is_safe(entry.words):
            return _refuse(session, "text-unsafe")
        return [self._lookup(session, "search", entry.words, DEFAULT_HISTORY)]

    def _missed(self, session: Session, _: c.Missed) -> list[Outcome]:
        if not session.named:
            return _refuse(session, "not-named", session.nick)
        return [self._lookup(session, "missed", "", self.rules.history_lines)]

    def _lookup(self, session: Session, kind: e.RecallKind, words: str, count: int) -> Lookup:
        most = min(count, self.rules.history_lines)
        return Lookup(session, kind, session.room.name, words, most)

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
        c.History: _history,
        c.Search: _search,
        c.Missed: _missed,
        c.Help: _help,
        c.Quit: _quit,
        c.Refuse: _refused,
    }


def _refuse(session: Session, problem: str, value: str = "") -> list[Outcome]:
    # Only the one who sent it sees it, but even that only made safe.
    return [Delivery(session.alone, e.Refused(problem, make_safe(value)))]
