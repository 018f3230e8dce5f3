"""Accounts as the hub sees them: those of the journal, and over them what this tick has decided.

What the hub decides is written down at the end of the tick; until then the journal does not know
of it, but the next command must: two clients that register one name in one tick are not both told
that it is theirs. Pure: where accounts are kept is whatever answers as ``journal.accounts`` says.
"""

from chatd_supervisor.journal.accounts import (
    Account,
    AccountConflict,
    Accounts,
    Added,
    Certified,
    Change,
    Rekeyed,
    Removed,
    Suspended,
    Uncertified,
)
from chatd_supervisor.lookalikes import skeletons
from chatd_workers.names import fold


class NoAccounts:
    """Accounts where none are kept."""

    def find(self, _name: str) -> Account | None:
        """Return None."""
        return None

    def by_certificate(self, _fingerprint: str) -> Account | None:
        """Return None."""
        return None

    def all(self) -> list[Account]:
        """Return nothing."""
        return []

    def certificates(self) -> list[tuple[str, str]]:
        """Return nothing."""
        return []

    def beyond_ascii(self) -> list[str]:
        """Return nothing."""
        return []

    def version(self) -> int:
        """Return what never changes."""
        return 0

    def salting_key(self) -> bytes:
        """Return no secret: there is nobody to be told from nobody."""
        return b""


class AccountBook:
    """The accounts, with changes that are not written down yet."""

    def __init__(self, kept: Accounts) -> None:
        self._kept = kept
        # Names beyond ASCII by what they look like, and of which version of the tables.
        self._alike: dict[str, list[str]] = {}
        self._alike_of: int | None = None
        self.forget()

    def forget(self) -> None:
        """Forget what was changed and not taken: the tick begins anew."""
        self._changes: list[Change] = []
        # What is other than it is kept, by folded name and by fingerprint; None: there is none.
        self._accounts: dict[str, Account | None] = {}
        self._owners: dict[str, str | None] = {}

    def take_changes(self) -> list[Change]:
        """Return what was changed, in order, for ``Batch.accounts``; it counts as written."""
        changes = self._changes
        if any(isinstance(change, (Added, Removed)) for change in changes):
            self._alike_of = None
        self.forget()
        return changes

    def find(self, name: str) -> Account | None:
        """Return the account called ``name`` (any case). Raises JournalError."""
        folded = fold(name)
        if folded in self._accounts:
            return self._accounts[folded]
        return self._kept.find(name)

    def alike(self, name: str) -> Account | None:
        """Return an account of another name that looks like ``name``. Raises JournalError.

        One of a name of ASCII is found by its name, the few others by an index in memory.
        """
        folded = fold(name)
        wanted = skeletons(name)
        others = list(wanted)
        index = self._index()
        for skeleton in wanted:
            others += index.get(skeleton, [])
        for other, account in self._accounts.items():
            if account is not None and not wanted.isdisjoint(skeletons(account.name)):
                others.append(other)
        found = (self.find(other) for other in others if other != folded)
        return next((account for account in found if account is not None), None)

    def _index(self) -> dict[str, list[str]]:
        version = self._kept.version()
        if version != self._alike_of:
            self._alike = {}
            for name in self._kept.beyond_ascii():
                for skeleton in skeletons(name):
                    self._alike.setdefault(skeleton, []).append(fold(name))
            self._alike_of = version
        return self._alike

    def by_certificate(self, fingerprint: str) -> Account | None:
        """Return whose certificate has ``fingerprint``. Raises JournalError."""
        if fingerprint in self._owners:
            owner = self._owners[fingerprint]
            return self.find(owner) if owner is not None else None
        owned = self._kept.by_certificate(fingerprint)
        return self.find(owned.name) if owned is not None else None

    def salting_key(self) -> bytes:
        """Return the secret from which salts are made for who does not exist."""
        return self._kept.salting_key()

    def change(self, change: Change) -> None:
        """Make ``change``. Raises AccountConflict if it does not fit what is there."""
        match change:
            case Added(account):
                if self.find(account.name) is not None:
                    raise AccountConflict("exists", account.name)
                self._accounts[fold(account.name)] = account
            case Rekeyed(name, credentials):
                account = self._existing(name)._replace(credentials=credentials)
                self._accounts[fold(name)] = account
            case Suspended(name, suspended):
                account = self._existing(name)._replace(suspended=suspended)
                self._accounts[fold(name)] = account
            case Removed(name):
                self._existing(name)
                self._remove(name)
            case Certified(name, fingerprint):
                owner = self.by_certificate(fingerprint)
                if fold(self._existing(name).name) != fold(owner.name if owner else name):
                    raise AccountConflict("certificate-taken", fingerprint)
                self._owners[fingerprint] = name
            case Uncertified(fingerprint):
                if self.by_certificate(fingerprint) is None:
                    raise AccountConflict("certificate-unknown", fingerprint)
                self._owners[fingerprint] = None
        self._changes.append(change)

    def _existing(self, name: str) -> Account:
        account = self.find(name)
        if account is None:
            raise AccountConflict("unknown", name)
        return account

    def _remove(self, name: str) -> None:
        folded = fold(name)
        self._accounts[folded] = None
        held = [(fingerprint, owner) for owner, fingerprint in self._kept.certificates()]
        for fingerprint, owner in [*held, *self._owners.items()]:
            if owner is not None and fold(owner) == folded:
                self._owners[fingerprint] = None
