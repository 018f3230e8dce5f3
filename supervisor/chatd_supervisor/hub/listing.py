"""Which rooms there are, and who is in them: LIST, NAMES."""

from collections.abc import Callable
from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.rooming import names_of
from chatd_supervisor.hub.sight import is_open, rooms_for, sees_room
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.masks import matcher
from chatd_workers.names import fold

MOST_NAMES: Final = 1000
"""People after which NAMES of all rooms begins no other room: nobody is to be told of thousands
who has not asked for one of their rooms."""

MINUTE: Final = 60_000_000

_CONDITIONS: Final[dict[str, Callable[[Room, int, int], bool]]] = {
    ">": lambda room, number, _: len(room.members) > number,
    "<": lambda room, number, _: len(room.members) < number,
    "C>": lambda room, number, now: now - room.record.created > number * MINUTE,
    "C<": lambda room, number, now: now - room.record.created < number * MINUTE,
    "T>": lambda room, number, now: bool(room.topic) and _age(room, now) > number * MINUTE,
    "T<": lambda room, number, now: bool(room.topic) and _age(room, now) < number * MINUTE,
}
"""Whether a room meets a condition, by its number and the time. ELIST tokens U, C and T (Modern,
"ELIST Parameter"): made, or given its topic, more or less than so many minutes ago."""


def _list(hub: Core, session: Session, entry: c.ListRooms) -> None:
    wanted = [matcher(mask) for mask in entry.masks if not mask.startswith("!")]
    unwanted = [matcher(mask[1:]) for mask in entry.masks if mask.startswith("!")]
    conditions = [(_CONDITIONS[sign], number) for sign, number in entry.conditions]
    hub.numeric(session, "RPL_LISTSTART", "Channel")
    for room in rooms_for(hub, session):
        name = room.name
        if (
            is_open(room)
            and (not wanted or any(match(name) for match in wanted))
            and not any(match(name) for match in unwanted)
            and all(met(room, number, hub.now) for met, number in conditions)
        ):
            hub.numeric(session, "RPL_LIST", name, str(len(room.members)), room.topic)
    hub.numeric(session, "RPL_LISTEND")


def _age(room: Room, now: int) -> int:
    """Return how long ago the topic was set."""
    return now - room.record.topic_at


def _names(hub: Core, session: Session, entry: c.ListNames) -> None:
    if not entry.rooms:
        _all_names(hub, session)
    for name in entry.rooms:
        room = hub.rooms.get(fold(name))
        if room is not None and sees_room(hub, session, room):
            hub.reply(session, names_of(session, room))
        else:
            # The same answer, whether it is secret, not there, or cannot be.
            hub.reply(session, e.NamesListed(session.to, name, "", ()))


def _all_names(hub: Core, session: Session) -> None:
    told = 0
    for room in rooms_for(hub, session):
        if told >= MOST_NAMES:
            break
        if room.members:
            hub.reply(session, names_of(session, room, more=True))
            told += len(room.members)
    hub.reply(session, e.NamesListed(session.to, "*", "", ()))


ACTIONS: Final[dict[type, Action]] = {
    c.ListRooms: _list,
    c.ListNames: _names,
}
