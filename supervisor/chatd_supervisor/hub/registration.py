"""Introducing oneself: names, a password, capabilities, before one may do what others do.

A client of IRC is registered when it has a nick and a user, has given the server's password if
there is one, and has ended what it has begun of negotiating capabilities.

A nick that belongs to an account is a wish for as long as capabilities are negotiated, for clients
say NICK before they log in: it is judged when registration ends. What no login could change is
refused at once.
"""

import contextlib
import hmac
import re
from typing import Final

from chatd_supervisor.credentials import WrongPassword, prepare
from chatd_supervisor.hub.authentication import abandon
from chatd_supervisor.hub.banning import ban_of, put_off
from chatd_supervisor.hub.coming import nick_problem, rename
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.logins import count_failure, is_paused, vouch
from chatd_supervisor.hub.outcomes import Leaving
from chatd_supervisor.hub.ownership import is_owned
from chatd_supervisor.hub.presence import came_online
from chatd_supervisor.hub.server import show_motd, show_users
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import is_safe

BEFORE: Final = frozenset(
    {
        c.Depart,
        c.Proxied,
        c.Secured,
        c.Quit,
        c.Refuse,
        c.Nothing,
        c.Ping,
        c.Rename,
        c.Password,
        c.User,
        c.Capabilities,
        c.Authenticate,
        c.Register,
        c.Verify,
    }
)
"""What a client may say before it has registered."""

_NOT_IN_USER: Final = re.compile(r"[^A-Za-z0-9_.\-]")
"""What has no place in a user name: whatever means something in a mask or a prefix."""


def _give_password(hub: Core, session: Session, entry: c.Password) -> None:
    if session.record.registered:
        hub.refuse(session, "already-registered")
        return
    if not hub.rules.password or is_paused(hub, session, ""):
        return
    if _is_same(entry.password, hub.rules.password):
        hub.change(session, "password", password_given=True)
    else:
        count_failure(hub, session, "")


def _is_same(given: str, known: str) -> bool:
    """Return whether ``given`` is the password ``known``, however either was typed."""
    with contextlib.suppress(WrongPassword):
        given, known = prepare(given), prepare(known)
    return hmac.compare_digest(given.encode(), known.encode())


def _introduce(hub: Core, session: Session, entry: c.User) -> None:
    record = session.record
    if record.registered or record.user:
        hub.refuse(session, "already-registered")
        return
    user = _NOT_IN_USER.sub("", entry.user)[: hub.rules.user_length - 1]
    realname = entry.realname if is_safe(entry.realname) else ""
    # Nobody vouches for what it says it is called (RFC 1413), which the tilde says by custom.
    hub.change(
        session,
        "user",
        user=f"~{user or 'user'}",
        realname=realname[: hub.rules.realname_length] or "realname",
    )
    register_if_ready(hub, session)


_CHANGED_BY_LOGIN: Final = frozenset({"nick-in-use", "nick-reserved", "nick-alike", "nick-banned"})
"""What may be no problem any more for somebody who has logged in."""


def _rename(hub: Core, session: Session, entry: c.Rename) -> None:
    wished = entry.nick if _is_to_be_judged_later(hub, session, entry.nick) else ""
    if wished != session.record.wish:
        hub.change(session, "wish", wish=wished)
    if not wished:
        rename(hub, session, entry, hub.rules.nick_rate)
        register_if_ready(hub, session)


def _is_to_be_judged_later(hub: Core, session: Session, nick: str) -> bool:
    if session.record.registered or not session.record.negotiating:
        return False
    problem = nick_problem(hub, session, nick)
    if problem is None or problem[0] not in _CHANGED_BY_LOGIN:
        return False
    return problem[0] == "nick-banned" or is_owned(hub, nick)


def _fulfil_wish(hub: Core, session: Session) -> None:
    wished = session.record.wish
    hub.change(session, "wish", wish="")
    rename(hub, session, c.Rename(wished))


def register_if_ready(hub: Core, session: Session) -> None:
    """Register ``session`` if it has introduced itself to the end."""
    record = session.record
    if record.registered or not record.user or record.negotiating:
        return
    if not record.nick and not record.wish:
        return
    if hub.rules.password and not record.password_given:
        hub.refuse(session, "password-wrong")
        hub.then(Leaving(session.id, "wrong password", "wrong password"))
        return
    abandon(hub, session)
    vouch(hub, session)
    if (ban := ban_of(hub, session)) is not None:
        put_off(hub, session, ban)
        return
    if record.wish:
        _fulfil_wish(hub, session)
        if not record.nick:
            return
    hub.change(session, "register", registered=True)
    hub.reply(
        session,
        e.Registered(
            to=session.nick,
            source=session.source,
            server=hub.rules.server,
            network=hub.rules.network,
            version=hub.rules.version,
            created=hub.rules.started,
            tokens=hub.rules.tokens,
        ),
    )
    show_users(hub, session)
    show_motd(hub, session)
    came_online(hub, session)


def _ping(hub: Core, session: Session, entry: c.Ping) -> None:
    hub.reply(session, e.Replied("PONG", (hub.rules.server, entry.token)))


def _nothing(_hub: Core, _session: Session, _entry: c.Nothing) -> None:
    """Nothing is asked for."""


ACTIONS: Final[dict[type, Action]] = {
    c.Password: _give_password,
    c.User: _introduce,
    c.Rename: _rename,
    c.Ping: _ping,
    c.Nothing: _nothing,
}
