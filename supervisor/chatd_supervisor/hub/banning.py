"""Keeping people off the server, and letting them off that: ``chatd ban``, ``chatd exempt``. Pure.

Whoever is here and is meant by a new ban is put off at once. Whoever comes later is met where it
can first be known: its address when it connects (``reception``), its nick when it wants to be
called so, its account when it has logged in. If some accounts are let off bans, people of IRC are
heard first, until they have introduced themselves.
"""

from typing import Final

import msgspec
from msgspec import Struct

from chatd_supervisor.bans import Ban, Kind, key_of, read_mask
from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.outcomes import Leaving
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of
from chatd_supervisor.rooms import Session
from chatd_workers.dialects.text_people import shown_time

MICROSECONDS: Final = 1_000_000

AHEAD: Final = 60 * MICROSECONDS
"""By how much an entry may be dated later than now, for clocks are set a little all the time."""

LONGEST_TERM: Final = 100 * 365 * 86400
"""Seconds."""


class Enter(Struct, frozen=True, tag="ban", tag_field="wish"):
    """Put an entry into the list of bans, or of exemptions."""

    kind: Kind
    mask: str
    reason: str = ""
    seconds: int = 0
    """For how long; 0: for ever."""
    exempt: bool = False


class Strike(Struct, frozen=True, tag="unban", tag_field="wish"):
    """Take an entry out of one of them."""

    kind: Kind
    mask: str
    exempt: bool = False


def ban_objection(hub: Core, wish: Enter | Strike) -> str:
    """Return why ``wish`` cannot be carried out, as a sentence; "" if it can."""
    try:
        mask = read_mask(wish.kind, wish.mask)
    except ValueError as error:
        return str(error)
    if isinstance(wish, Enter):
        in_range = 0 <= wish.seconds <= LONGEST_TERM
        return "" if in_range else f"a term is at most {LONGEST_TERM} seconds, not {wish.seconds}"
    known = hub.state.bans.entries.get(key_of(wish.kind, mask, exempt=wish.exempt))
    if known is not None and known.holds(hub.now):
        return ""
    return _not_there(hub, wish, mask)


def _not_there(hub: Core, wish: Strike, mask: str) -> str:
    done = "exempt" if wish.exempt else "banned"
    bans = hub.state.bans
    other = None
    if not wish.exempt and wish.kind != "account":
        other = (bans.of_address if wish.kind == "address" else bans.of_nick)(mask, hub.now)
    also = f" itself; {other.mask} is, which holds it" if other is not None else ""
    return f"{mask} is not {done}{also}"


def carry_out(hub: Core, wish: Enter | Strike) -> int:
    """Carry out ``wish``; return how many were put off."""
    mask = read_mask(wish.kind, wish.mask)
    # Not what a clock that is ahead takes for ended.
    for ended in hub.state.bans.ended(min(hub.now, hub.passed)):
        _happen(hub, "unban", ended.key)
    if isinstance(wish, Strike):
        key = key_of(wish.kind, mask, exempt=wish.exempt)
        if key in hub.state.bans.entries:
            _happen(hub, "unban", key)
        return 0
    until = hub.now + wish.seconds * MICROSECONDS if wish.seconds else 0
    ban = Ban(
        kind=wish.kind,
        mask=mask,
        exempt=wish.exempt,
        reason=wish.reason,
        since=hub.now,
        until=until,
    )
    _happen(hub, "ban", "", data_of(msgspec.to_builtins(ban)))
    if wish.exempt:
        return 0
    met = [one for one in hub.sessions.values() if ban_of(hub, one) == ban]
    for session in met:
        put_off(hub, session, ban)
    return len(met)


def redate(hub: Core) -> None:
    """Move entries that were set while the clock was ahead: they begin now, for their time."""
    bans = hub.state.bans
    if bans.latest <= hub.now + AHEAD:
        return
    for ban in list(bans.entries.values()):
        if ban.since > hub.now + AHEAD:
            until = hub.now + ban.until - ban.since if ban.until else 0
            renewed = msgspec.structs.replace(ban, since=hub.now, until=until)
            _happen(hub, "ban", "", data_of(msgspec.to_builtins(renewed)))
    bans.latest = hub.now


def _happen(hub: Core, kind: str, text: str, data: str = "") -> None:
    hub.happen(Fact(0, hub.rules.server, "", kind, text, data))


def ban_of(hub: Core, session: Session) -> Ban | None:
    """Return the ban that ``session`` is met by, as far as it is known; None: none."""
    bans, record, now = hub.state.bans, session.record, hub.now
    if not bans.entries or bans.is_exempt("account", record.account, now):
        return None
    return (
        bans.of_account(record.account, now)
        or bans.of_address(record.host, now)
        or bans.of_nick(record.nick, now)
    )


def put_off(hub: Core, session: Session, ban: Ban) -> None:
    """Let ``session`` go, and tell it why."""
    told = sentence(ban)
    if not hub.knows_one_room(session):
        hub.numeric(session, "ERR_YOUREBANNEDCREEP", told)
    hub.then(Leaving(session.id, "banned", told, "banned"))


def sentence(ban: Ban) -> str:
    """Return what whoever is met by ``ban`` is told."""
    until = ""
    if ban.until:
        until = f" until {shown_time(ban.until)} UTC"
    reason = f": {ban.reason}" if ban.reason else ""
    return f"you are banned from this server{until}{reason}"
