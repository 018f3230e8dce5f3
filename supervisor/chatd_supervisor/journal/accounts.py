"""Accounts in the journal's database: what is kept of each, who asks for it, how it changes.

An account is a name that belongs to whoever knows its password, or holds the key of a certificate
whose fingerprint is written down for it. Names are compared folded, as nicks are.

They are changed in two ways, of which one never undoes the other:

* By the server, as part of a batch (``Batch.accounts``): an account is there if, and only if, what
  was said of it to anybody is in the journal.
* By ``chatd account`` beside it, in a transaction of its own (``account_editing``). So what the
  hub has found may have changed by the time its batch is written. Then nothing of the batch is
  written, AccountConflict is raised, and the hub, which has to begin anew, finds what is there now.

Lookups take some 10 microseconds and are made where the answer is needed, also in the tick.
"""

from typing import Final, Literal, NamedTuple, Protocol

from chatd_supervisor.credentials import Credentials

FINGERPRINT: Final = 64
"""Hexadecimal digits of a fingerprint: SHA-256 of the certificate (DER)."""


class Account(NamedTuple):
    """An account as the journal has it."""

    name: str
    created: int
    """Microseconds since the epoch."""
    credentials: Credentials
    email: str
    """Empty: none was given."""
    suspended: bool
    """Nobody may log in to it; its name stays taken."""


class Added(NamedTuple):
    """There is a new account."""

    account: Account


class Rekeyed(NamedTuple):
    """An account has another password."""

    name: str
    credentials: Credentials


class Suspended(NamedTuple):
    """Nobody may log in to an account, or (``suspended`` False) one may again."""

    name: str
    suspended: bool


class Removed(NamedTuple):
    """An account is no more, and with it its certificates, and what it could read."""

    name: str


class Certified(NamedTuple):
    """Whoever shows the certificate of this fingerprint is the account's owner."""

    name: str
    fingerprint: str


class Uncertified(NamedTuple):
    """A fingerprint stands for nobody any more."""

    fingerprint: str


Change = Added | Rekeyed | Suspended | Removed | Certified | Uncertified

CONFLICTS: Final = {
    "exists": "there is an account {what} already",
    "alike": "it would look like account {what}, which is there already",
    "unknown": "there is no account {what}",
    "certificate-taken": "the certificate {what} belongs to another account",
    "certificate-unknown": "no account has a certificate {what}",
}
"""Why a change cannot be made."""


class AccountConflict(Exception):
    """A change does not fit what is there; ``str()`` is a sentence for people."""

    def __init__(
        self,
        reason: Literal["exists", "alike", "unknown", "certificate-taken", "certificate-unknown"],
        what: str,
    ) -> None:
        super().__init__(CONFLICTS[reason].format(what=what))
        self.reason = reason
        self.what = what


class Accounts(Protocol):
    """What can be asked about accounts. Everything raises JournalError."""

    def find(self, name: str) -> Account | None:
        """Return the account called ``name`` (any case)."""

    def by_certificate(self, fingerprint: str) -> Account | None:
        """Return whose certificate has ``fingerprint``."""

    def all(self) -> list[Account]:
        """Return all accounts, by name."""

    def certificates(self) -> list[tuple[str, str]]:
        """Return all (name, fingerprint), by name."""

    def beyond_ascii(self) -> list[str]:
        """Return the names of accounts that are not of ASCII alone."""

    def version(self) -> int:
        """Return a number that is another one when others have changed accounts."""

    def salting_key(self) -> bytes:
        """Return a secret of this journal, from which salts are made for who does not exist."""


def is_address(text: str) -> bool:
    """Tell whether ``text`` may be an email address: somebody at some place, and no blanks."""
    somebody, _, place = text.rpartition("@")
    return bool(somebody and place) and len(text) <= 254 and text.isprintable() and " " not in text


def read_fingerprint(text: str) -> str | None:
    """Return the SHA-256 fingerprint in ``text`` as it is kept, None if that is none.

    As openssl(1) and browsers write it: with or without colons, in capitals or not.
    """
    digits = text.strip().replace(":", "").lower()
    if len(digits) == FINGERPRINT and all(digit in "0123456789abcdef" for digit in digits):
        return digits
    return None
