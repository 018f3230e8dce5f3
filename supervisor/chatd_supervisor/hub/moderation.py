"""Putting people out of a room, and asking them into one."""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.permissions import is_invited, operator_problem
from chatd_supervisor.hub.presence import tell_away
from chatd_supervisor.hub.recalling import show_past
from chatd_supervisor.hub.rooming import enter
from chatd_supervisor.hub.sight import sees_room
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Audience, Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import INVITE_NOTIFY
from chatd_workers.names import LOBBY, fold, is_passable

MAX_INVITATIONS: Final = 100
"""Rooms that one can be invited into at once; of more, the oldest is forgotten."""


def _meant(hub: Core, session: Session, name: str) -> Room | None:
    """Return the room called ``name``; the present one of who knows one, if it is empty.

    If there is none that ``session`` sees, it is told so.
    """
    if not name and hub.knows_one_room(session):
        return session.room
    room = hub.rooms.get(fold(name))
    if room is None or not sees_room(hub, session, room):
        hub.refuse(session, "room-unknown", name)
        return None
    return room


def _kick(hub: Core, session: Session, entry: c.Kick) -> None:
    room = _meant(hub, session, entry.room)
    if room is None:
        return
    problem = operator_problem(hub, session, room)
    if problem is None and not is_passable(entry.reason):
        problem = "text-unsafe", ""
    if problem is not None:
        hub.refuse(session, *problem)
        return
    reason = entry.reason[: hub.rules.kick_length or None]
    nicks = list({fold(nick): nick for nick in entry.nicks}.values())
    most = hub.rules.max_targets or len(nicks)
    if len(nicks) > most:
        hub.refuse(session, "too-many-targets", nicks[most])
    for nick in nicks[:most]:
        other = hub.find(nick)
        if other is None:
            hub.refuse(session, "nick-unknown", nick)
        elif other.id not in room.members:
            hub.refuse(session, "not-on-room", other.nick, room.name)
        elif room is hub.lobby and hub.knows_one_room(other):
            hub.refuse(session, "stays-in-lobby", other.nick, room.name)
        else:
            _put_out(hub, session, room, other, reason)


def _put_out(hub: Core, session: Session, room: Room, other: Session, reason: str) -> None:
    audience = room.audience()
    data = data_of({**session.names, "session": other.id})
    text = f"{other.nick} {reason}".rstrip()
    stamp = hub.happen(Fact(session.id, session.nick, room.name, "kick", text, data))
    event = e.Kicked(session.source, room.name, other.nick, reason, stamp)
    hub.tell(audience, event)
    if session not in audience.sessions:
        hub.reply(session, event)
    if hub.knows_one_room(other):
        # It has to be somewhere.
        lobby = enter(hub, other, LOBBY)
        others = lobby.nicks(but=other)
        hub.reply(other, e.Entered(lobby.name, lobby.topic, others, len(lobby.members)))
        show_past(hub, other, lobby)


def _invite(hub: Core, session: Session, entry: c.Invite) -> None:
    if not entry.nick and not entry.room:
        _list_invitations(hub, session)
        return
    room = _meant(hub, session, entry.room)
    if room is None:
        return
    problem = operator_problem(hub, session, room)
    other = hub.find(entry.nick)
    if problem is not None and session.id not in room.members:
        hub.refuse(session, *problem)
    elif other is None:
        hub.refuse(session, "nick-unknown", entry.nick)
    elif other.id in room.members:
        hub.refuse(session, "already-on-room", other.nick, room.name)
    elif problem is not None and "i" in room.record.modes:
        hub.refuse(session, *problem)
    else:
        _ask_in(hub, session, room, other, admitted=problem is None)


def _ask_in(hub: Core, session: Session, room: Room, other: Session, *, admitted: bool) -> None:
    """Ask ``other`` into ``room``; if it is ``admitted``, it may come in whatever the modes.

    Only operators admit: a ban would be worth nothing if any member could undo it.
    """
    fields = {}
    if admitted and not is_invited(other, room):
        invitations = {
            key: created for key, created in other.record.invitations.items() if key != room.key
        }
        invitations[room.key] = room.record.created
        latest = list(invitations.items())[-MAX_INVITATIONS:]
        fields["invitations"] = dict(latest)
    stamp = hub.change_in(other, room, "invited", session.nick, **fields)
    hub.inform(session, "invited", other.nick, room.name)
    tell_away(hub, session, other)
    hub.reply(other, e.Invited(session.source, other.nick, room.name, stamp))
    curious = [
        member
        for member in room.members.values()
        if member.view & INVITE_NOTIFY and member is not session
    ]
    noticed = e.Invited(session.source, other.nick, room.name, stamp, notify=True)
    hub.tell(Audience(curious), noticed)


def _list_invitations(hub: Core, session: Session) -> None:
    for key in session.record.invitations:
        room = hub.rooms.get(key)
        if room is not None and is_invited(session, room):
            hub.numeric(session, "RPL_INVITELIST", room.name)
    hub.numeric(session, "RPL_ENDOFINVITELIST")


ACTIONS: Final[dict[type, Action]] = {
    c.Kick: _kick,
    c.Invite: _invite,
}
