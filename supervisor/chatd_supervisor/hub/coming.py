"""Coming to the server and leaving it, and what one is called."""

from collections.abc import Callable
from typing import Any, Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.outcomes import Leaving
from chatd_supervisor.hub.ownership import (
    is_disguise,
    is_mixture,
    is_reserved,
    is_service,
    takes_over,
)
from chatd_supervisor.hub.presence import came_online, renamed, went_offline
from chatd_supervisor.hub.recalling import show_past
from chatd_supervisor.journal import Fact
from chatd_supervisor.networks import read_address
from chatd_supervisor.records import FormerNick, SessionRecord, data_of
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects import DIALECTS
from chatd_workers.names import LOBBY, fold, is_given, is_nick, is_passable

FORMER: Final = 8
"""Former nicks that are remembered of somebody. Whoever has had more could as well come again."""


def arrive(hub: Core, number: int, entry: c.Arrive) -> None:
    """Let session ``number`` in. It is somebody at once, or has to introduce itself first."""
    fields = {"host": _shown(entry.host), "signon": hub.now}
    if entry.local_user:
        fields["local_user"] = entry.local_user
    if not DIALECTS[entry.dialect].one_room:
        hub.happen(Fact(number, "", "", "arrive", entry.dialect, data_of(fields)))
        hub.sessions[number].spoke_at = hub.monotonic
        return
    nick = guest_nick(hub)
    room = hub.lobby
    data = data_of({**fields, "registered": True, "user": nick, **beginning(hub, room)})
    stamp = hub.happen(Fact(number, nick, LOBBY, "arrive", entry.dialect, data))
    session = hub.sessions[number]
    session.spoke_at = hub.monotonic
    announce_join(hub, session, room, stamp)
    hub.reply(
        session,
        e.Welcomed(
            server=hub.rules.server,
            nick=session.nick,
            room=room.name,
            topic=room.topic,
            others=room.nicks(but=session),
            members=len(room.members),
        ),
    )
    show_past(hub, session, room)
    hub.reply(session, e.Hinted())
    came_online(hub, session)


def beginning(hub: Core, room: Room) -> dict[str, int]:
    """Return what a fact says with which somebody comes into ``room``: when it was created.

    If that is not known, which is so of the lobby until the first comes in.
    """
    return {} if room.record.created else {"created": hub.now}


def _shown(host: str) -> str:
    """Return ``host`` as it is shown."""
    host = host.strip("[]") if host.startswith("[") else host
    address = read_address(host)
    if address is not None and address.version == 4:
        return str(address)
    # One with a colon first would end the parameters of a message of IRC.
    return f"0{host}" if host.startswith(":") else host


def _proxied(hub: Core, session: Session, entry: c.Proxied) -> None:
    if entry.host is not None:
        hub.change(session, "proxied", host=_shown(entry.host))


def _secured(hub: Core, session: Session, entry: c.Secured) -> None:
    secured = f"{entry.version} {entry.cipher}"
    fields: dict[str, Any] = {"secured": secured, "fingerprint": entry.fingerprint}
    if entry.fingerprint:
        fields |= {"valid_from": entry.valid_from, "valid_until": entry.valid_until}
    hub.change(session, "secured", **fields)


def secured_of(record: SessionRecord) -> c.Secured | None:
    """Return what a worker has told of the encryption of a session; None: nothing."""
    if not record.secured:
        return None
    version, _, cipher = record.secured.partition(" ")
    dates = (record.valid_from, record.valid_until) if record.fingerprint else (0, 0)
    return c.Secured(version, cipher, record.fingerprint, *dates)


def announce_join(hub: Core, session: Session, room: Room, stamp: e.Stamp) -> None:
    """Tell those in ``room`` that ``session`` has come into it, itself only by IRC's ways."""
    event = e.Joined(session.source, room.name, stamp, session.record.away)
    if not hub.knows_one_room(session):
        hub.reply(session, event)
    hub.tell(hub.onlookers(room), event, but=session)


def guest_nick(hub: Core) -> str:
    """Return the nick that the next one to arrive is given."""
    number = hub.state.guests + 1
    while f"guest{number}" in hub.nicks:
        number += 1
    return f"guest{number}"


