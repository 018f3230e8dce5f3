"""Taking private lines only from few: user modes ``+g`` and ``+R``, and ACCEPT, the list of few.

``+g`` lets nobody through but those on the list, ``+R`` also whoever is logged in to an account.
Whom one writes to gets on the list: an answer shall come through. User mode ``+T`` belongs here,
too: who has it takes no CTCP but actions, from nobody.

Whoever is turned away is told so; and one with ``+g`` that somebody has tried, once in a while
("Caller ID" of ircd-hybrid; ISUPPORT's CALLERID and ACCEPT).
"""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.permissions import CTCP
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold

QUIET: Final = 60.0
"""Seconds until one is told again that somebody has tried: nobody can call all the time."""


def turn_away(hub: Core, session: Session, other: Session, kind: e.TalkKind, text: str) -> bool:
    """Tell whether ``other`` takes no such private line from ``session``; both are told then.

    A notice is never answered, and tags alone (somebody is typing) are nothing to be told of; nor
    is CTCP, which its sender's client waits for in vain.
    """
    modes = other.record.modes
    if text.startswith(CTCP) and "T" in modes:
        return True
    if not _is_kept_out(session, other):
        return False
    if kind == "tag":
        return True
    if "g" not in modes:
        if kind != "notice":
            hub.refuse(session, "only-logged-in", other.nick)
        return True
    called = other.called_at is None or hub.monotonic - other.called_at >= QUIET
    if kind != "notice":
        hub.refuse(session, "only-accepted", other.nick)
        if called:
            hub.numeric(session, "RPL_TARGNOTIFY", other.nick)
    if called:
        other.called_at = hub.monotonic
        who = session.source
        hub.numeric(other, "RPL_UMODEGMSG", who.nick, f"{who.user}@{who.host}")
    return True


def expect_answer(hub: Core, session: Session, other: Session) -> None:
    """Let ``other``, whom ``session`` writes to, write back, if the list has room for it."""
    if not _is_kept_out(other, session):
        return
    accepted = session.record.accepted
    most = hub.rules.accept_entries
    if not most or len(accepted) < most:
        hub.change(session, "accept", accepted=[*accepted, fold(other.nick)])


def _is_kept_out(session: Session, other: Session) -> bool:
    """Tell whether a mode of ``other`` keeps lines of ``session`` out."""
    modes = other.record.modes
    kept = "g" in modes or ("R" in modes and not session.record.account)
    return kept and session is not other and fold(session.nick) not in other.record.accepted


def _accept(hub: Core, session: Session, entry: c.Accept) -> None:
    accepted = list(session.record.accepted)
    most = hub.rules.accept_entries
    for nick in entry.remove:
        if fold(nick) in accepted:
            accepted.remove(fold(nick))
        else:
            hub.refuse(session, "accept-unknown", nick)
    for nick in entry.add:
        other = hub.find(nick)
        if fold(nick) in accepted:
            hub.refuse(session, "accept-exists", nick)
        elif other is None:
            hub.refuse(session, "nick-unknown", nick)
        elif most and len(accepted) >= most:
            hub.refuse(session, "accept-full", str(most))
            break
        else:
            accepted.append(fold(nick))
    if accepted != session.record.accepted:
        hub.change(session, "accept", accepted=accepted)
    if entry.show:
        if accepted:
            hub.numeric(session, "RPL_ACCEPTLIST", " ".join(accepted))
        hub.numeric(session, "RPL_ENDOFACCEPT")


ACTIONS: Final[dict[type, Action]] = {c.Accept: _accept}
