"""Which rooms there are, and who is in them: LIST, NAMES."""

from collections.abc import Callable, Collection, Iterable
from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.rooming import names_of
from chatd_supervisor.hub.sight import is_open, rooms_for, sees_room
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.masks import finder, is_mask
from chatd_workers.names import fold

MOST_NAMES: Final = 1000
"""People after which NAMES, of some rooms or of all, begins no other room: nobody is to be told of
thousands who has not asked for one of their rooms."""

MINUTE: Final = 60_000_000

MOST_MASKS: Final = 10
"""Masks with wildcards in one LIST, beside any number of names;"""
MAX_MASKS: Final = 256
"""and how long they may be together. They are made into one, and all rooms are looked at."""

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
    masks = dict.fromkeys(entry.masks)
    patterns = [mask for mask in masks if is_mask(mask)]
    if len(patterns) > MOST_MASKS or sum(map(len, patterns)) > MAX_MASKS:
        hub.refuse(session, "too-many-targets", patterns[-1])
        hub.reply(session, e.RoomsListed((), 0, session.to))
        return
    wanted = _meant_by([mask for mask in masks if not mask.startswith("!")])
    unwanted = _meant_by([mask[1:] for mask in masks if mask.startswith("!")])
    conditions = _strictest(entry.conditions)
    found = tuple(
        (room.name, len(room.members), room.topic)
        for room in rooms_for(hub, session)
        if is_open(room)
        and (wanted is None or wanted(room.key))
        and (unwanted is None or not unwanted(room.key))
        and all(met(room, number, hub.now) for met, number in conditions)
    )
    hub.reply(session, e.RoomsListed(found, len(found), session.to))


def _meant_by(masks: Collection[str]) -> Callable[[str], object] | None:
    """Return what tells whether a folded name is meant by any of ``masks``; None if there is none.

    It takes as long for many names without wildcards as for one.
    """
    if not masks:
        return None
    names = frozenset(fold(mask) for mask in masks if not is_mask(mask))
    patterns = [mask for mask in masks if is_mask(mask)]
    if not patterns:
        return names.__contains__
    find = finder(patterns)
    return lambda name: name in names or find(name)


def _strictest(
    conditions: Iterable[tuple[str, int]],
) -> list[tuple[Callable[[Room, int, int], bool], int]]:
    """Return one condition of each kind, from which the others of its kind follow."""
    strictest: dict[str, int] = {}
    for sign, number in conditions:
        stricter = max if sign.endswith(">") else min
        strictest[sign] = stricter(number, strictest.get(sign, number))
    return [(_CONDITIONS[sign], number) for sign, number in strictest.items()]


def _age(room: Room, now: int) -> int:
    """Return how long ago the topic was set."""
    return now - room.record.topic_at


def _names(hub: Core, session: Session, entry: c.ListNames) -> None:
    if not entry.rooms:
        _all_names(hub, session)
    told = 0
    for key, name in {fold(name): name for name in entry.rooms}.items():
        if told >= MOST_NAMES:
            hub.refuse(session, "too-many-targets", name)
            return
        room = hub.rooms.get(key)
        if room is not None and sees_room(hub, session, room):
            hub.reply(session, names_of(session, room))
            told += len(room.members)
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