def _depart(hub: Core, session: Session, entry: c.Depart) -> None:
    hub.pieces.set(session.id, "")
    neighbours = hub.neighbours(session)
    source = session.source
    registered = session.record.registered
    place = session.room.name if len(session.rooms) == 1 else ""
    stamp = hub.change_in(session, place, "depart", entry.reason)
    hub.tell(neighbours, e.Departed(source, entry.reason, place, stamp))
    if registered:
        went_offline(hub, source)


def _quit(hub: Core, session: Session, entry: c.Quit) -> None:
    reason = entry.reason if is_passable(entry.reason) else ""
    if hub.knows_one_room(session):
        hub.then(Leaving(session.id, reason, cause="quit"))
        return
    # What tells it from whatever else ends a connection (Modern, QUIT).
    reason = f"Quit: {reason}" if reason else "Quit"
    # Here, not when it leaves: this is the answer, which may have to carry a label.
    hub.reply(session, e.Closing(reason))
    hub.then(Leaving(session.id, reason, None, "quit"))


# Names


_NICK_PROBLEMS: Final[tuple[tuple[str, Callable[[Core, Session, str], bool]], ...]] = (
    ("nick-mixed", lambda hub, _, nick: is_mixture(hub, nick)),
    ("nick-reserved", is_reserved),
    ("nick-alike", is_disguise),
)


def nick_problem(hub: Core, session: Session, nick: str) -> tuple[str, str] | None:
    """Return why ``session`` cannot be called ``nick``: a problem and its value; None if it can."""
    if hub.rules.nick_length and len(nick) > hub.rules.nick_length:
        return "nick-too-long", str(hub.rules.nick_length)
    if not is_nick(nick):
        return "nick-invalid", nick
    folded = fold(nick)
    is_taken = is_service(nick) or folded == fold(hub.rules.server)
    holder = hub.nicks.get(folded, session)
    if is_taken or (holder is not session and not takes_over(hub, session, nick, holder)):
        return "nick-in-use", nick
    for problem, holds in _NICK_PROBLEMS:
        if holds(hub, session, nick):
            return problem, nick
    # Whoever is let off by its account may be called so as well, where that is known by then.
    bans, account = hub.state.bans, session.record.account
    if bans.of_nick(nick, hub.now) and not bans.is_exempt("account", account, hub.now):
        return "nick-banned", nick
    return None


def rename(hub: Core, session: Session, entry: c.Rename, rate: int = 0) -> None:
    """Have ``session`` called otherwise, if it can be, and at most ``rate`` times a minute."""
    problem = nick_problem(hub, session, entry.nick)
    if problem is not None:
        hub.refuse(session, *problem, about=entry.nick)
        if not session.nick and problem[0] == "nick-in-use":
            # So that it does not make an account of that name (``enrolment``).
            hub.change(session, "warned", warned=fold(entry.nick))
        return
    old = session.source
    if entry.nick == session.nick and session.named:
        return
    if session.named and not hub.admits(session, "NICK", rate):
        return
    holder = hub.nicks.get(fold(entry.nick), session)
    if holder is not session:
        hub.inform(holder, "nick-taken", holder.nick)
        rename(hub, holder, c.Rename(guest_nick(hub)))
    stamp = hub.change(session, "nick", entry.nick, **_former(hub, session, entry.nick))
    if entry.nick == old.nick or not session.record.registered:
        return
    event = e.Renamed(old, entry.nick, stamp)
    hub.reply(session, event)
    hub.tell(hub.neighbours(session), event)
    renamed(hub, session, old)


def _former(hub: Core, session: Session, nick: str) -> dict[str, list[FormerNick]]:
    """Return, as a field of its record, what ``session`` has been called when it is ``nick``.

    A nick that was given to it does not count: it is said of guests that they may not speak, and
    whoever has chosen a nick is none any more. Nor does one that nobody has met it by.
    """
    record = session.record
    if not record.registered or is_given(record.nick) or fold(nick) == fold(record.nick):
        return {}
    again = {fold(nick), fold(record.nick)}
    others = [each for each in record.former if fold(each.nick) not in again]
    return {"former": [*others, FormerNick(record.nick, hub.now)][-FORMER:]}


ACTIONS: Final[dict[type, Action]] = {
    c.Depart: _depart,
    c.Quit: _quit,
    c.Proxied: _proxied,
    c.Secured: _secured,
}
