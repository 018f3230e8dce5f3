"""Logging in: SASL's SCRAM-SHA-256 (RFC 7677), for which no password is sent, or PLAIN (RFC 4616).

PLAIN only where the connection is encrypted and the server's certificate is checked, or where the
connection does not leave this machine: else anybody on the way could read the password, and an
offer without SCRAM may be theirs.

We are logged in when the server says so *and* the mechanism is over: for SCRAM that is when the
server has proved that it knows the password as well (RFC 5802, section 3). One that says so
earlier, or lets us in without, is left.
"""

import base64
import binascii
import hashlib
import hmac
import re
from typing import Final

from chatd_client.exits import Exit, Failure
from chatd_client.irc.cleaning import clean_plain
from chatd_client.irc.session import Proof, Session
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.saslprep import NotPrepared, saslprep

LEAST_ROUNDS: Final = 4096
"""Of SCRAM; with less the password is easily found out from what we send (RFC 7677, section 4)."""

MOST_ROUNDS: Final = 1_000_000
"""With more of them a server could keep us busy for good."""

_PIECE: Final = 400
"""Characters of base64 in one AUTHENTICATE (IRCv3 sasl-3.1)."""

_MOST_PIECES: Final = 20
"""Pieces of one challenge."""

_FIRST: Final = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([1-9][0-9]*)(?:,.*)?")

_FINAL: Final = re.compile(rb"v=([A-Za-z0-9+/=]+)(?:,.*)?")


class NotTaken(Exception):
    """What the server says, or the password, will not do; ``str()`` is the sentence for people."""


class Plain:
    """PLAIN: account and password as they are."""

    name = "PLAIN"

    def __init__(self, account: str, password: str) -> None:
        self._said = f"\0{account}\0{password}".encode()
        self.is_over = False

    def answer(self, challenge: bytes) -> bytes:
        """Return account and password, once."""
        if challenge or self.is_over:
            raise NotTaken("the server asks for more than PLAIN has to say")
        self.is_over = True
        return self._said


