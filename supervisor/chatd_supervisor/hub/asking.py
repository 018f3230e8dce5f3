"""Questions of the text dialect."""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.sight import rooms_for, sees_room
from chatd_supervisor.rooms import MAX_LISTED, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold
from chatd_workers.problems import PROBLEMS


def _who(hub: Core, session: Session, entry: c.Who) -> None:
    room = hub.rooms.get(fold(entry.room)) if entry.room else session.room
    if room is None or not sees_room(hub, session, room):
        hub.refuse(session, "room-unknown", entry.room)
        return
    hub.reply(session, e.Members(room.name, room.nicks(), len(room.members)))


def _rooms(hub: Core, session: Session, _: c.Rooms) -> None:
    rooms = list(rooms_for(hub, session))
    some = tuple((room.name, len(room.members), room.topic) for room in rooms[:MAX_LISTED])
    hub.reply(session, e.RoomsListed(some, len(rooms)))


def _help(hub: Core, session: Session, _: c.Help) -> None:
    hub.reply(session, e.Helped())


def _refused(hub: Core, session: Session, entry: c.Refuse) -> None:
    if entry.problem in PROBLEMS:
        hub.refuse(session, entry.problem, entry.value, entry.about)


ACTIONS: Final[dict[type, Action]] = {
    c.Who: _who,
    c.Rooms: _rooms,
    c.Help: _help,
    c.Refuse: _refused,
}
