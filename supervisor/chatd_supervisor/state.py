"""Sessions, nicks and rooms: the state that the facts of the journal make, and nothing else does.

``State.apply`` lets a fact have happened. The hub calls it with each fact as it decides it, and a
master that reads a journal calls it with the same facts again, so both come to the same state. No
rule is asked here: what is in the journal has happened.

What each kind of fact does:

===========  ==========================================================================
``arrive``   a session of dialect ``text`` is there, as its data say; if there is a
             ``nick`` it is called so, if there is a ``room`` it comes into it, and that was
             ``created`` then if it was not before
``depart``   it is no more
``nick``     it is called ``text``, by its own choice; data: its ``former`` nicks, if they change
``join``     it comes into ``room``, which is made if there is none; data: its ``status``
             there; if it is made, when it was ``created``, its ``modes``, and the
             ``network`` that it counts for
``part``     it leaves ``room``
``kick``     data: ``session`` is put out of ``room``; the text is its nick and the reason
``status``   data: ``session`` has the ``status`` in ``room``
``topic``    the topic of ``room`` is ``text``; data: ``topic_by`` whom, ``topic_at`` when
``mode``     data: ``fields`` of the record of ``room``; ``masks``, by list, that are added (who,
             when) or removed (null); ``seats``, the status of members by their number
``keep``, ``access``   data: fields of the record of ``room``
``ban``      data: an entry of the lists of who is kept out (``bans``)
``unban``    the one of those that is found by ``text`` is no more
in TALK      nothing
others       data: fields of the session's record
===========  ==========================================================================

A room but the lobby is gone with its last member, unless somebody has had it kept.
"""

from collections import Counter
from collections.abc import Callable
from typing import ClassVar, Final

import msgspec

from chatd_supervisor.bans import Ban, Bans
from chatd_supervisor.journal import Fact, Snapshot
from chatd_supervisor.records import (
    RoomRecord,
    Seat,
    SessionRecord,
    Setting,
    change,
    decode_ban,
    decode_room,
    decode_session,
    encode,
    fields_of,
)
from chatd_supervisor.rooms import Room, Session
from chatd_supervisor.watchers import Watchers
from chatd_workers.names import LOBBY, fold

TALK: Final = frozenset(
    {
        *("say", "act", "notice", "tag"),
        *("say-status", "act-status", "notice-status"),
        *("tell", "tell-act", "tell-notice", "tell-tag"),
        *("read", "seal", "forgotten"),
    }
)
"""Kinds of facts that change nothing. ``tell`` and the like are to one person, those with
``status`` to some members of a room only: history does not show them to the others. ``read``: up to
when somebody has read something (``journal.strands``). ``seal``: the past of a room is for nobody
who comes into it later. ``forgotten``: what it was is forgotten."""

_ROOM_CHANGES: Final = frozenset({"keep", "access"})

LOBBY_MODES: Final = "n"
"""Of the lobby, which nobody has made: only who is in may speak."""


