"""Accounts for tests, without the time that real hashes take."""

import hashlib
import hmac

from chatd_supervisor.credentials import Credentials
from chatd_supervisor.journal.accounts import Account
from chatd_supervisor.questions import Answer, Check, Checked, Derive, Derived, Question


def credentials(
    password: str, salt: bytes = b"0123456789abcdef", rounds: int = 4096
) -> Credentials:
    """Return what is kept of ``password``, with a hash that only looks like one."""
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return Credentials(
        f"$argon2id$of {password}",
        salt,
        rounds,
        hashlib.sha256(client_key).digest(),
        hmac.digest(salted, b"Server Key", "sha256"),
    )


def answer(question: Question) -> Answer:
    """Answer as ``passwords`` would, of such credentials."""
    match question:
        case Check(known, password):
            return Checked(known == f"$argon2id$of {password}")
        case Derive(password):
            return Derived(credentials(password))


def account(name: str, password: str = "sesame", *, suspended: bool = False) -> Account:
    return Account(name, 1_000_000, credentials(password), "", suspended)
