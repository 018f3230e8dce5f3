"""Whose a name is: nicks that are the names of accounts, or of services elsewhere."""

from typing import Final

from chatd_supervisor.hub.core import Core
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.rooms import Session
from chatd_workers.names import fold

SERVICES: Final = frozenset({"nickserv", "chanserv"})
"""Nicks that nobody has, folded: people tell them their passwords, by habit."""


def vouched_for(hub: Core, session: Session) -> Account | None:
    """Return the account that is ``session``'s by the kernel's word for who has connected."""
    user = session.record.local_user
    account = hub.accounts.find(user) if user else None
    return account if account is not None and not account.suspended else None


def is_reserved(hub: Core, session: Session, nick: str) -> bool:
    """Tell whether ``nick`` belongs to an account that is not ``session``'s."""
    if not hub.rules.nick_ownership:
        return False
    if session.record.account and fold(session.record.account) == fold(nick):
        return False
    account = hub.accounts.find(nick)
    return account is not None and account != vouched_for(hub, session)
