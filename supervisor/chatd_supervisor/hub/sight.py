"""What a client may see of rooms and of people: decided here, for all commands and dialects.

A secret room (``+s``) is seen by its members; whoever else asks for it is told what it would be
told of a room that is not there (``find_room``). Two things tell nevertheless: JOIN, for no room
can be made twice; and a room without ``+n`` takes lines from outside, as its operators wished.

An invisible person (``+i``) is found by whoever knows the nick, and seen by those who share a room.
Operators of the server with the privilege ``see-all`` see everything.
"""

from collections.abc import Iterator

from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.permissions import may
from chatd_supervisor.rooms import Room, Session
from chatd_workers.names import fold


def sees_room(hub: Core, session: Session, room: Room) -> bool:
    """Tell whether ``room`` is there for ``session``."""
    return not room.is_secret or session.id in room.members or may(hub, session, "see-all")


def find_room(hub: Core, session: Session, name: str) -> Room | None:
    """Return the room called ``name``; None if there is none for ``session``."""
    room = hub.rooms.get(fold(name))
    return room if room is not None and sees_room(hub, session, room) else None


def sees_person(hub: Core, session: Session, other: Session) -> bool:
    """Tell whether ``session`` is shown ``other`` when it asks for many, or for a room's people."""
    return (
        "i" not in other.record.modes
        or other is session
        or not session.rooms.keys().isdisjoint(other.rooms)
        or may(hub, session, "see-all")
    )


def is_open(room: Room) -> bool:
    """Tell whether ``room`` is one for people who look for rooms: not an empty one, except kept."""
    return bool(room.members or room.record.founder)


def rooms_for(hub: Core, session: Session) -> Iterator[Room]:
    """Yield the rooms that ``session`` sees."""
    return (room for room in hub.rooms.values() if sees_room(hub, session, room))


def rooms_of(hub: Core, session: Session, other: Session) -> Iterator[Room]:
    """Yield the rooms of ``other`` that ``session`` sees it in."""
    everything = other is session or may(hub, session, "see-all")
    hidden = "i" in other.record.modes
    for room in other.rooms.values():
        public = not hidden and not room.is_secret
        if everything or public or session.id in room.members:
            yield room
