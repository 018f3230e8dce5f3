"""SASL: what the server answers in an exchange that is to prove whose account it is. Pure.

======================  ==============================  ===========================================
in this step            when the client has sent        then
======================  ==============================  ===========================================
(none)                  a mechanism                     Challenge, empty; FIRST
FIRST, PLAIN            name and password               NeedPassword; the exchange is over
FIRST, EXTERNAL         (nothing, or its name)          Success or Failure, by what the connection
                                                        itself proves (certificate, local user)
FIRST, SCRAM-SHA-256    name and nonce                  Challenge: nonce, salt, rounds; PROOF
PROOF                   a proof                         Challenge: our own proof; DONE. Or Failure
DONE                    nothing                         Success
any                     what does not belong there      Failure
any but EXTERNAL        after too many failures         Paused
======================  ==============================  ===========================================

* An account that does not exist is told from a wrong password neither by what is answered nor by
  when: PLAIN has a hash checked that nobody has, SCRAM gives a salt that is always the same for
  that name. Whether an account is suspended is told to those alone who know its password.
* SCRAM's proof is a few HMACs, which takes microseconds; the work is the client's.
* No channel binding: mechanisms that have it are not offered, so ``p=`` is refused, and ``y``
  (the client could, if we could) is as good as ``n``. RFC 5802, section 6.
* Where there were too many failures (``login_limits``), passwords and proofs are not looked at. A
  certificate cannot be guessed, so EXTERNAL is always looked at.
* Nobody logs in for somebody else: an authzid must be the name itself.

An Exchange is part of a session's state, and holds no secret: nonces and salts.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable
from typing import Final, Literal, NamedTuple

import msgspec
from msgspec import Struct

from chatd_supervisor.credentials import NOBODYS, SALT, SCRAM_ROUNDS
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.login_limits import Pause
from chatd_workers.dialects.irc import sasl as reading
from chatd_workers.names import fold

MECHANISMS: Final = ("PLAIN", "EXTERNAL", "SCRAM-SHA-256")


class Exchange(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An exchange that is going on."""

    mechanism: Literal["PLAIN", "EXTERNAL", "SCRAM-SHA-256"]
    step: Literal["first", "proof", "done"] = "first"
    account: str = ""
    """Whose account it is to be, as the client says."""
    header: str = ""
    nonce: str = ""
    """The client's and ours."""
    covered: str = ""
    """What both proofs cover so far: the two first messages."""


def to_text(exchange: Exchange) -> str:
    """Return ``exchange`` as it is kept with a session: JSON."""
    return msgspec.json.encode(exchange).decode()


def from_text(text: str) -> Exchange:
    """Return the exchange that was kept as ``text``. Raises msgspec.DecodeError."""
    return msgspec.json.decode(text, type=Exchange)


class Challenge(NamedTuple):
    """To be sent to the client, in base64."""

    data: bytes


class NeedPassword(NamedTuple):
    """To be checked (``passwords.Check``), and then to be judged (``judge``)."""

    account: str
    """As the client says."""
    known: str
    """The hash to check against."""
    password: str


class Success(NamedTuple):
    """It is the account's owner."""

    account: Account


class Failure(NamedTuple):
    """It is not, or has not shown it; ``reason`` is for people."""

    reason: str


class Paused(NamedTuple):
    """It was not looked at whether it is: nobody may try at the moment, for this ``reason``."""

    reason: str


Outcome = Challenge | NeedPassword | Success | Failure | Paused

MALFORMED: Final = Failure("that is not how this mechanism goes")
_WRONG: Final = Failure("account or password are wrong")
_FOREIGN: Final = Failure("nobody can log in as somebody else")
_BOUND: Final = Failure("there is no channel binding here")
_UNPROVEN: Final = Failure("this connection proves no account: neither a certificate nor a user")
SUSPENDED: Final = Failure("this account is suspended")


class Surroundings(NamedTuple):
    """What an answer depends on beside what the client says."""

    find: Callable[[str], Account | None]
    """``Accounts.find``."""
    proven: Account | None
    """Whose account the connection itself proves: by a certificate, or by the kernel's word."""
    salting_key: bytes
    """``Accounts.salting_key()``."""
    nonce: str
    """Fresh, and not to be guessed: printable ASCII but for commas, of 16 random bytes or more."""
    flaw: str = ""
    """Why the certificate of the connection proves nothing, as a sentence; empty: it does."""
    pause: Callable[[str], Pause | None] = lambda _: None
    """Why an account may not be tried at the moment; None: it may."""


def begin(mechanism: str) -> Exchange | None:
    """Return the exchange that ``mechanism`` (any case) begins; None if there is none such.

    The answer is an empty Challenge: in all three the client begins.
    """
    match mechanism.upper():
        case "PLAIN" | "EXTERNAL" | "SCRAM-SHA-256" as known:
            return Exchange(mechanism=known)
    return None


