"""The tables of the configuration that say who is who: ``[accounts]`` and ``[[operators]]``."""

import re
from typing import Annotated, Final

from msgspec import Meta, Struct

from chatd_supervisor.credentials import LONGEST, is_hash
from chatd_workers.config_keys import wrong

EVERYTHING: Final = "all"
"""The class of those who may do whatever an operator can."""

PRIVILEGES: Final[dict[str, str]] = {
    "kill": "put somebody off the server",
    "rehash": "have the configuration read again",
    "die": "stop the server",
    "restart": "restart the server",
    "wallops": "tell something to all who want to hear such",
    "rooms": "do in any room what its operators do, from outside as well",
    "see-all": "see secret rooms, and people who are not shown to everybody",
}
"""The other classes, and what each allows. What a class that is none of these allows is nothing."""

_HASH: Final = re.compile(
    r"\$argon2id?\$v=\d+\$m=\d+,t=\d+,p=\d+\$[A-Za-z0-9+/]{11,}\$[A-Za-z0-9+/]{11,}"
)


class Accounts(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[accounts]``."""

    registration: Annotated[bool, Meta(description="Clients may register accounts.")] = True
    before_connect: Annotated[
        bool, Meta(description="They may do so before they have come in.")
    ] = True
    require_email: Annotated[
        bool, Meta(description="Whoever registers an account must give an email address.")
    ] = False
    nick_ownership: Annotated[
        bool, Meta(description="A nick that is an account's name is for its owner alone.")
    ] = True
    min_password_length: Annotated[
        int, Meta(ge=1, le=LONGEST, description="Characters in the password of a new account.")
    ] = 3
    accounts_per_network: Annotated[
        int,
        Meta(
            ge=0,
            description="Accounts that may be made in a day from one address, or network of IPv6.",
        ),
    ] = 20


class Operator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[operators]]``."""

    name: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=64,
            description="By which one becomes this operator, with OPER.",
            extra={"allowed": "a word of 1 to 64 characters"},
        ),
    ]
    password: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=LONGEST,
            description="As chatd hash-password prints it; or in plain text, for a test.",
            extra={"allowed": "a hash of argon2, or a password"},
        ),
    ]
    classes: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=32)], ...],
        Meta(
            description="What this operator may do.",
            extra={"allowed": "a list of words of 1 to 32 characters"},
        ),
    ] = (EVERYTHING,)

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        if not _is_word(self.name):
            raise wrong("name", "must be a word of 1 to 64 characters")
        # One that was cut off in copying would be taken for a password, which nobody would guess.
        if self.password.startswith("$argon2") and not (
            is_hash(self.password) and _HASH.fullmatch(self.password)
        ):
            raise wrong("password", "is not a whole hash; chatd hash-password prints one")
        if not all(map(_is_word, self.classes)):
            raise wrong("classes", "must be a list of words of 1 to 32 characters")


def _is_word(text: str) -> bool:
    return text.isprintable() and not text.startswith(":") and len(text.split()) == 1
