"""Hashing passwords, and holding passwords against hashes: slow on purpose, so not for the master.

argon2id takes 64 MiB and a tenth of a second. ``passwords`` has that done by a process of its own,
which alone imports this, and with it argon2; ``chatd account`` does it for itself.

Passwords are prepared first, so that the same one typed on two machines is the same
(``credentials.prepare``).
"""

import hashlib
import hmac
import importlib
import os
import sys
from typing import Final, NamedTuple

from argon2 import exceptions, low_level

from chatd_supervisor.credentials import (
    SALT,
    SCRAM_ROUNDS,
    Credentials,
    WrongPassword,
    is_hash,
    prepare,
)

PASSES: Final = 3
MEMORY: Final = 64 * 1024
LANES: Final = 4
TAG: Final = 32
"""Passes, KiB, lanes and bytes of argon2id: the second recommended option of RFC 9106, section 4,
for machines that have other work to do (64 MiB; the first takes 2 GiB)."""


class ScramKeys(NamedTuple):
    """StoredKey and ServerKey (RFC 5802, section 3)."""

    stored_key: bytes
    server_key: bytes


def derive(password: str) -> Credentials:
    """Return what is to be kept of ``password``. Raises WrongPassword."""
    made = hash_of(password)
    salt = os.urandom(SALT)
    keys = scram_keys(prepare(password).encode(), salt, SCRAM_ROUNDS)
    return Credentials(made, salt, SCRAM_ROUNDS, keys.stored_key, keys.server_key)


def hash_of(password: str) -> str:
    """Return an argon2id hash of ``password``. Raises WrongPassword."""
    return low_level.hash_secret(
        prepare(password).encode(),
        os.urandom(SALT),
        time_cost=PASSES,
        memory_cost=MEMORY,
        parallelism=LANES,
        hash_len=TAG,
        type=low_level.Type.ID,
    ).decode()


def verify(known: str, password: str) -> bool:
    """Tell whether ``password`` is that of the hash ``known``, or ``known`` itself if it is none.

    One that cannot be anybody's password is wrong. Raises argon2.exceptions.VerificationError if
    the hash cannot be read, or there is no memory.
    """
    try:
        prepared = prepare(password).encode()
        if not is_hash(known):
            return hmac.compare_digest(prepare(known).encode(), prepared)
        kind = low_level.Type.ID if known.startswith("$argon2id$") else low_level.Type.I
        return low_level.verify_secret(known.encode(), prepared, kind)
    except (exceptions.VerifyMismatchError, WrongPassword):
        return False


def scram_keys(password: bytes, salt: bytes, rounds: int) -> ScramKeys:
    """Return the keys of SCRAM-SHA-256 for a password that is prepared."""
    if "_hashlib" not in sys.modules:
        # The master has imported hashlib without OpenSSL (lean), and PBKDF2 is slow without it
        # (Python 3.11), or is not there at all.
        importlib.reload(hashlib)
    salted = hashlib.pbkdf2_hmac("sha256", password, salt, rounds)
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    return ScramKeys(
        hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", "sha256")
    )
