"""Who is there, who is away, and who wants to know: AWAY, SETNAME, MONITOR.

Whoever comes, goes or is called otherwise passes through here once (``came_online``,
``went_offline``, ``renamed``): those who monitor the nick are told, and WHOWAS remembers.
"""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.rooms import Audience, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import EXTENDED_MONITOR
from chatd_workers.dialects.irc.grammar import pack
from chatd_workers.names import fold, is_nick, is_passable

_TARGETS: Final = 300
"""Bytes of nicks in one answer about nicks that cannot be monitored."""

# Coming and going


def came_online(hub: Core, session: Session) -> None:
    """Tell those who monitor it that ``session``, which has just registered, is there."""
    hub.most_registered = max(hub.most_registered, hub.state.registered)
    for watcher in hub.state.watchers.of(session.nick):
        hub.numeric(watcher, "RPL_MONONLINE", _mask(session))


def went_offline(hub: Core, source: e.Source) -> None:
    """Tell those who monitor it that nobody is called as ``source`` was any more."""
    hub.gone.remember(source, hub.now, hub.rules.whowas_entries)
    for watcher in hub.state.watchers.of(source.nick):
        hub.numeric(watcher, "RPL_MONOFFLINE", source.nick)


def renamed(hub: Core, session: Session, old: e.Source) -> None:
    """Tell those who monitor its nicks that ``session``, which was ``old``, has another one."""
    if fold(old.nick) != fold(session.nick):
        went_offline(hub, old)
        came_online(hub, session)


def observers(hub: Core, session: Session) -> Audience:
    """Return who is told of what ``session`` changes of itself, but itself.

    They are those who share a room, and those who monitor it and have extended-monitor (IRCv3).
    """
    neighbours = hub.neighbours(session)
    watching = [
        watcher
        for watcher in hub.state.watchers.of(session.nick)
        if watcher.view & EXTENDED_MONITOR and watcher is not session
    ]
    if not watching:
        return neighbours
    found = {other.id: other for other in (*neighbours.sessions, *watching)}
    return Audience(found.values())


# Being away


def tell_away(hub: Core, session: Session, other: Session) -> None:
    """Tell ``session``, which writes to ``other``, if that one is away."""
    if other.record.away:
        hub.reply(session, e.AwayShown(session.to, other.nick, other.record.away))


def _be_away(hub: Core, session: Session, entry: c.Away) -> None:
    text = entry.text[: hub.rules.away_length or None]
    if not is_passable(text):
        hub.refuse(session, "text-unsafe")
        return
    if text != session.record.away:
        stamp = hub.change(session, "away", away=text)
        hub.tell(observers(hub, session), e.AwayChanged(session.source, text, stamp))
    if text:
        hub.inform(session, "away", text)
    else:
        hub.inform(session, "back")


def _set_realname(hub: Core, session: Session, entry: c.SetRealname) -> None:
    most = hub.rules.realname_length
    realname = entry.realname
    if not realname or (most and len(realname) > most) or not is_passable(realname):
        hub.refuse(session, "realname-invalid", str(most))
        return
    stamp = hub.change(session, "realname", realname=realname)
    changed = e.RealnameChanged(session.source, stamp)
    hub.reply(session, changed)
    hub.tell(observers(hub, session), changed)


# Watching


def _monitor(hub: Core, session: Session, entry: c.Monitor) -> None:
    match entry.verb:
        case "+":
            _watch(hub, session, entry.nicks)
        case "-":
            _unwatch(hub, session, entry.nicks)
        case "C":
            _set_monitored(hub, session, [])
        case "L":
            _list(hub, session, "RPL_MONLIST", session.record.monitored)
            hub.numeric(session, "RPL_ENDOFMONLIST")
        case "S":
            _show(hub, session, session.record.monitored)


def _watch(hub: Core, session: Session, nicks: list[str]) -> None:
    wanted = {fold(nick): nick for nick in session.record.monitored}
    most = hub.rules.monitor_entries
    shown: dict[str, str] = {}
    left_out: list[str] = []
    for nick in nicks:
        key = fold(nick)
        if key not in wanted and _can_be(hub, nick):
            if most and len(wanted) >= most:
                left_out.append(nick)
                continue
            wanted[key] = nick
        # Whoever cannot be there is not; no word is lost about why.
        shown[key] = nick
    _set_monitored(hub, session, list(wanted.values()))
    _show(hub, session, list(shown.values()))
    for some in pack(left_out, _TARGETS, ","):
        hub.refuse(session, "monitor-full", some, str(most))


def _unwatch(hub: Core, session: Session, nicks: list[str]) -> None:
    unwanted = {fold(nick) for nick in nicks}
    kept = [nick for nick in session.record.monitored if fold(nick) not in unwanted]
    _set_monitored(hub, session, kept)


def _can_be(hub: Core, nick: str) -> bool:
    most = hub.rules.nick_length
    return is_nick(nick) and (not most or len(nick) <= most)


def _set_monitored(hub: Core, session: Session, nicks: list[str]) -> None:
    if nicks != session.record.monitored:
        hub.change(session, "monitor", monitored=nicks)


def _show(hub: Core, session: Session, nicks: list[str]) -> None:
    """Tell ``session`` which of ``nicks`` are there, and which are not."""
    there = {nick: hub.find(nick) for nick in nicks}
    _list(hub, session, "RPL_MONONLINE", [_mask(one) for one in there.values() if one])
    _list(hub, session, "RPL_MONOFFLINE", [nick for nick, one in there.items() if not one])


def _list(hub: Core, session: Session, name: str, targets: list[str]) -> None:
    if targets:
        hub.numeric(session, name, ",".join(targets))


def _mask(session: Session) -> str:
    record = session.record
    return f"{record.nick}!{record.user}@{record.host}"


ACTIONS: Final[dict[type, Action]] = {
    c.Away: _be_away,
    c.SetRealname: _set_realname,
    c.Monitor: _monitor,
}
