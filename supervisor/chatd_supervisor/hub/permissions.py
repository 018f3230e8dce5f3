"""Who may do what: each a question with one answer.

An answer is None, or the problem (``problems.PROBLEMS``) and its value.

In a room its operators may do everything. Operators of the server may do what their classes say
(``account_config.PRIVILEGES``); to come in and to speak they are subject to the modes of rooms as
anybody, which those with the privilege ``rooms`` can change.
"""

from typing import Final

import msgspec

from chatd_supervisor.account_config import EVERYTHING
from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.masks import means
from chatd_supervisor.hub.rules import OperatorBlock
from chatd_supervisor.records import FormerNick, RoomRecord
from chatd_supervisor.rooms import Room, Session
from chatd_workers.events import Source
from chatd_workers.names import fold

Problem = tuple[str, str] | None

CTCP: Final = "\x01"
"""How a text begins that is for a program, not a person (actions are told apart by the reader)."""

# Operators of the server


def block_of(hub: Core, name: str) -> OperatorBlock | None:
    """Return the operator that the configuration calls ``name``."""
    return next((block for block in hub.rules.operators if block.name == name), None)


def may(hub: Core, session: Session, privilege: str) -> bool:
    """Tell whether ``session`` is an operator of the server with this privilege."""
    if not session.record.operator:
        return False
    block = block_of(hub, session.record.operator)
    return block is not None and (privilege in block.classes or EVERYTHING in block.classes)


def privilege_problem(hub: Core, session: Session, privilege: str) -> Problem:
    """Return why ``session`` may not do what takes this privilege."""
    if may(hub, session, privilege):
        return None
    return ("no-privilege", privilege) if session.record.operator else ("no-privileges", "")


# Rooms


def operator_problem(hub: Core, session: Session, room: Room) -> Problem:
    """Return why ``session`` may not do in ``room`` what operators of it do."""
    if may(hub, session, "rooms"):
        return None
    if session.id not in room.members:
        return "not-in-room", room.name
    return None if "o" in session.status(room) else ("not-operator", room.name)


def join_problem(hub: Core, session: Session, room: Room, key: str) -> Problem:
    """Return why ``session`` may not come into ``room``, for which it has given ``key``.

    Neither founder nor lasting operators of a room that is kept can be shut out of it, nor can
    who was invited by an operator.
    """
    del hub
    record = room.record
    account = fold(session.record.account)
    if account and (account == fold(record.founder) or "o" in record.access.get(account, "")):
        return None
    if is_invited(session, room):
        return None
    problem = ""
    if is_banned(session, room):
        problem = "banned"
    elif "i" in record.modes and not means(record.invitations, session.source):
        problem = "room-invite-only"
    elif "R" in record.modes and not account:
        problem = "room-needs-account"
    elif record.key and key != record.key:
        problem = "bad-key"
    elif record.limit and len(room.members) >= record.limit:
        problem = "room-full"
    return (problem, room.name) if problem else None


def is_invited(session: Session, room: Room) -> bool:
    """Tell whether ``session`` was asked into this very ``room``, and has not come yet."""
    return session.record.invitations.get(room.key) == room.record.created


def is_banned(session: Session, room: Room) -> bool:
    """Return whether a ban of ``room`` means ``session``, and no exception does.

    A ban also means whoever was called so when it was set, or later: nobody sheds it by another
    nick. Not who was called so before, for another one may have taken that nick.
    """
    record = room.record
    source = session.source
    if not record.bans or means(record.exceptions, source):
        return False
    return means(record.bans, source) or any(
        _was_banned(record, source, former) for former in session.record.former
    )


def _was_banned(record: RoomRecord, source: Source, former: FormerNick) -> bool:
    old = msgspec.structs.replace(source, nick=former.nick)
    then = [mask for mask, setting in record.bans.items() if setting.at <= former.until]
    return means(then, old) and not means(record.exceptions, old)


def speak_problem(hub: Core, session: Session, room: Room) -> Problem:
    """Return why ``session`` may not speak in ``room``."""
    del hub
    modes = room.record.modes
    if session.id in room.members:
        if session.status(room):
            return None
    elif "n" in modes:
        return "cannot-send", room.name
    if "m" in modes or ("M" in modes and not session.record.account) or is_banned(session, room):
        return "cannot-send", room.name
    return None


def ctcp_problem(room: Room, text: str) -> Problem:
    """Return why ``text``, which is no action, may not be said in ``room``: it is CTCP, and +C."""
    if text.startswith(CTCP) and "C" in room.record.modes:
        return "cannot-send", room.name
    return None


def topic_problem(hub: Core, session: Session, room: Room) -> Problem:
    """Return why ``session``, which is in ``room``, may not change its topic."""
    return operator_problem(hub, session, room) if "t" in room.record.modes else None
