"""Whose a name is: nicks that are the names of accounts, or of services elsewhere."""

from collections.abc import Callable
from typing import Final

from chatd_supervisor.hub.core import Core
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.lookalikes import skeletons
from chatd_supervisor.rooms import Session
from chatd_workers.names import fold, mixes_scripts

SERVICES: Final = frozenset({"nickserv", "chanserv"})
"""Nicks that nobody has, or looks like, folded: people tell them their passwords, by habit."""


def vouched_for(hub: Core, session: Session) -> Account | None:
    """Return the account that is ``session``'s by the kernel's word for who has connected."""
    user = session.record.local_user
    account = hub.accounts.find(user) if user else None
    return account if account is not None and not account.suspended else None


def is_mixture(hub: Core, name: str) -> bool:
    """Return whether nobody may be called ``name``, and no room, for its mixture of scripts."""
    return not hub.rules.mixed_scripts and mixes_scripts(name)


def is_service(nick: str) -> bool:
    """Return whether ``nick`` is that of a service, or looks like it."""
    return not SERVICES.isdisjoint(skeletons(nick))


def is_owned(hub: Core, nick: str) -> bool:
    """Return whether ``nick`` belongs to an account, or looks like its name, whosever."""
    if not hub.rules.nick_ownership:
        return False
    return hub.accounts.find(nick) is not None or hub.accounts.alike(nick) is not None


def takes_over(hub: Core, session: Session, nick: str, holder: Session) -> bool:
    """Return whether ``session`` can have ``nick`` although ``holder`` is called so.

    The owner of an account takes its nick from whoever is not logged in to it, and from a session
    of its own that has logged in earlier, which may be a dead connection that nobody has noticed.
    Not from one that has logged in later: two clients that both regain the nick would take it from
    each other for ever. Nor between Unix sockets, where the kernel tells of every death, nor for a
    guest on one, who was logged in without having asked.
    """
    own = fold(session.record.account) == fold(nick)
    if not own or not hub.rules.nick_ownership:
        return False
    if fold(holder.record.account) != fold(nick):
        return True
    here = session.record.local_user
    if here and (holder.record.local_user or (session.record.registered and not session.named)):
        return False
    return (session.record.login, session.id) > (holder.record.login, holder.id)


def is_reserved(hub: Core, session: Session, nick: str) -> bool:
    """Return whether ``nick`` belongs to an account that is not ``session``'s."""
    return _is_of_another(hub, session, nick, hub.accounts.find)


def is_disguise(hub: Core, session: Session, nick: str) -> bool:
    """Return whether ``nick`` looks like an account that is not ``session``'s."""
    return _is_of_another(hub, session, nick, hub.accounts.alike)


def _is_of_another(
    hub: Core, session: Session, nick: str, find: Callable[[str], Account | None]
) -> bool:
    own = session.record.account
    if not hub.rules.nick_ownership or (own and fold(own) == fold(nick)):
        return False
    account = find(nick)
    if account is None or (own and fold(own) == fold(account.name)):
        return False
    return account != vouched_for(hub, session)
