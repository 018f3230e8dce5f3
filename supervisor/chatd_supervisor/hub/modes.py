"""Modes: what a room or a person is set to (MODE, ``/mode``). Rooms' are in ``room_modes``.

The table of modes is that of ``dialects.irc.modes``; what they do is decided where it is done, by
``permissions`` above all.
"""

from typing import Final

from chatd_supervisor.hub import room_modes
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.sight import sees_room
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.modes import USER_MODES, write_modes
from chatd_workers.names import fold

OWN: Final = frozenset("BRTgiw")
"""Modes of a person that are its own to set and unset."""

DROPPED: Final = frozenset("o")
"""Modes of a person that it can only unset."""


def _mode(hub: Core, session: Session, entry: c.Mode) -> None:
    target = entry.target
    if target.startswith("#") or (not target and hub.knows_one_room(session)):
        room = session.room if not target else hub.rooms.get(fold(target))
        if room is None or not sees_room(hub, session, room):
            hub.refuse(session, "room-unknown", target)
        elif entry.changes:
            room_modes.change(hub, session, room, entry.changes)
        else:
            room_modes.show(hub, session, room)
    elif fold(target) != fold(session.nick):
        known = hub.find(target) is not None
        hub.refuse(session, *(("users-dont-match",) if known else ("nick-unknown", target)))
    elif entry.changes:
        _change_own(hub, session, entry.changes)
    else:
        hub.numeric(session, "RPL_UMODEIS", f"+{session.record.modes}")


def _change_own(hub: Core, session: Session, changes: list[c.ModeChange]) -> None:
    modes = set(session.record.modes)
    made = []
    unknown = dict.fromkeys(each.letter for each in changes if each.letter not in USER_MODES)
    for letter in unknown:
        hub.refuse(session, "unknown-user-mode", letter)
    for change in changes:
        letter = change.letter
        allowed = letter in OWN or (letter in DROPPED and not change.add)
        if allowed and (letter in modes) != change.add:
            modes ^= {letter}
            made.append(c.ModeChange(change.add, letter))
    if not made:
        return
    fields = {"modes": "".join(sorted(modes))}
    if "o" not in modes and session.record.operator:
        fields["operator"] = ""
    stamp = hub.change(session, "user-mode", " ".join(write_modes(made)), **fields)
    told = tuple(("-+"[change.add], change.letter, "") for change in made)
    hub.reply(session, e.ModesChanged(session.source, session.nick, told, stamp))


ACTIONS: Final[dict[type, Action]] = {c.Mode: _mode}