class State:
    """All sessions, nicks and rooms."""

    def __init__(self) -> None:
        self.sessions: dict[int, Session] = {}
        self.nicks: dict[str, Session] = {}
        self.lobby = Room(RoomRecord(name=LOBBY, modes=LOBBY_MODES))
        self.rooms: dict[str, Room] = {self.lobby.key: self.lobby}
        # How many guests have been given a nick, ever.
        self.guests = 0
        # How many of the sessions have registered, and who of them wants to be told of whom: both
        # follow from the records.
        self.registered = 0
        self.watchers = Watchers()
        self.bans = Bans()
        # Counts comings into rooms and makings of rooms: their order, when it is written down.
        self._order = 0
        # How many rooms there are by the network that each was made from.
        self.rooms_from: Counter[str] = Counter()
        # Rooms that are no more, for the hub, which empties it.
        self.ended: list[Room] = []
        # What is to be written down, since changes were last taken.
        self._touched: dict[int, Session] = {}
        self._touched_rooms: dict[str, Room] = {}
        self._touched_bans: set[str] = set()

    @classmethod
    def restored(cls, snapshot: Snapshot) -> "State":
        """Return the state that was written down as ``snapshot``."""
        state = cls()
        records = [decode_room(stored) for stored in snapshot.rooms]
        for record in sorted(records, key=lambda record: record.made):
            room = Room(record)
            if room.key == state.lobby.key:
                state.lobby = room
            state.rooms[room.key] = room
            state._count(room, 1)
            state._order = max(state._order, record.made)
        seats: list[tuple[int, Session, Room]] = []
        for stored in snapshot.sessions:
            if stored.record is None:
                continue
            arrival = stored.arrival
            session = Session(arrival.session, arrival.dialect, decode_session(stored.record))
            state.sessions[session.id] = session
            state.registered += session.record.registered
            state.watchers.renew(session)
            if session.nick:
                state.nicks[fold(session.nick)] = session
            for key, seat in session.record.seats.items():
                seats.append((seat.joined, session, state.rooms[key]))
        for joined, session, room in sorted(seats, key=lambda seat: seat[0]):
            session.rooms[room.key] = room
            room.add(session)
            state._order = max(state._order, joined)
        state.guests = snapshot.guests
        for ban in snapshot.bans:
            state.bans.set(decode_ban(ban))
        return state

    def apply(self, fact: Fact) -> None:
        """Let ``fact`` have happened. Raises KeyError if it speaks of a session that is not there.

        Facts that change nothing here (what was said) need not be given.
        """
        kind = fact.kind
        if kind in TALK:
            return
        action = self._ACTIONS.get(kind)
        if action is not None:
            action(self, fact)
        elif kind in _ROOM_CHANGES:
            self._change_room(fact)
        else:
            self._change(fact)

    def _arrive(self, fact: Fact) -> None:
        record = SessionRecord()
        fields = fields_of(fact.data)
        created = fields.pop("created", 0)
        change(record, fields)
        session = self.sessions[fact.session] = Session(fact.session, fact.text, record)
        self._touched[session.id] = session
        self.registered += record.registered
        if fact.nick:
            self.guests += 1
            record.nick = fact.nick
            self.nicks[fold(fact.nick)] = session
        if fact.room:
            self._enter(session, self._room(fact.room, created), "")

    def _depart(self, fact: Fact) -> None:
        session = self.sessions.pop(fact.session)
        self.registered -= session.record.registered
        self.watchers.forget(session)
        if session.nick:
            del self.nicks[fold(session.nick)]
        for room in list(session.rooms.values()):
            self._exit(session, room)
        self._touched.pop(session.id, None)

    def _rename(self, fact: Fact) -> None:
        session = self._touch(fact.session)
        if session.nick:
            del self.nicks[fold(session.nick)]
        session.record.nick = fact.text
        session.record.named = True
        change(session.record, {k: v for k, v in fields_of(fact.data).items() if k == "former"})
        session.renew()
        self.nicks[fold(session.nick)] = session

    def _join(self, fact: Fact) -> None:
        fields = fields_of(fact.data)
        session = self.sessions[fact.session]
        made = (fields.get(name, "") for name in ("modes", "network"))
        room = self._room(fact.room, fields.get("created", 0), *made)
        self._enter(session, room, fields.get("status", ""))

    def _part(self, fact: Fact) -> None:
        self._exit(self.sessions[fact.session], self.rooms[fold(fact.room)])

    def _kick(self, fact: Fact) -> None:
        kicked = self.sessions[fields_of(fact.data)["session"]]
        self._exit(kicked, self.rooms[fold(fact.room)])

    def _set_status(self, fact: Fact) -> None:
        fields = fields_of(fact.data)
        session = self._touch(fields["session"])
        session.record.seats[fold(fact.room)].status = fields["status"]

    def _set_modes(self, fact: Fact) -> None:
        data = fields_of(fact.data)
        room = self._touched_rooms[fold(fact.room)] = self.rooms[fold(fact.room)]
        change(room.record, data.get("fields", {}))
        for name, entries in data.get("masks", {}).items():
            masks = getattr(room.record, name)
            for mask, setting in entries.items():
                if setting is None:
                    masks.pop(mask, None)
                else:
                    masks[mask] = Setting(*setting)
        for number, status in data.get("seats", {}).items():
            self._touch(int(number)).record.seats[room.key].status = status

    def _set_topic(self, fact: Fact) -> None:
        fields = fields_of(fact.data)
        room = self._touched_rooms[fold(fact.room)] = self.rooms[fold(fact.room)]
        room.record.topic = fact.text
        room.record.topic_by = fields.get("topic_by", "")
        room.record.topic_at = fields.get("topic_at", 0)

    def _ban(self, fact: Fact) -> None:
        ban = msgspec.convert(fields_of(fact.data), Ban)
        self.bans.set(ban)
        self._touched_bans.add(ban.key)

    def _unban(self, fact: Fact) -> None:
        self.bans.remove(fact.text)
        self._touched_bans.add(fact.text)

    def _change_room(self, fact: Fact) -> Room:
        room = self.rooms[fold(fact.room)]
        change(room.record, fields_of(fact.data))
        self._touched_rooms[room.key] = room
        self._settle(room)
        return room

    def _change(self, fact: Fact) -> None:
        session = self._touch(fact.session)
        record = session.record
        registered, monitored = record.registered, record.monitored
        change(record, fields_of(fact.data))
        self.registered += record.registered - registered
        if record.monitored is not monitored:
            self.watchers.renew(session, monitored)
        view = session.view
        session.renew()
        if session.view != view:
            for room in session.rooms.values():
                room.renew()

    def _touch(self, number: int) -> Session:
        session = self._touched[number] = self.sessions[number]
        return session

    def _room(self, name: str, created: int = 0, modes: str = "", network: str = "") -> Room:
        key = fold(name)
        room = self.rooms.get(key)
        if room is None:
            self._order += 1
            record = RoomRecord(
                name=name, made=self._order, created=created, modes=modes, network=network
            )
            room = self.rooms[key] = self._touched_rooms[key] = Room(record)
            self._count(room, 1)
        elif created and not room.record.created:
            room.record.created = created  # the lobby, which is there before anybody comes
            self._touched_rooms[key] = room
        return room

    def _enter(self, session: Session, room: Room, status: str) -> None:
        room.add(session)
        session.rooms[room.key] = room
        self._order += 1
        session.record.seats[room.key] = Seat(self._order, status)
        session.record.invitations.pop(room.key, None)
        self._touched[session.id] = session

    def _exit(self, session: Session, room: Room) -> None:
        room.remove(session)
        del session.rooms[room.key]
        del session.record.seats[room.key]
        self._touched[session.id] = session
        self._settle(room)

    def _settle(self, room: Room) -> None:
        """Let ``room`` go if nothing keeps it."""
        if not room.members and not room.is_kept:
            del self.rooms[room.key]
            self._count(room, -1)
            self._touched_rooms[room.key] = room
            self.ended.append(room)

    def _count(self, room: Room, number: int) -> None:
        """Count ``room`` as there, or as gone, for the network that it was made from."""
        network = room.record.network
        if network:
            self.rooms_from[network] += number
            if not self.rooms_from[network]:
                del self.rooms_from[network]

    # A dict of functions, not methods: looked up once a fact.
    _ACTIONS: ClassVar[dict[str, Callable[["State", Fact], object]]] = {
        "arrive": _arrive,
        "depart": _depart,
        "nick": _rename,
        "join": _join,
        "part": _part,
        "kick": _kick,
        "status": _set_status,
        "mode": _set_modes,
        "topic": _set_topic,
        "ban": _ban,
        "unban": _unban,
    }

    def take_changes(self) -> tuple[list[tuple[int, str]], list[tuple[str, str]], list[str]]:
        """Return what has changed since the last call.

        Sessions (number, record as JSON), rooms (folded name, record as JSON), and folded names of
        rooms that are no more. Sessions that have gone are not told of here.
        """
        if not self._touched and not self._touched_rooms:
            return [], [], []
        sessions = [(number, encode(s.record)) for number, s in self._touched.items()]
        rooms = []
        gone = []
        for key, room in self._touched_rooms.items():
            if self.rooms.get(key) is room:
                rooms.append((key, encode(room.record)))
            elif key not in self.rooms:
                gone.append(key)
        self._touched = {}
        self._touched_rooms = {}
        return sessions, rooms, gone

    def take_bans(self) -> list[tuple[str, str | None]]:
        """Return the bans that have changed since the last call: key, and JSON; None: it ended."""
        if not self._touched_bans:
            return []
        touched, self._touched_bans = self._touched_bans, set()
        known = self.bans.entries
        return [(key, encode(known[key]) if key in known else None) for key in sorted(touched)]
