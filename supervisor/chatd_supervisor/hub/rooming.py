"""Coming into rooms and leaving them, and their topics."""

from typing import Any, Final

from chatd_supervisor.hub.coming import announce_join, beginning
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.lasting import show_status, status_for
from chatd_supervisor.hub.ownership import is_mixture
from chatd_supervisor.hub.permissions import Problem, join_problem, topic_problem
from chatd_supervisor.hub.reading import show_marker
from chatd_supervisor.hub.recalling import show_past
from chatd_supervisor.hub.sight import find_room
from chatd_supervisor.lookalikes import skeletons
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import LOBBY, fold, is_passable, is_room

FIRST_MODES: Final = "nt"
"""Of a new room: only members speak, only operators set the topic."""


def _join(hub: Core, session: Session, entry: c.Join) -> None:
    """Go to another room: for those who are in one at a time."""
    name = entry.room
    room = hub.rooms.get(fold(name))
    if room is not None and session.id in room.members:
        hub.refuse(session, "already-there", room.name)
        return
    problem = _entry_problem(hub, session, name, entry.key)
    if problem is not None:
        hub.refuse(session, *problem, about=name)
        return
    if not hub.admits(session, "JOIN", hub.rules.join_rate):
        return
    _move(hub, session, room.name if room is not None else name)


def _entry_problem(hub: Core, session: Session, name: str, key: str) -> Problem:
    """Return why ``session`` cannot come into the room ``name``, or make it."""
    room = hub.rooms.get(fold(name))
    if room is None:
        return _room_problem(hub, session, name)
    return join_problem(hub, session, room, key)


def _room_problem(hub: Core, session: Session, name: str) -> Problem:
    """Return why ``session`` cannot make a room ``name``; None if it can."""
    if hub.rules.channel_length and len(name) > hub.rules.channel_length:
        return "room-too-long", str(hub.rules.channel_length)
    if not is_room(name):
        return "room-invalid", name
    if is_mixture(hub, name):
        return "room-mixed", name
    return _limit_on_rooms(hub, session) or (
        ("room-alike", name) if _looks_like_a_kept_room(hub, name) else None
    )


def _limit_on_rooms(hub: Core, session: Session) -> Problem:
    if hub.rules.max_rooms and len(hub.rooms) >= hub.rules.max_rooms:
        return "rooms-full", str(hub.rules.max_rooms)
    most = hub.rules.rooms_per_network
    if most and hub.state.rooms_from[hub.network_of(session.id)] >= most:
        return "network-rooms-full", str(most)
    return None


def _looks_like_a_kept_room(hub: Core, name: str) -> bool:
    wanted = skeletons(name)
    if any(one in hub.rooms and hub.rooms[one].is_kept for one in wanted):
        return True
    return any(
        room.is_kept and not room.key.isascii() and not wanted.isdisjoint(skeletons(room.name))
        for room in hub.rooms.values()
    )


def _leave(hub: Core, session: Session, _: c.Leave) -> None:
    if session.room is hub.lobby:
        hub.refuse(session, "in-lobby", hub.lobby.name)
    else:
        _move(hub, session, LOBBY)


def _move(hub: Core, session: Session, name: str) -> None:
    leave(hub, session, session.room, f"went to {name}")
    room = enter(hub, session, name, modes=FIRST_MODES)
    others = room.nicks(but=session)
    hub.reply(session, e.Entered(room.name, room.topic, others, len(room.members)))
    show_past(hub, session, room)


def enter(hub: Core, session: Session, name: str, *, modes: str = "") -> Room:
    """Let ``session`` into the room called ``name``, and tell those who are there; return it.

    Whoever makes a room is its operator; the room has the ``modes`` then.
    """
    room = hub.rooms.get(fold(name))
    given = status_for(session, room) if room is not None else ""
    if room is None:
        fields: dict[str, Any] = {"status": "o", "created": hub.now, "modes": modes}
        if network := hub.network_of(session.id):
            fields["network"] = network
        stamp = hub.change_in(session, name, "join", **fields)
        room = hub.rooms[fold(name)]
    else:
        fields = {"status": given} if given else {}
        stamp = hub.change_in(session, name, "join", **(fields | beginning(hub, room)))
    announce_join(hub, session, room, stamp)
    if given:
        show_status(hub, session, room, stamp)
    return room


