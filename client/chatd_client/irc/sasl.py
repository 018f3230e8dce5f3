"""Logging in: SASL's SCRAM-SHA-256 (RFC 7677), for which no password is sent, or PLAIN (RFC 4616).

PLAIN only where the connection is encrypted or does not leave this machine: else anybody on the
way could read the password.
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

MOST_ROUNDS: Final = 1_000_000
"""Of SCRAM; with more of them a server could keep us busy for good."""

_PIECE: Final = 400
"""Characters of base64 in one AUTHENTICATE (IRCv3 sasl-3.1)."""

_FIRST: Final = re.compile(rb"r=([!-+\--~]+),s=([A-Za-z0-9+/=]+),i=([0-9]{1,7})(?:,.*)?")


class Plain:
    """PLAIN: account and password as they are."""

    name = "PLAIN"

    def __init__(self, account: str, password: str) -> None:
        self._said = f"\0{account}\0{password}".encode()

    def answer(self, challenge: bytes) -> bytes | None:  # noqa: ARG002 - the protocol's signature
        """Return account and password."""
        return self._said


class Scram:
    """SCRAM-SHA-256, without channel binding; the server has to prove that it knows as well."""

    name = "SCRAM-SHA-256"

    def __init__(self, account: str, password: str, nonce: str) -> None:
        """``nonce`` is 18 random bytes or more, as printable characters other than the comma."""
        name = account.replace("=", "=3D").replace(",", "=2C")
        self._bare = f"n={name},r={nonce}".encode()
        self._nonce = nonce.encode()
        self._password = password.encode()
        self._expected = b""
        self._step = 0

    def answer(self, challenge: bytes) -> bytes | None:
        """Return the client's first, and its last word, and nothing to the server's proof."""
        self._step += 1
        if self._step == 1:
            return b"n,," + self._bare
        if self._step == 2:
            return self._prove(challenge)
        return b"" if hmac.compare_digest(challenge, self._expected) else None

    def _prove(self, challenge: bytes) -> bytes | None:
        found = _FIRST.fullmatch(challenge)
        if found is None or not found[1].startswith(self._nonce) or found[1] == self._nonce:
            return None
        rounds = int(found[3])
        if not 4096 <= rounds <= MOST_ROUNDS:
            return None
        try:
            salt = base64.b64decode(found[2], validate=True)
        except binascii.Error:
            return None
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        stored = hashlib.sha256(key).digest()
        last = b"c=biws,r=" + found[1]
        signed = b",".join([self._bare, challenge, last])
        signature = hmac.digest(stored, signed, "sha256")
        proof = bytes(left ^ right for left, right in zip(key, signature, strict=True))
        server_key = hmac.digest(salted, b"Server Key", "sha256")
        verifier = hmac.digest(server_key, signed, "sha256")
        self._expected = b"v=" + base64.b64encode(verifier)
        return last + b",p=" + base64.b64encode(proof)


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
        proof = Scram(target.account, target.password, nonce)
    elif offered and "PLAIN" not in offered:
        fail(session, f"we can log in with none of {clean_plain(', '.join(offered))}")
        return
    elif not is_private(session):
        fail(session, "the password would travel unencrypted: use TLS to log in here")
        return
    else:
        proof = Plain(target.account, target.password)
    session.proof = proof
    session.send("AUTHENTICATE", proof.name)


def is_private(session: Session) -> bool:
    """Tell whether nobody on the way can read what is said."""
    target = session.target
    return target.tls or bool(target.unix) or target.host in ("localhost", "127.0.0.1", "::1")


def on_authenticate(session: Session, message: Message) -> None:
    """AUTHENTICATE: the server wants to hear more."""
    if session.proof is None or not message.params:
        return
    said = message.params[0]
    try:
        challenge = b"" if said == "+" else base64.b64decode(said, validate=True)
    except binascii.Error:
        challenge = b""
    answer = session.proof.answer(challenge)
    if answer is None:
        session.send("AUTHENTICATE", "*")
        fail(session, "the server does not know the password either: it may be another one")
        return
    encoded = base64.b64encode(answer).decode()
    for start in range(0, len(encoded), _PIECE):
        session.send("AUTHENTICATE", encoded[start : start + _PIECE])
    if len(encoded) % _PIECE == 0:
        session.send("AUTHENTICATE", "+")


def fail(session: Session, why: str) -> None:
    """Let it be over: who wants to be there by an account is not let in as anybody."""
    session.proof = None
    session.failure = Failure(Exit.DENIED, f"{session.target.account} is not logged in: {why}")


_NONCE: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
