"""Taking private lines only from few: user mode ``+g``, and ACCEPT, the list of these few.

Whoever is turned away is told so, and the other one that somebody has tried, once in a while
("Caller ID" of ircd-hybrid; ISUPPORT's CALLERID and ACCEPT).
"""

from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers.names import fold

MAX_ACCEPTED: Final = 100
"""Nicks in one's list: ACCEPT of ISUPPORT."""

QUIET: Final = 60_000_000
"""Microseconds until one is told again that somebody has tried: nobody can call all the time."""


def turn_away(hub: Core, session: Session, other: Session, *, quiet: bool = False) -> bool:
    """Tell whether ``other`` takes no private line of ``session``; both are told then.

    ``quiet``: the sender is not, because a notice is never answered.
    """
    if (
        "g" not in other.record.modes
        or session is other
        or fold(session.nick) in other.record.accepted
    ):
        return False
    called = other.called_at is None or hub.now - other.called_at >= QUIET
    if not quiet:
        hub.refuse(session, "only-accepted", other.nick)
        if called:
            hub.numeric(session, "RPL_TARGNOTIFY", other.nick)
    if called:
        other.called_at = hub.now
        who = session.source
        hub.numeric(other, "RPL_UMODEGMSG", who.nick, f"{who.user}@{who.host}")
    return True


def _accept(hub: Core, session: Session, entry: c.Accept) -> None:
    accepted = list(session.record.accepted)
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
        elif len(accepted) >= MAX_ACCEPTED:
            hub.refuse(session, "accept-full", str(MAX_ACCEPTED))
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