class Scram:
    """SCRAM-SHA-256, without channel binding; the server has to prove that it knows as well."""

    name = "SCRAM-SHA-256"

    def __init__(self, account: str, password: str, nonce: str) -> None:
        """``nonce`` is 18 random bytes or more, as printable characters other than the comma.

        Raises NotTaken if account or password have no prepared form (RFC 4013).
        """
        name = _prepared("the account", account).replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={nonce}".encode()
        self._nonce = nonce.encode()
        self._password = _prepared("the password", password).encode()
        self._expected = b""
        self._step = 0
        self.is_over = False

    def answer(self, challenge: bytes) -> bytes:
        """Return the client's first, and its last word, and nothing to the server's proof."""
        self._step += 1
        if self._step == 1 and not challenge:
            return b"n,," + self._bare
        if self._step == 2:
            return self._prove(challenge)
        if self._step == 3:
            return self._verify(challenge)
        raise NotTaken("the server does not keep to SCRAM-SHA-256")

    def _prove(self, challenge: bytes) -> bytes:
        found = _FIRST.fullmatch(challenge)
        if found is None:
            raise NotTaken("the server does not keep to SCRAM-SHA-256")
        if not found[1].startswith(self._nonce) or found[1] == self._nonce:
            raise NotTaken("the server answers somebody else, not us: its nonce is not ours")
        # Digits are counted first: a number may be as long as a line.
        rounds = int(found[3]) if len(found[3]) < 10 else MOST_ROUNDS + 1
        if not LEAST_ROUNDS <= rounds <= MOST_ROUNDS:
            raise NotTaken(
                f"the server asks for {clean_plain(found[3][:12].decode())} rounds of hashing,"
                f" and we take {LEAST_ROUNDS} to {MOST_ROUNDS}"
            )
        try:
            salt = base64.b64decode(found[2], validate=True)
        except binascii.Error as error:
            raise NotTaken("the server does not keep to SCRAM-SHA-256") from error
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        stored = hashlib.sha256(key).digest()
        last = b"c=biws,r=" + found[1]
        signed = b",".join([self._bare, challenge, last])
        signature = hmac.digest(stored, signed, "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        verifier = hmac.digest(server_key, signed, "sha256")
        self._expected = base64.b64encode(verifier)
        return last + b",p=" + base64.b64encode(proof)

    def _verify(self, challenge: bytes) -> bytes:
        found = _FINAL.fullmatch(challenge)
        if found is None or not hmac.compare_digest(found[1], self._expected):
            raise NotTaken("the server does not know the password either: it may be another one")
        self.is_over = True
        return b""


def _prepared(what: str, text: str) -> str:
    try:
        prepared = saslprep(text)
    except NotPrepared as error:
        raise NotTaken(f"{what} {error}") from error
    if not prepared:
        raise NotTaken(f"{what} holds nothing that can be seen")
    return prepared


def is_wanted(session: Session) -> bool:
    """Tell whether there is an account to log in to."""
    return bool(session.target.account and session.target.password)


def begin(session: Session) -> None:
    """Begin to log in, with the best of the mechanisms that both know."""
    target = session.target
    offered = [name for name in session.offered.get("sasl", "").upper().split(",") if name]
    proof: Proof
    if "SCRAM-SHA-256" in offered:
        nonce = "".join(session.dice.choices(_NONCE, k=32))
        try:
            proof = Scram(target.account, target.password, nonce)
        except NotTaken as error:
            fail(session, str(error))
            return
    elif offered and "PLAIN" not in offered:
        fail(session, f"we can log in with none of {clean_plain(', '.join(offered))}")
        return
    elif not is_private(session):
        fail(session, _exposed(session))
        return
    else:
        proof = Plain(target.account, target.password)
    session.proof = proof
    session.send("AUTHENTICATE", proof.name)


def is_private(session: Session) -> bool:
    """Return whether nobody on the way can read what is said."""
    target = session.target
    if target.unix or target.host in ("localhost", "127.0.0.1", "::1"):
        return True
    return target.tls and (bool(target.pin) or not target.insecure)


def _exposed(session: Session) -> str:
    if session.target.tls:
        return "anybody could read the password: trust the certificate (--pin) to log in here"
    return "the password would travel unencrypted: use TLS to log in here"


def on_authenticate(session: Session, message: Message) -> None:
    """AUTHENTICATE: the server wants to hear more."""
    if session.proof is None or not message.params:
        return
    said = message.params[0]
    session.challenge += "" if said == "+" else said
    if len(said) == _PIECE and len(session.challenge) < _PIECE * _MOST_PIECES:
        return
    whole, session.challenge = session.challenge, ""
    try:
        answer = session.proof.answer(base64.b64decode(whole, validate=True))
    except binascii.Error:
        _give_up(session, "the server does not keep to SASL")
        return
    except NotTaken as error:
        _give_up(session, str(error))
        return
    encoded = base64.b64encode(answer).decode()
    for start in range(0, len(encoded), _PIECE):
        session.send("AUTHENTICATE", encoded[start : start + _PIECE])
    if len(encoded) % _PIECE == 0:
        session.send("AUTHENTICATE", "+")


def is_proved(session: Session) -> bool:
    """Return whether the server may say that we are logged in now, and has not if it may not."""
    if session.proof is not None and session.proof.is_over:
        return True
    _give_up(session, "the server says we are, but has not proved that it knows the password")
    return False


def _give_up(session: Session, why: str) -> None:
    if session.proof is not None:
        session.send("AUTHENTICATE", "*")
    fail(session, why)


def fail(session: Session, why: str) -> None:
    """Let it be over: who wants to be there by an account is not let in as anybody."""
    session.proof = None
    session.failure = Failure(Exit.DENIED, f"{session.target.account} is not logged in: {why}")


_NONCE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
