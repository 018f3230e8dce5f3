"""Passwords before they are hashed, and what is kept of them. ``hashing`` makes the one the other.

Two things are kept, neither of which tells the password:

* An argon2id hash (RFC 9106) as one line of text, with its parameters and salt in it. Whatever
  reaches the server as a password is checked against this one.
* The keys of SCRAM-SHA-256 (RFC 5802, RFC 7677), for clients that prove that they know the
  password without sending it.
"""

from typing import Annotated, Final

from msgspec import Meta, Struct

from chatd_workers.saslprep import NotPrepared, saslprep

LONGEST: Final = 500
"""Bytes in a password, in UTF-8: more than fit into one line of IRC."""

SCRAM_ROUNDS: Final = 65_536
"""Rounds of PBKDF2 behind the keys of SCRAM, some 30 ms of a computer of today: the client has to
go through them as well. RFC 7677, section 4, asks for 4096 at least."""

SALT: Final = 16
"""Bytes in a salt."""

NOBODYS: Final = (
    "$argon2id$v=19$m=65536,t=3,p=4$srwCfpY6QGyXsrUtx3aBQg"
    "$sTI1N8n2S8IY+74+AkjfdZ0rVLVUvUJww3OIFiPwTA8"
)
"""A hash that no password has: what is checked when an account does not exist, so that the answer
takes as long as if it did."""


class Credentials(Struct, frozen=True, array_like=True):
    """What is kept of a password."""

    hash: Annotated[str, Meta(max_length=256)]
    """argon2id, in PHC string format."""
    salt: Annotated[bytes, Meta(max_length=64)]
    """Of SCRAM, as the three that follow."""
    rounds: Annotated[int, Meta(ge=4096)]
    stored_key: Annotated[bytes, Meta(max_length=32)]
    server_key: Annotated[bytes, Meta(max_length=32)]


class WrongPassword(ValueError):
    """It cannot be anybody's password; ``str()`` says why, to stand after "the password"."""


def prepare(password: str) -> str:
    """Return ``password`` as it is hashed, for SCRAM and for argon2. Raises WrongPassword.

    SASLprep is what clients apply for SCRAM, and what RFC 4616 has a server apply for PLAIN: so
    the same passwords are right by both. One that it forbids is nobody's, for a client that
    follows RFC 4013 could never log in with it.
    """
    if not password:
        raise WrongPassword("is empty")
    if len(password) > LONGEST:  # before all that follows, which takes time
        raise WrongPassword(f"has more than {LONGEST} bytes")
    try:
        prepared = saslprep(password)
    except NotPrepared as error:
        raise WrongPassword(str(error)) from error
    if not prepared:
        raise WrongPassword("holds nothing that can be seen")
    if len(prepared.encode()) > LONGEST:
        raise WrongPassword(f"has more than {LONGEST} bytes")
    return prepared


def is_hash(text: str) -> bool:
    """Tell whether ``text`` is a hash of argon2, as opposed to a password in plain text."""
    return text.startswith(("$argon2id$", "$argon2i$"))