def leave(hub: Core, session: Session, room: Room, reason: str) -> None:
    """Let ``session`` out of ``room``, and tell those who stay."""
    onlookers = hub.onlookers(room)
    stamp = hub.change_in(session, room, "part", reason)
    left = e.Left(session.source, room.name, reason, stamp)
    if not hub.knows_one_room(session):
        hub.reply(session, left)
    hub.tell(onlookers, left, but=session)


def _enter(hub: Core, session: Session, entry: c.Enter) -> None:
    """Come into rooms: for those who may be in many."""
    keys = entry.keys + [""] * (len(entry.rooms) - len(entry.keys))
    for name, key in zip(entry.rooms, keys, strict=False):
        room = hub.rooms.get(fold(name))
        if room is not None and session.id in room.members:
            continue
        most = hub.rules.rooms_per_client
        if most and len(session.rooms) >= most:
            hub.refuse(session, "too-many-rooms", name)
            continue
        problem = _entry_problem(hub, session, name, key)
        if problem is not None:
            hub.refuse(session, problem[0], problem[1], name)
            continue
        if not hub.admits(session, "JOIN", hub.rules.join_rate):
            return
        _enter_one(hub, session, room.name if room else name)


def _enter_one(hub: Core, session: Session, name: str) -> None:
    room = enter(hub, session, name, modes=FIRST_MODES)
    if room.topic:
        _show_topic(hub, session, room, joining=True)
    show_marker(hub, session, room.name)
    hub.reply(session, names_of(session, room, implicit=True))
    show_past(hub, session, room)


def _part(hub: Core, session: Session, entry: c.Part) -> None:
    reason = entry.reason if is_passable(entry.reason) else ""
    for name in entry.rooms:
        room = session.rooms.get(fold(name))
        if room is not None:
            leave(hub, session, room, reason)
        else:
            _refuse_outside(hub, session, name)


def _leave_all(hub: Core, session: Session, _: c.LeaveAll) -> None:
    for room in list(session.rooms.values()):
        leave(hub, session, room, "")


def names_of(
    session: Session, room: Room, *, implicit: bool = False, more: bool = False
) -> e.NamesListed:
    """Return who is in ``room``, for ``session``; whoever is not in it sees nobody invisible."""
    inside = session.id in room.members
    members = [
        e.Member(m.nick, m.record.user, m.record.host, m.status(room))
        for m in room.members.values()
        if inside or "i" not in m.record.modes
    ]
    visibility = "@" if "s" in room.record.modes else "="
    return e.NamesListed(session.to, room.name, visibility, tuple(members), implicit, more)


def _topic(hub: Core, session: Session, entry: c.Topic) -> None:
    room = hub.room_of(session, entry.room)
    if room is None:
        _refuse_outside(hub, session, entry.room)
        return
    if entry.text is None:
        _show_topic(hub, session, room)
        return
    text = entry.text
    if hub.rules.topic_length and not hub.knows_one_room(session):
        text = text[: hub.rules.topic_length]  # TOPICLEN says so, and nobody is told
    problem = _topic_problem(hub, session, room, text)
    if problem is not None:
        hub.refuse(session, *problem)
        return
    source = session.source
    stamp = hub.change_in(
        session,
        room,
        "topic",
        text,
        topic_by=f"{source.nick}!{source.user}@{source.host}",
        topic_at=hub.now,
    )
    hub.tell(room.audience(), e.TopicChanged(source, room.name, text, stamp))


def _refuse_outside(hub: Core, session: Session, name: str) -> None:
    """Tell ``session`` that it is not in the room called ``name``, if there is one for it."""
    known = find_room(hub, session, name) is not None
    hub.refuse(session, "not-in-room" if known else "room-unknown", name)


def _topic_problem(hub: Core, session: Session, room: Room, text: str) -> Problem:
    if hub.rules.topic_length and len(text) > hub.rules.topic_length:
        return "topic-too-long", str(hub.rules.topic_length)
    if not is_passable(text):
        return "text-unsafe", ""
    return topic_problem(hub, session, room)


def _show_topic(hub: Core, session: Session, room: Room, *, joining: bool = False) -> None:
    record = room.record
    shown = e.TopicShown(
        room.name, room.topic, session.to, record.topic_by, record.topic_at, joining
    )
    hub.reply(session, shown)


ACTIONS: Final[dict[type, Action]] = {
    c.Join: _join,
    c.Leave: _leave,
    c.Topic: _topic,
    c.Enter: _enter,
    c.Part: _part,
    c.LeaveAll: _leave_all,
}
