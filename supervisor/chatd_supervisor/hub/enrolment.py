"""Making accounts, and logging in with a password: REGISTER, IDENTIFY, and what is said for them.

Nothing is sent to anybody to confirm an account: it is there at once, so there is nothing to be
confirmed with VERIFY.
"""

from typing import Final

from chatd_supervisor import sasl
from chatd_supervisor.credentials import WrongPassword, prepare
from chatd_supervisor.hub.checking import Asking, is_right, question_for
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.lasting import disown
from chatd_supervisor.hub.logins import (
    count_attempt,
    count_failure,
    displace_alike,
    is_paused,
    log_in,
    pause,
    take_name,
)
from chatd_supervisor.hub.ownership import is_mixture, is_service
from chatd_supervisor.journal.accounts import Account, Added, is_address
from chatd_supervisor.login_limits import in_words
from chatd_supervisor.questions import Checked, Derive, Derived, Question, Unacceptable, Unavailable
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers.names import fold, is_given, is_nick

_Refusal = tuple[str, str, str]
"""A problem, its value, and what it is about: the account that it would have been."""

_TELLING: Final = frozenset({"account-exists", "account-nick"})
"""Refusals by which one can find out which accounts there are: as good as failed logins."""


def _register(hub: Core, session: Session, entry: c.Register) -> None:
    refusal = _objection(hub, session, entry)
    if refusal is not None:
        hub.refuse(session, *refusal)
        if refusal[0] in _TELLING:
            count_failure(hub, session, "")
        return
    name = entry.account or session.nick
    answer = hub.answer_to(Derive(entry.password))
    match answer:
        case Derived(credentials):
            account = Account(name, hub.now, credentials, entry.email, suspended=False)
            hub.accounts.change(Added(account))
            hub.login_limits.made(hub.origin_of(session), hub.seconds)
            # Of an account of that name which is no more, something may be left.
            disown(hub, name)
            hub.inform(session, "account-made", name)
            log_in(hub, session, account)
            take_name(hub, session, account)
            displace_alike(hub, name)
        case Unacceptable(reason):
            hub.refuse(session, "password-invalid", f"it {reason}", about=name)
        case Unavailable(reason):
            hub.refuse(session, "accounts-unavailable", reason, about=name)
        case Checked():
            raise AssertionError("this was not asked")


def _objection(hub: Core, session: Session, entry: c.Register) -> _Refusal | None:
    """Return why ``session`` cannot make an account; None if it can."""
    return (
        _objection_to_person(hub, session)
        or _objection_to_name(hub, session, entry.account)
        or _objection_to_rest(hub, entry, entry.account or session.nick)
    )


def _objection_to_person(hub: Core, session: Session) -> _Refusal | None:
    rules, record = hub.rules, session.record
    if not rules.registration:
        return "accounts-closed", "", ""
    if not record.registered and not rules.before_connect:
        return "connection-first", "REGISTER", ""
    if not record.registered and rules.password and not record.password_given:
        # It would be a way in for who does not know it.
        return "password-wrong", "", ""
    if record.account:
        return "account-present", record.account, ""
    return _objection_to_network(hub, session)


def _objection_to_network(hub: Core, session: Session) -> _Refusal | None:
    """Return why nobody from where ``session`` is may make an account now; None if one may."""
    found = pause(hub, session, "")
    if found is not None:
        return "register-paused", found.term, ""
    if hub.is_exempt(session):
        return None
    network, most = hub.origin_of(session), hub.rules.accounts_per_network
    left = hub.login_limits.until_next_account(network, most, hub.seconds)
    return ("accounts-many", in_words(left), "") if left else None


def _objection_to_name(hub: Core, session: Session, wanted: str) -> _Refusal | None:
    name = wanted or session.nick
    if not wanted and hub.knows_one_room(session) and not session.named:
        return "not-named", session.nick, ""
    # It has asked for a nick and not got it, or not yet: the name that it means is taken as well.
    name = name or session.record.wish or session.record.warned
    if not name:
        return "account-needs-nick", "", ""
    return _objection_to_account(hub, session, name) or (
        None if wanted or session.nick else ("account-needs-nick", "", "")
    )


def _objection_to_account(hub: Core, session: Session, name: str) -> _Refusal | None:
    if not is_nick(name) or is_given(name) or is_service(name) or _is_too_long(hub, name):
        return "account-invalid", name, name
    if is_mixture(hub, name):
        return "account-mixed", name, name
    if (existing := hub.accounts.find(name)) is not None:
        return "account-exists", existing.name, name
    if hub.accounts.alike(name) is not None:
        return "account-alike", name, name
    if hub.nicks.get(fold(name), session) is not session:
        return "account-nick", name, name
    return None


def _is_too_long(hub: Core, name: str) -> bool:
    return bool(hub.rules.nick_length) and len(name) > hub.rules.nick_length


def _objection_to_rest(hub: Core, entry: c.Register, name: str) -> _Refusal | None:
    if entry.email and not is_address(entry.email):
        return "email-invalid", entry.email, name
    if hub.rules.require_email and not entry.email:
        return "email-needed", "", name
    try:
        prepare(entry.password)
    except WrongPassword as error:
        return "password-invalid", f"it {error}", name
    least = hub.rules.min_password_length
    if len(entry.password) < least:
        return "password-weak", f"it has less than {least} characters", name
    return None


def _identify(hub: Core, session: Session, entry: c.Identify) -> None:
    if is_paused(hub, session, entry.account or session.nick):
        return
    need = sasl.ask(entry.account or session.nick, entry.password, hub.accounts.find)
    right = is_right(hub, need.known, need.password)
    if isinstance(right, Unavailable):
        hub.refuse(session, "password-unchecked", right.reason)
        return
    outcome = sasl.judge(hub.accounts.find(need.account), need.known, right=right)
    if isinstance(outcome, sasl.Success):
        log_in(hub, session, outcome.account)
        take_name(hub, session, outcome.account)
    elif outcome == sasl.SUSPENDED:
        hub.refuse(session, "account-suspended", need.account)
        count_attempt(hub, session)
    else:
        hub.refuse(session, "password-wrong")
        count_failure(hub, session, need.account)


def _verify(hub: Core, session: Session, entry: c.Verify) -> None:
    hub.refuse(session, "code-invalid", entry.account)


def _question_of_register(hub: Core, session: Session, entry: c.Register) -> Question | None:
    return Derive(entry.password) if _objection(hub, session, entry) is None else None


def _question_of_identify(hub: Core, session: Session, entry: c.Identify) -> Question | None:
    if pause(hub, session, entry.account or session.nick) is not None:
        return None
    need = sasl.ask(entry.account or session.nick, entry.password, hub.accounts.find)
    return question_for(need.known, need.password)


ACTIONS: Final[dict[type, Action]] = {
    c.Register: _register,
    c.Identify: _identify,
    c.Verify: _verify,
}

QUESTIONS: Final[dict[type, Asking]] = {
    c.Register: _question_of_register,
    c.Identify: _question_of_identify,
}
