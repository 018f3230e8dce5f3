"""Being logged in to an account: what changes with it, and who hears of it.

Whose account it is has been shown before (``authentication``, ``enrolment``).
"""

from typing import Final

from chatd_supervisor.hub.banning import ban_of, put_off
from chatd_supervisor.hub.coming import guest_nick, nick_problem, rename
from chatd_supervisor.hub.core import Core
from chatd_supervisor.hub.lasting import disown, restore
from chatd_supervisor.hub.outcomes import Leaving
from chatd_supervisor.hub.ownership import is_disguise, is_reserved, vouched_for
from chatd_supervisor.hub.presence import observers
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.login_limits import Pause
from chatd_supervisor.lookalikes import skeletons
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold

MAX_FAILURES: Final = 10
"""Failed attempts to log in, in one connection, after which it is closed."""

LOGGED_IN: Final = "r"
"""The user mode of who is logged in."""


def become(hub: Core, session: Session, account: Account) -> e.Stamp:
    """Let ``session`` be logged in to ``account``, and tell it so; the others hear by ``show``."""
    modes = "".join(sorted({*session.record.modes, LOGGED_IN}))
    stamp = hub.change(
        session,
        "account",
        account.name,
        account=account.name,
        login=hub.now,
        modes=modes,
        failures=0,
    )
    hub.inform(session, "logged-in", account.name, about=_mask(session))
    return stamp


def show(hub: Core, session: Session, stamp: e.Stamp) -> None:
    """Tell who sees ``session`` that its account is another one, and let that have its effects."""
    if account := session.record.account:
        _welcome(hub, session, account)
    if not session.record.registered:
        return
    event = e.AccountChanged(session.source, stamp)
    hub.reply(session, event)
    hub.tell(observers(hub, session), event)
    restore(hub, session)
    if (ban := ban_of(hub, session)) is not None:
        put_off(hub, session, ban)


def _welcome(hub: Core, session: Session, account: str) -> None:
    """Note that ``session`` is at home with ``account``, and tell it who else has tried to be."""
    network = hub.origin_of(session)
    failures = hub.login_limits.succeeded(fold(account), network, hub.seconds)
    if failures:
        times = "1 failed login" if failures == 1 else f"{failures} failed logins"
        hub.inform(session, "failed-logins", f"{times} to {account}")


def log_in(hub: Core, session: Session, account: Account) -> None:
    """Log ``session`` in to ``account``, for all to see."""
    show(hub, session, become(hub, session, account))


def log_out(hub: Core, session: Session) -> None:
    """Log ``session`` out; a nick that belongs to an account is not its any more."""
    account = session.record.account
    modes = session.record.modes.replace(LOGGED_IN, "")
    stamp = hub.change(session, "account", "", account="", modes=modes)
    hub.inform(session, "logged-out", account, about=_mask(session))
    show(hub, session, stamp)
    displace(hub, session)


def displace(hub: Core, session: Session) -> None:
    """Rename ``session`` if its nick is somebody else's, or looks like it."""
    nick = session.nick
    if nick and (is_reserved(hub, session, nick) or is_disguise(hub, session, nick)):
        hub.inform(session, "nick-lost", session.nick)
        rename(hub, session, c.Rename(guest_nick(hub)))


def displace_alike(hub: Core, name: str) -> None:
    """Have everybody called otherwise who is called like the new account ``name``, or looks so."""
    wanted = skeletons(name)
    # Of nicks of ASCII only these look so.
    candidates = {fold(name), *wanted, *(nick for nick in hub.nicks if not nick.isascii())}
    for nick in sorted(candidates):
        holder = hub.nicks.get(nick)
        if holder is not None and not wanted.isdisjoint(skeletons(holder.nick)):
            displace(hub, holder)


def vouch(hub: Core, session: Session) -> None:
    """Log ``session`` in if the kernel says who it is, and there is an account of that name."""
    if session.record.account:
        return
    account = vouched_for(hub, session)
    if account is not None:
        log_in(hub, session, account)
        take_name(hub, session, account)


def take_name(hub: Core, session: Session, account: Account) -> None:
    """Have a guest called as its ``account`` is, if it can be."""
    guest = session.record.registered and not session.named
    if ban_of(hub, session) is not None:
        return  # it is on its way out, and the others have been told so
    if guest and nick_problem(hub, session, account.name) is None:
        rename(hub, session, c.Rename(account.name))


def pause(hub: Core, session: Session, account: str) -> Pause | None:
    """Return why ``session`` may not try to log in to ``account`` at the moment; None: it may.

    Whatever has a password and is no account has a name that none can have; empty: it is common to
    all, and only the network counts.
    """
    network, exempt = hub.origin_of(session), hub.is_exempt(session)
    return hub.login_limits.pause(fold(account), network, hub.seconds, exempt=exempt)


def is_paused(hub: Core, session: Session, account: str) -> bool:
    """Return whether ``session`` may not try ``account``, and tell it so; this is an attempt."""
    found = pause(hub, session, account)
    if found is None:
        return False
    hub.refuse(session, found.problem, found.term)
    count_attempt(hub, session)
    return True


def count_failure(hub: Core, session: Session, account: str, **fields: str) -> None:
    """Note that ``session`` has failed to log in to ``account`` (as ``pause`` has it)."""
    hub.login_limits.failed(
        fold(account),
        hub.origin_of(session),
        hub.seconds,
        exempt=hub.is_exempt(session),
        exists=hub.accounts.find(account) is not None,
    )
    count_attempt(hub, session, **fields)


def count_attempt(hub: Core, session: Session, **fields: str) -> None:
    """Note that ``session`` is not logged in as it wanted, with other ``fields`` that this changes.

    Whoever tries again and again is let go, so that guessing takes new connections, whose number
    and rate have limits.
    """
    failures = session.record.failures + 1
    hub.change(session, "denied", failures=failures, **fields)
    if failures >= MAX_FAILURES:
        reason = "too many failed attempts to log in"
        hub.then(Leaving(session.id, reason, reason))


def account_changed(hub: Core, name: str) -> None:
    """Let be true for everybody what was done to the account ``name`` beside the server.

    Whoever is logged in to it is logged out: it has another password, is suspended or no more. If
    it is new, who is called so is called otherwise.
    """
    folded = fold(name)
    hub.login_limits.forget_home(folded)
    for session in list(hub.sessions.values()):
        if fold(session.record.account) == folded:
            log_out(hub, session)
    if hub.accounts.find(name) is None:
        disown(hub, name)
    displace_alike(hub, name)


def stale_accounts(hub: Core) -> list[str]:
    """Return the accounts that are no more, or suspended, and that somebody is logged in to."""
    names = {session.record.account for session in hub.sessions.values()} - {""}
    found = {name: hub.accounts.find(name) for name in sorted(names)}
    return [name for name, account in found.items() if account is None or account.suspended]


def _mask(session: Session) -> str:
    record = session.record
    return f"{session.to}!{record.user or '*'}@{record.host or '*'}"
