"""Coming into rooms and leaving them, and their topics."""

from typing import Final

from chatd_supervisor.hub.coming import announce_join
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.recalling import show_past
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import LOBBY, fold, is_room, is_safe


def _join(hub: Core, session: Session, entry: c.Join) -> None:
    """Go to another room: for those who are in one at a time."""
    name = entry.room
    room = hub.rooms.get(fold(name))
    if room is not None and session.id in room.members:
        hub.refuse(session, "already-there", room.name)
        return
    problem = None if room is not None else room_problem(hub, name)
    if problem is not None:
        hub.refuse(session, *problem)
        return
    _move(hub, session, room.name if room is not None else name)


def room_problem(hub: Core, name: str) -> tuple[str, str] | None:
    """Return why there cannot be a new room ``name``; None if there can."""
    if hub.rules.channel_length and len(name) > hub.rules.channel_length:
        return "room-too-long", str(hub.rules.channel_length)
    if not is_room(name):
        return "room-invalid", name
    if hub.rules.max_rooms and len(hub.rooms) >= hub.rules.max_rooms:
        return "rooms-full", str(hub.rules.max_rooms)
    return None


def _leave(hub: Core, session: Session, _: c.Leave) -> None:
    if session.room is hub.lobby:
        hub.refuse(session, "in-lobby", hub.lobby.name)
    else:
        _move(hub, session, LOBBY)


def _move(hub: Core, session: Session, name: str) -> None:
    leave(hub, session, session.room, f"went to {name}")
    room = enter(hub, session, name)
    others = room.nicks(but=session)
    hub.reply(session, e.Entered(room.name, room.topic, others, len(room.members)))
    show_past(hub, session, room)


def enter(hub: Core, session: Session, name: str) -> Room:
    """Let ``session`` into the room called ``name``, and tell those who are there; return it.

    Whoever makes a room is its operator.
    """
    status = "" if fold(name) in hub.rooms else "o"
    stamp = hub.change_in(session, name, "join", status=status, created=hub.now)
    room = hub.rooms[fold(name)]
    announce_join(hub, session, room, stamp)
    return room


def leave(hub: Core, session: Session, room: Room, reason: str) -> None:
    """Let ``session`` out of ``room``, and tell those who stay."""
    onlookers = hub.onlookers(room)
    stamp = hub.change_in(session, room, "part", reason)
    hub.tell(onlookers, e.Left(session.source, room.name, reason, stamp), but=session)


def _topic(hub: Core, session: Session, entry: c.Topic) -> None:
    room = session.rooms.get(fold(entry.room)) if entry.room else session.room
    if room is None:
        hub.refuse(session, "not-in-room", entry.room)
        return
    if entry.text is None:
        _show_topic(hub, session, room)
        return
    if hub.rules.topic_length and len(entry.text) > hub.rules.topic_length:
        hub.refuse(session, "topic-too-long", str(hub.rules.topic_length))
        return
    if not is_safe(entry.text):
        hub.refuse(session, "text-unsafe")
        return
    source = session.source
    stamp = hub.change_in(
        session,
        room,
        "topic",
        entry.text,
        topic_by=f"{source.nick}!{source.user}@{source.host}",
        topic_at=hub.now,
    )
    hub.tell(room.audience(), e.TopicChanged(source, room.name, entry.text, stamp))


def _show_topic(hub: Core, session: Session, room: Room) -> None:
    record = room.record
    shown = e.TopicShown(room.name, room.topic, session.to, record.topic_by, record.topic_at)
    hub.reply(session, shown)


ACTIONS: Final[dict[type, Action]] = {
    c.Join: _join,
    c.Leave: _leave,
    c.Topic: _topic,
}
