"""Who somebody is, and who is there: WHO with WHOX, WHOIS, WHOWAS, USERHOST, ISON."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.masks import meaning
from chatd_supervisor.hub.sight import rooms_of, sees_person, sees_room
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc.lines import prefixes
from chatd_workers.dialects.irc.masks import finder
from chatd_workers.dialects.irc.timestamps import write_time
from chatd_workers.names import fold

MOST_FOUND: Final = 500
"""People who are told of by a WHO that is not of one room."""

MOST_WHOWAS: Final = 100
"""Times that WHOWAS tells who was called so, however many are asked for."""

MOST_USERHOST: Final = 5
"""Nicks in one USERHOST (Modern, USERHOST)."""

# WHO


class _Found(NamedTuple):
    """Somebody that WHO has found, and the room it was looked for in, if that was one."""

    hub: Core
    session: Session
    """Who asks."""
    other: Session
    room: Room | None

    @property
    def flags(self) -> str:
        """Here or gone, operator of the server, status in the room, bot."""
        flags = "G" if self.other.record.away else "H"
        if self.hub.is_operator(self.other):
            flags += "*"
        if self.room is not None:
            flags += prefixes(self.other.status(self.room), self.session.view)
        return flags + ("B" if self.other.source.bot else "")

    @property
    def place(self) -> str:
        return self.room.name if self.room is not None else "*"


_FIELDS: Final[dict[str, Callable[[_Found], str]]] = {
    "c": lambda found: found.place,
    "u": lambda found: found.other.record.user,
    "i": lambda found: found.other.record.host,
    "h": lambda found: found.other.record.host,
    "s": lambda found: found.hub.rules.server,
    "n": lambda found: found.other.nick,
    "f": lambda found: found.flags,
    "d": lambda _: "0",
    "l": lambda found: str(_idle(found.hub, found.other)),
    "a": lambda found: found.other.record.account or "0",
    "o": lambda _: "n/a",
    "r": lambda found: found.other.record.realname,
}
"""What WHOX can be asked for, in the order of the answer, which begins with ``t``, the token. There
is one server (``d``), and no level of operators (``o``). IRCv3 whox."""


def _who(hub: Core, session: Session, entry: c.FindUsers) -> None:
    told = 0
    for found in _find(hub, session, entry.mask):
        if entry.operators and not hub.is_operator(found.other):
            continue
        if told >= MOST_FOUND and found.room is None:
            hub.refuse(session, "too-many-matches", entry.mask)
            break
        _show_found(found, entry)
        told += 1
    hub.numeric(session, "RPL_ENDOFWHO", entry.mask)


def _find(hub: Core, session: Session, mask: str) -> Iterator[_Found]:
    """Yield whom ``mask`` means: the members of a room, one by its nick, or all that match."""
    if mask.startswith("#"):
        room = hub.rooms.get(fold(mask))
        if room is not None and sees_room(hub, session, room):
            for member in room.members.values():
                if sees_person(hub, session, member):
                    yield _Found(hub, session, member, room)
        return
    named = hub.find(mask)
    if named is not None:
        yield _Found(hub, session, named, None)
        return
    matches = _anybody if mask in ("*", "0") else _matching(mask)
    for other in hub.sessions.values():
        if other.record.registered and sees_person(hub, session, other) and matches(other):
            yield _Found(hub, session, other, None)


def _anybody(_: Session) -> bool:
    return True


def _matching(mask: str) -> Callable[[Session], bool]:
    """Return what tells who is meant: by address or whole name, or by any one of its names."""
    meant = meaning(mask)
    if meant is not None:
        return lambda other: meant(other.source)
    find = finder((mask,))
    return lambda other: find(other.folded) is not None


def _show_found(found: _Found, entry: c.FindUsers) -> None:
    hub, session, other = found.hub, found.session, found.other
    if not entry.fields:
        record = other.record
        names = (record.user, record.host, hub.rules.server, record.nick)
        last = f"0 {record.realname}"
        hub.numeric(session, "RPL_WHOREPLY", found.place, *names, found.flags, last)
        return
    fields = [entry.token or "0"] if "t" in entry.fields else []
    fields += [shown(found) for letter, shown in _FIELDS.items() if letter in entry.fields]
    hub.numeric(session, "RPL_WHOSPCRPL", *fields)


# One person


def _whois(hub: Core, session: Session, entry: c.Whois) -> None:
    nicks = list({fold(nick): nick for nick in entry.nicks}.values())
    most = hub.rules.max_targets or len(nicks)
    for nick in nicks[:most]:
        other = hub.find(nick)
        if other is None:
            hub.refuse(session, "nick-unknown", nick)
        else:
            hub.reply(session, _person(hub, session, other))
        hub.numeric(session, "RPL_ENDOFWHOIS", nick)
    if len(nicks) > most:
        hub.refuse(session, "too-many-targets", nicks[most])


def _person(hub: Core, session: Session, other: Session) -> e.PersonShown:
    record = other.record
    private = None
    if other is session or hub.is_operator(session):
        # Which process it is, by a numeric that means something else on every network, is told to
        # nobody who has not asked about itself; operators have chatd inspect.
        process = hub.process_of(other.id) if other is session else (0, 0)
        private = e.Private(record.modes, record.fingerprint, record.local_user, *process)
    return e.PersonShown(
        to=session.to,
        source=other.source,
        server=hub.rules.server,
        description=hub.rules.description,
        rooms=tuple((room.name, other.status(room)) for room in rooms_of(hub, session, other)),
        away=record.away,
        idle=_idle(hub, other),
        signon=record.signon,
        operator=hub.is_operator(other),
        secured=bool(record.secured),
        private=private,
    )


def _idle(hub: Core, other: Session) -> int:
    return int(other.silent_for(hub.now, hub.monotonic))


def _whowas(hub: Core, session: Session, entry: c.Whowas) -> None:
    nick = entry.nick
    found = list(hub.gone.called(nick))
    if not found:
        hub.refuse(session, "nick-was-unknown", nick)
    for _, source, until in found[: min(entry.count or MOST_WHOWAS, MOST_WHOWAS)]:
        names = (source.nick, source.user, source.host)
        hub.numeric(session, "RPL_WHOWASUSER", *names, "*", source.realname)
        if source.account:
            hub.numeric(session, "RPL_WHOISACCOUNT", source.nick, source.account)
        when = write_time(until // 1_000_000 * 1_000_000)
        hub.numeric(session, "RPL_WHOISSERVER", source.nick, hub.rules.server, when)
    hub.numeric(session, "RPL_ENDOFWHOWAS", nick)


# Several


def _userhost(hub: Core, session: Session, entry: c.Userhost) -> None:
    found = [other for nick in entry.nicks[:MOST_USERHOST] if (other := hub.find(nick))]
    shown = " ".join(_userhost_of(hub, other) for other in found)
    hub.numeric(session, "RPL_USERHOST", shown)


def _userhost_of(hub: Core, other: Session) -> str:
    record = other.record
    star = "*" if hub.is_operator(other) else ""
    here = "-" if record.away else "+"
    return f"{record.nick}{star}={here}{record.user}@{record.host}"


def _ison(hub: Core, session: Session, entry: c.Ison) -> None:
    there = [other.nick for nick in entry.nicks if (other := hub.find(nick))]
    hub.numeric(session, "RPL_ISON", " ".join(there))


ACTIONS: Final[dict[type, Action]] = {
    c.FindUsers: _who,
    c.Whois: _whois,
    c.Whowas: _whowas,
    c.Userhost: _userhost,
    c.Ison: _ison,
}