def respond(
    exchange: Exchange, message: bytes | None, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    """Return what ``message`` (None: no base64) makes of ``exchange``, and the answer to it.

    The exchange is None when it is over.
    """
    if message is None:
        return None, MALFORMED
    return _STEPS[exchange.mechanism, exchange.step](exchange, message, around)


def judge(account: Account | None, known: str, *, right: bool) -> Success | Failure:
    """Return what follows when the password was checked against the hash ``known``.

    ``account`` is what is called so by now: meanwhile it may have got another password.
    """
    if account is None or not right or account.credentials.hash != known:
        return _WRONG
    return SUSPENDED if account.suspended else Success(account)


def ask(name: str, password: str, find: Callable[[str], Account | None]) -> NeedPassword:
    """Return what is to be checked for somebody who says to be ``name``."""
    account = find(name)
    return NeedPassword(name, account.credentials.hash if account else NOBODYS, password)


def _plain(
    _exchange: Exchange, message: bytes, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    plain = reading.read_plain(message)
    if plain is None:
        return None, MALFORMED
    if _is_other(plain.authzid, plain.authcid):
        return None, _FOREIGN
    if (pause := around.pause(plain.authcid)) is not None:
        return None, Paused(pause.sentence)
    return None, ask(plain.authcid, plain.password, around.find)


def _external(
    _exchange: Exchange, message: bytes, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    authzid = reading.read_external(message)
    if authzid is None:
        return None, MALFORMED
    if around.flaw:
        return None, Failure(around.flaw)
    if around.proven is None:
        return None, _UNPROVEN
    if _is_other(authzid, around.proven.name):
        return None, _FOREIGN
    return None, SUSPENDED if around.proven.suspended else Success(around.proven)


def _scram_first(
    exchange: Exchange, message: bytes, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    first = reading.read_first(message)
    if first is None:
        return None, MALFORMED
    if first.binding.startswith("p"):
        return None, _BOUND
    if _is_other(first.authzid, first.name):
        return None, _FOREIGN
    if (pause := around.pause(first.name)) is not None:
        return None, Paused(pause.sentence)
    salt, rounds = _salt_of(first.name, around)
    nonce = first.nonce + around.nonce
    answer = f"r={nonce},s={base64.b64encode(salt).decode()},i={rounds}"
    going_on = Exchange(
        mechanism=exchange.mechanism,
        step="proof",
        account=first.name,
        header=first.header,
        nonce=nonce,
        covered=f"{first.bare},{answer}",
    )
    return going_on, Challenge(answer.encode())


def _scram_proof(
    exchange: Exchange, message: bytes, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    final = reading.read_final(message)
    if final is None or final.header != exchange.header or final.nonce != exchange.nonce:
        return None, MALFORMED
    # Asked again: a thousand exchanges may have come as far as this before the first one failed.
    if (pause := around.pause(exchange.account)) is not None:
        return None, Paused(pause.sentence)
    covered = f"{exchange.covered},{final.bare}".encode()
    account = around.find(exchange.account)
    # For nobody the same is done, to no avail.
    stored_key = account.credentials.stored_key if account else around.salting_key
    signature = hmac.digest(stored_key, covered, "sha256")
    client_key = bytes(a ^ b for a, b in zip(final.proof, signature, strict=False))
    right = hmac.compare_digest(hashlib.sha256(client_key).digest(), stored_key)
    if account is None or not right or len(final.proof) != len(signature):
        return None, _WRONG
    if account.suspended:
        return None, SUSPENDED
    ours = hmac.digest(account.credentials.server_key, covered, "sha256")
    going_on = Exchange(mechanism=exchange.mechanism, step="done", account=account.name)
    return going_on, Challenge(b"v=" + base64.b64encode(ours))


def _scram_done(
    exchange: Exchange, message: bytes, around: Surroundings
) -> tuple[Exchange | None, Outcome]:
    account = around.find(exchange.account)
    if message:
        return None, MALFORMED
    if account is None:
        return None, _WRONG
    return None, SUSPENDED if account.suspended else Success(account)


_Step = Callable[[Exchange, bytes, Surroundings], tuple[Exchange | None, Outcome]]
_STEPS: Final[dict[tuple[str, str], _Step]] = {
    ("PLAIN", "first"): _plain,
    ("EXTERNAL", "first"): _external,
    ("SCRAM-SHA-256", "first"): _scram_first,
    ("SCRAM-SHA-256", "proof"): _scram_proof,
    ("SCRAM-SHA-256", "done"): _scram_done,
}


def _is_other(authzid: str, name: str) -> bool:
    return bool(authzid) and fold(authzid) != fold(name)


def _salt_of(name: str, around: Surroundings) -> tuple[bytes, int]:
    account = around.find(name)
    if account is not None:
        return account.credentials.salt, account.credentials.rounds
    made = hmac.digest(around.salting_key, fold(name).encode(errors="replace"), "sha256")
    return made[:SALT], SCRAM_ROUNDS
