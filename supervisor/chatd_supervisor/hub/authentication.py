"""SASL: AUTHENTICATE, before and after one has registered (IRCv3 sasl-3.1, sasl-3.2).

What is said in an exchange is ``sasl``'s; here it is put together from its pieces, goes on from
line to line in the session's record (but for the pieces, see there), and has its effects. Whoever
is logged in can log in again, also to another account.
"""

from functools import partial
from typing import Final

from chatd_supervisor import sasl
from chatd_supervisor.hub.checking import Asking, is_right, question_for
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.logins import become, count_attempt, count_failure, pause, show
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.questions import Question, Unavailable
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.dialects.irc import sasl as reading
from chatd_workers.dialects.text_people import shown_time

MICROSECONDS: Final = 1_000_000

ABORT: Final = "*"
"""What ends an exchange."""

_OVER: Final = {"authenticating": "", "exchange": ""}


def mechanisms_of(session: Session) -> tuple[str, ...]:
    """Return the mechanisms that can succeed on the connection of ``session``."""
    proves = session.record.fingerprint or session.record.local_user
    return tuple(name for name in sasl.MECHANISMS if name != "EXTERNAL" or proves)


def abandon(hub: Core, session: Session) -> None:
    """Abort what is under way: ``session`` has ended its introduction without waiting for it."""
    if session.record.authenticating:
        _abort(hub, session)


def _abort(hub: Core, session: Session) -> None:
    _stop(hub, session)
    hub.refuse(session, "sasl-aborted")


def _stop(hub: Core, session: Session) -> None:
    hub.pieces.set(session.id, "")
    if session.record.authenticating:
        hub.change(session, "sasl", **_OVER)


def _authenticate(hub: Core, session: Session, entry: c.Authenticate) -> None:
    if entry.data == ABORT:
        _abort(hub, session)
    elif len(entry.data) > reading.PIECE:
        _stop(hub, session)
        hub.refuse(session, "sasl-too-long", str(reading.PIECE))
    elif session.record.authenticating:
        _go_on(hub, session, entry.data)
    else:
        _begin(hub, session, entry.data)


def _begin(hub: Core, session: Session, name: str) -> None:
    exchange = sasl.begin(name)
    if exchange is None:
        hub.numeric(session, "RPL_SASLMECHS", ",".join(mechanisms_of(session)))
        hub.refuse(session, "sasl-failed")
        return
    kept = sasl.to_text(exchange)
    hub.change(session, "sasl", authenticating=exchange.mechanism, exchange=kept)
    _challenge(hub, session, b"")


def _challenge(hub: Core, session: Session, data: bytes) -> None:
    for piece in reading.encode(data):
        hub.reply(session, e.Replied("AUTHENTICATE", (piece,), relayed=False))


def _go_on(hub: Core, session: Session, piece: str) -> None:
    pieces = hub.pieces.of(session.id) + piece
    if not reading.is_piece(piece):
        _fail(hub, session, sasl.MALFORMED)
    elif len(pieces) > reading.PIECE * reading.MAX_PIECES:
        # 905 is for a piece that is too long; all of them together are no message of any mechanism.
        _stop(hub, session)
        _tell_failure(hub, session, "the message is too long")
    elif not reading.is_last(piece):
        hub.pieces.set(session.id, pieces)
    else:
        hub.pieces.set(session.id, "")
        exchange = sasl.from_text(session.record.exchange)
        try:
            going_on, outcome = _respond(hub, session, exchange, pieces)
        except JournalError:
            # Clients wait for a numeric of SASL.
            _stop(hub, session)
            _tell_failure(hub, session, "no account can be looked up at the moment")
            return
        _conclude(hub, session, going_on, outcome, exchange.account)


def _respond(
    hub: Core, session: Session, exchange: sasl.Exchange, pieces: str
) -> tuple[sasl.Exchange | None, sasl.Outcome]:
    around = sasl.Surroundings(
        hub.accounts.find,
        _proven(hub, session),
        hub.accounts.salting_key(),
        hub.nonce(),
        _flaw(hub, session),
        partial(pause, hub, session),
    )
    return sasl.respond(exchange, reading.decode(pieces), around)


def _proven(hub: Core, session: Session) -> Account | None:
    """Return whose account the connection of ``session`` proves; a certificate goes first."""
    record = session.record
    account = hub.accounts.by_certificate(record.fingerprint) if record.fingerprint else None
    if account is None and record.local_user:
        account = hub.accounts.find(record.local_user)
    return account


def _flaw(hub: Core, session: Session) -> str:
    """Return why the certificate of ``session`` proves nothing now; empty: it does, or is none."""
    record, now = session.record, hub.now // MICROSECONDS
    if not record.fingerprint or record.valid_from <= now <= record.valid_until:
        return ""
    if now < record.valid_from:
        return f"this certificate is not valid before {_shown(record.valid_from)}"
    return f"this certificate has expired, it was valid until {_shown(record.valid_until)}"


def _shown(seconds: int) -> str:
    return f"{shown_time(seconds * MICROSECONDS)} UTC"


def _conclude(
    hub: Core,
    session: Session,
    going_on: sasl.Exchange | None,
    outcome: sasl.Outcome,
    tried: str,
) -> None:
    """Apply ``outcome``. ``tried``: the account, if the exchange has named one."""
    if isinstance(outcome, sasl.NeedPassword):
        tried = outcome.account
        right = is_right(hub, outcome.known, outcome.password)
        if isinstance(right, Unavailable):
            hub.change(session, "sasl", **_OVER)
            _tell_failure(hub, session, right.reason)
            return
        outcome = sasl.judge(hub.accounts.find(outcome.account), outcome.known, right=right)
    match outcome:
        case sasl.Challenge(data):
            assert going_on is not None, "there is something to be answered"
            hub.change(session, "sasl", exchange=sasl.to_text(going_on))
            _challenge(hub, session, data)
        case sasl.Success(account):
            hub.change(session, "sasl", **_OVER)
            stamp = become(hub, session, account)
            hub.numeric(session, "RPL_SASLSUCCESS")
            show(hub, session, stamp)
        case sasl.Paused(reason):
            _tell_failure(hub, session, reason)
            count_attempt(hub, session, **_OVER)
        case sasl.Failure():
            _fail(hub, session, outcome, tried)


def _fail(hub: Core, session: Session, failure: sasl.Failure, tried: str = "") -> None:
    hub.pieces.set(session.id, "")
    if failure == sasl.SUSPENDED:  # so it was its owner
        hub.refuse(session, "sasl-locked")
        count_attempt(hub, session, **_OVER)
        return
    _tell_failure(hub, session, failure.reason)
    count_failure(hub, session, tried, **_OVER)


def _tell_failure(hub: Core, session: Session, reason: str) -> None:
    hub.numeric(session, "ERR_SASLFAIL", f"SASL authentication failed: {reason}")


def _question(hub: Core, session: Session, entry: c.Authenticate) -> Question | None:
    """Return the question that PLAIN leads to with its last piece."""
    piece = entry.data
    if session.record.authenticating != "PLAIN" or piece == ABORT:
        return None
    pieces = hub.pieces.of(session.id) + piece
    if not (reading.is_piece(piece) and reading.is_last(piece)):
        return None
    _, outcome = _respond(hub, session, sasl.from_text(session.record.exchange), pieces)
    if not isinstance(outcome, sasl.NeedPassword):
        return None
    return question_for(outcome.known, outcome.password)


ACTIONS: Final[dict[type, Action]] = {c.Authenticate: _authenticate}

QUESTIONS: Final[dict[type, Asking]] = {c.Authenticate: _question}
