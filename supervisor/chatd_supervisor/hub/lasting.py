"""Rooms that last: whoever has an account can have a room kept, and say what others are in it.

A room that is kept has a founder, an account, and a list of accounts that have a status in it
whenever they come (the founder is its operator). It stays, with modes, topic and lists, when
nobody is in it.
"""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.permissions import may, operator_problem
from chatd_supervisor.hub.sight import sees_room
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.modes import write_modes
from chatd_workers.names import fold

STATUSES: Final = ("", "o", "v")
"""What can be given."""

EVERYWHERE: Final = "rooms"
"""The privilege of operators of the server that takes the place of being founder."""


def status_for(session: Session, room: Room) -> str:
    """Return the status that ``session`` is given in ``room``; empty: none."""
    account = fold(session.record.account)
    if not account:
        return ""
    if account == fold(room.record.founder):
        return "o"
    return room.record.access.get(account, "")


def show_status(hub: Core, session: Session, room: Room, stamp: e.Stamp) -> None:
    """Tell those in ``room`` which status ``session`` has been given on coming in, if any."""
    changes = tuple(("+", letter, session.nick) for letter in session.status(room))
    event = e.ModesChanged(None, room.name, changes, e.Stamp(stamp.time))
    hub.reply(session, event)
    hub.tell(hub.onlookers(room), event, but=session)


def restore(hub: Core, session: Session) -> None:
    """Give ``session``, which has just logged in, its status in the rooms that it is in."""
    for room in session.rooms.values():
        given = status_for(session, room)
        if given and given not in session.status(room):
            _seat(hub, None, room, session, _ordered(given + session.status(room)))


def disown(hub: Core, account: str) -> None:
    """Let nothing be left in any room of ``account``, which is no more, or is somebody else's."""
    folded = fold(account)
    for room in list(hub.rooms.values()):
        record = room.record
        if record.founder and fold(record.founder) == folded:
            hub.happen(Fact(0, "", room.name, "keep", "", data_of(_RELEASED)))
        elif folded in record.access:
            access = {name: status for name, status in record.access.items() if name != folded}
            hub.happen(Fact(0, "", room.name, "access", "", data_of({"access": access})))


_RELEASED: Final = {"founder": "", "access": {}}


def _find(hub: Core, session: Session, name: str) -> Room | None:
    """Return the room that is meant: the present one if ``name`` is empty, and none in secret."""
    if not name:
        return hub.room_of(session, "")
    room = hub.rooms.get(fold(name))
    if room is None or not (sees_room(hub, session, room) or status_for(session, room)):
        return None
    return room


def _claim(hub: Core, session: Session, entry: c.ClaimRoom) -> None:
    room = _find(hub, session, entry.room)
    if room is None:
        hub.refuse(session, "room-unknown", entry.room)
    elif entry.keep:
        _keep(hub, session, room)
    else:
        _release(hub, session, room)


def _keep(hub: Core, session: Session, room: Room) -> None:
    account = session.record.account
    founder = room.record.founder
    problem = operator_problem(hub, session, room)
    if not account:
        hub.refuse(session, "account-needed")
    elif founder:
        hub.refuse(session, "room-kept-already", founder, about=room.name)
    elif problem is not None:
        hub.refuse(session, *problem)
    elif _owns_enough(hub, account):
        hub.refuse(session, "kept-rooms-full", account)
    else:
        hub.change_in(session, room, "keep", account, founder=account)
        hub.inform(session, "room-kept", account, about=room.name)


def _owns_enough(hub: Core, account: str) -> bool:
    most = hub.rules.kept_rooms_per_account
    owned = sum(fold(room.record.founder) == fold(account) for room in hub.rooms.values())
    return bool(most) and owned >= most


def _release(hub: Core, session: Session, room: Room) -> None:
    problem = _founder_problem(hub, session, room)
    if problem is not None:
        hub.refuse(session, problem, room.name)
        return
    name = room.name
    hub.change_in(session, room, "keep", "", **_RELEASED)
    hub.inform(session, "room-released", name)


def _founder_problem(hub: Core, session: Session, room: Room) -> str | None:
    founder = room.record.founder
    if not founder:
        return "room-not-kept"
    if fold(founder) == fold(session.record.account) or may(hub, session, EVERYWHERE):
        return None
    return "not-founder"


def _grant(hub: Core, session: Session, entry: c.Grant) -> None:
    room = _find(hub, session, entry.room)
    if room is None:
        hub.refuse(session, "room-unknown", entry.room)
        return
    problem = _founder_problem(hub, session, room)
    if problem is not None:
        hub.refuse(session, problem, room.name)
        return
    account = _account_of(hub, entry.account)
    access = room.record.access
    most = hub.rules.list_entries
    if account is None:
        hub.refuse(session, "account-unknown", entry.account)
    elif entry.status not in STATUSES:
        hub.refuse(session, "unknown-mode", entry.status)
    elif entry.status and most and len(access) >= most and fold(account) not in access:
        hub.refuse(session, "list-full", "access", about=room.name)
    else:
        _give(hub, session, room, account, entry.status)


def _account_of(hub: Core, name: str) -> str | None:
    """Return the account called ``name``, or that of who is called so."""
    account = hub.accounts.find(name)
    if account is not None:
        return account.name
    person = hub.find(name)
    return person.record.account or None if person is not None else None


def _give(hub: Core, session: Session, room: Room, account: str, status: str) -> None:
    folded = fold(account)
    access = {name: given for name, given in room.record.access.items() if name != folded}
    if status:
        access[folded] = status
    hub.change_in(session, room, "access", f"{account} {status}".rstrip(), access=access)
    notice = "access-given" if status else "access-taken"
    hub.inform(session, notice, account, about=room.name)
    for member in room.members.values():
        if fold(member.record.account) == folded:
            _seat(hub, session, room, member, status_for(member, room))


def _seat(hub: Core, by: Session | None, room: Room, member: Session, status: str) -> None:
    """Let ``member`` have ``status`` in ``room``, given by somebody, or by the server itself."""
    before = member.status(room)
    changes = [("-", letter, member.nick) for letter in before if letter not in status]
    changes += [("+", letter, member.nick) for letter in status if letter not in before]
    if not changes:
        return
    who = by or member
    # What the server does by itself is not shown again.
    text = " ".join(_written(changes)) if by is not None else ""
    data = data_of({**who.names, "session": member.id, "status": status})
    stamp = hub.happen(Fact(who.id, who.nick, room.name, "status", text, data))
    source = by.source if by is not None else None
    hub.tell(room.audience(), e.ModesChanged(source, room.name, tuple(changes), stamp))


def _written(changes: list[tuple[str, str, str]]) -> list[str]:
    return write_modes(c.ModeChange(sign == "+", letter, nick) for sign, letter, nick in changes)


def _ordered(letters: str) -> str:
    return "".join(letter for letter in "ov" if letter in letters)


ACTIONS: Final[dict[type, Action]] = {
    c.ClaimRoom: _claim,
    c.Grant: _grant,
}
