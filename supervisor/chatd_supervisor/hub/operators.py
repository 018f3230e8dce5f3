"""Operators of the server: how one becomes one, and what they can do.

A password that the configuration has as it is is compared here. One that it has as a hash takes
too long for that, and has been checked before (``checking``).

What they do is noted in the journal, so that it can be seen who has done what.
"""

import hmac
from typing import Final

from chatd_supervisor.credentials import NOBODYS, is_hash
from chatd_supervisor.hub.checking import Asking, is_right, question_for
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.logins import count_failure, is_paused, pause
from chatd_supervisor.hub.outcomes import Leaving, Operation
from chatd_supervisor.hub.permissions import block_of, privilege_problem
from chatd_supervisor.questions import Question, Unavailable
from chatd_supervisor.rooms import Audience, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import is_passable

CONFIGURATION: Final = "chatd.toml"
"""What REHASH is said to read; where it lies is the administrator's business."""


def _oper(hub: Core, session: Session, entry: c.Oper) -> None:
    if not hub.rules.operators:
        hub.refuse(session, "not-oper-host")
        return
    if is_paused(hub, session, _tried(entry)):
        return
    known = _known(hub, entry.name)
    if is_hash(known):
        right = is_right(hub, known, entry.password)
    else:
        right = hmac.compare_digest(entry.password.encode(), known.encode())
    if isinstance(right, Unavailable):
        hub.refuse(session, "try-again", "OPER")
        return
    if not right or block_of(hub, entry.name) is None:
        hub.refuse(session, "password-wrong")
        count_failure(hub, session, _tried(entry))
        return
    hub.login_limits.succeeded(_tried(entry), hub.origin_of(session), hub.seconds)
    before = session.record.modes
    modes = "".join(sorted({*before, "o"}))
    stamp = hub.change(session, "oper", entry.name, operator=entry.name, modes=modes)
    hub.inform(session, "operator")
    if modes != before:
        hub.reply(session, e.ModesChanged(None, session.nick, (("+", "o", ""),), stamp))


def _known(hub: Core, name: str) -> str:
    """Return what the password of the operator ``name`` is held against."""
    block = block_of(hub, name)
    if block is not None:
        return block.password
    # It is to take as long as for those who are there.
    hashed = any(is_hash(other.password) for other in hub.rules.operators)
    return NOBODYS if hashed else ""


def _tried(entry: c.Oper) -> str:
    """Return what failures to become this operator are counted by; no account is called so."""
    return f"operator {entry.name}"


def _question(hub: Core, session: Session, entry: c.Oper) -> Question | None:
    if pause(hub, session, _tried(entry)) is not None:
        return None
    known = _known(hub, entry.name)
    return question_for(known, entry.password) if is_hash(known) else None


def _kill(hub: Core, session: Session, entry: c.Kill) -> None:
    problem = privilege_problem(hub, session, "kill")
    if problem is None and not is_passable(entry.reason):
        problem = "text-unsafe", ""
    if problem is not None:
        hub.refuse(session, *problem)
        return
    other = hub.find(entry.nick)
    if other is None:
        server = entry.nick == hub.rules.server
        hub.refuse(session, "cannot-kill-server" if server else "nick-unknown", entry.nick)
        return
    reason = entry.reason[: hub.rules.kick_length or None] or "no reason given"
    stamp = hub.change(session, "kill", f"{other.nick} {reason}")
    hub.reply(other, e.Killed(session.source, other.nick, reason, stamp))
    told = f"Killed ({session.nick} ({reason}))"
    hub.then(Leaving(other.id, told, told, f"killed by {session.nick}"))


def _operate(hub: Core, session: Session, entry: c.Operate) -> None:
    problem = privilege_problem(hub, session, entry.what.lower())
    if problem is not None:
        hub.refuse(session, *problem)
        return
    hub.change(session, entry.what.lower())
    if entry.what == "REHASH":
        hub.numeric(session, "RPL_REHASHING", CONFIGURATION)
    hub.then(Operation(session.id, entry.what))


def _wallops(hub: Core, session: Session, entry: c.Wallops) -> None:
    problem = privilege_problem(hub, session, "wallops")
    if problem is None and not is_passable(entry.text):
        problem = "text-unsafe", ""
    if problem is not None:
        hub.refuse(session, *problem)
        return
    stamp = hub.change(session, "wallops", entry.text)
    hearers = [each for each in hub.sessions.values() if "w" in each.record.modes]
    event = e.Announced(entry.text, source=session.source, wallops=True, stamp=stamp)
    hub.tell(Audience(hearers), event)


ACTIONS: Final[dict[type, Action]] = {
    c.Oper: _oper,
    c.Kill: _kill,
    c.Operate: _operate,
    c.Wallops: _wallops,
}

QUESTIONS: Final[dict[type, Asking]] = {c.Oper: _question}
