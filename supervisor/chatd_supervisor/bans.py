"""Who is kept off the server, and who is let off that: by address, nick or account. Pure.

Bans and exemptions are two lists of the same make, and both are part of the state (``state``): what
an administrator has said is written down, and holds whatever is killed. An entry may end by itself;
it is asked for with the time, and is as good as not there from then on.

An exemption lets off bans of its own kind: of an address, bans of addresses; of a nick, bans of
nicks. An account has shown who it is, so its exemption lets off both.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, get_args

from msgspec import Struct

from chatd_supervisor.networks import NetworkMap, read_network, write_network
from chatd_workers.dialects.irc.masks import is_mask, matcher
from chatd_workers.names import fold, is_nick

Kind = Literal["address", "nick", "account"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

UNIX_USER: Final = re.compile(r"unix:[^\s/:]+")
"""A user of this machine who comes through a Unix socket, as the address of a ban."""

_WILDCARDS: Final = re.compile(r"[*?]")


class Ban(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An entry of one of the lists, as it stands in the journal."""

    kind: Kind
    mask: str
    """As ``read_mask`` has it."""
    exempt: bool = False
    """It is in the list of exemptions."""
    reason: str = ""
    since: int
    """Microseconds since the epoch."""
    until: int = 0
    """The same; 0: for ever."""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return key_of(self.kind, self.mask, exempt=self.exempt)

    @property
    def is_of_a_network(self) -> bool:
        """It is of IP addresses, one or many."""
        return self.kind == "address" and not self.mask.startswith("unix:")

    @property
    def is_pattern(self) -> bool:
        """It is of nicks, and has wildcards."""
        return self.kind == "nick" and is_mask(self.mask)

    def holds(self, now: int) -> bool:
        """Tell whether it has not ended by ``now``."""
        return not self.until or now < self.until


def key_of(kind: Kind, mask: str, *, exempt: bool) -> str:
    """Return what an entry is found by."""
    return f"{'exempt' if exempt else 'ban'} {kind} {fold(mask)}"


def read_mask(kind: Kind, typed: str) -> str:
    """Return what is meant by ``typed``: a network, a nick with wildcards, an account.

    Raises ValueError, which says what is wrong.
    """
    if kind == "address":
        if typed.startswith("unix:"):
            if not UNIX_USER.fullmatch(typed):
                raise ValueError(f"{typed} names no user of this machine: unix:NAME")
            return typed
        try:
            network = read_network(typed)
        except ValueError as error:
            raise ValueError(f"{error} (it takes 192.0.2.7, 2001:db8::/32 or unix:NAME)") from error
        if not network.prefixlen:
            raise ValueError(f"{typed} is everybody")
        return write_network(network)
    bare = _WILDCARDS.sub("", typed)
    if kind == "account" and bare != typed:
        raise ValueError(f"{typed} is no account: an account has no wildcards")
    if typed and not bare:
        raise ValueError(f"{typed} is everybody")
    # Where a wildcard stands first, anything may come there: also what lets a dash follow.
    if not is_nick(bare.lstrip("-") if bare != typed else bare):
        raise ValueError(f"{typed} cannot be {'a nick' if kind == 'nick' else 'an account'}")
    return typed


class _List:
    """The bans, or the exemptions."""

    def __init__(self) -> None:
        self.networks: NetworkMap[Ban] = NetworkMap()
        self.by_name: dict[tuple[Kind, str], Ban] = {}
        """Users, nicks and accounts, folded; of nicks those without wildcards."""
        self.patterns: dict[str, Ban] = {}

    def set(self, ban: Ban) -> None:
        if ban.is_of_a_network:
            self.networks.set(read_network(ban.mask), ban)
        elif ban.is_pattern:
            self.patterns[fold(ban.mask)] = ban
        else:
            self.by_name[ban.kind, fold(ban.mask)] = ban

    def remove(self, ban: Ban) -> None:
        if ban.is_of_a_network:
            self.networks.remove(read_network(ban.mask))
        elif ban.is_pattern:
            del self.patterns[fold(ban.mask)]
        else:
            del self.by_name[ban.kind, fold(ban.mask)]

    def find(self, kind: Kind, name: str, now: int) -> Ban | None:
        """Return an entry that means ``name`` and has not ended."""
        if not name:
            return None
        return next((ban for ban in self._meaning(kind, name) if ban.holds(now)), None)

    def _meaning(self, kind: Kind, name: str) -> Iterator[Ban]:
        known = self.by_name.get((kind, fold(name)))
        if known is not None:
            yield known
        if kind == "address":
            yield from self.networks.find(name)
        elif kind == "nick":
            folded = fold(name)
            yield from (ban for mask, ban in self.patterns.items() if matcher(mask)(folded))


class Bans:
    """Both lists."""

    def __init__(self) -> None:
        self.entries: dict[str, Ban] = {}
        # No entry is dated later than this.
        self.latest = 0
        self._bans = _List()
        self._exemptions = _List()

    def set(self, ban: Ban) -> None:
        """Let ``ban`` be in its list, in place of one of the same name there."""
        self.entries[ban.key] = ban
        self.latest = max(self.latest, ban.since)
        self._list_of(ban).set(ban)

    def remove(self, key: str) -> None:
        """Take out the entry found by ``key``. Raises KeyError."""
        ban = self.entries.pop(key)
        self._list_of(ban).remove(ban)

    def _list_of(self, ban: Ban) -> _List:
        return self._exemptions if ban.exempt else self._bans

    def ended(self, now: int) -> list[Ban]:
        """Return the entries that have ended by ``now`` (microseconds since the epoch)."""
        return [ban for ban in self.entries.values() if not ban.holds(now)]

    def of_address(self, host: str, now: int) -> Ban | None:
        """Return the ban that keeps ``host`` out: an IP address, or ``unix:NAME``; None if none."""
        ban = self._bans.find("address", host, now)
        return None if ban is None or self.is_exempt("address", host, now) else ban

    def of_nick(self, nick: str, now: int) -> Ban | None:
        """Return the ban because of which nobody may be called ``nick``."""
        ban = self._bans.find("nick", nick, now)
        return None if ban is None or self.is_exempt("nick", nick, now) else ban

    def of_account(self, account: str, now: int) -> Ban | None:
        """Return the ban that keeps whoever is logged in to ``account`` out."""
        return self._bans.find("account", account, now)

    def is_exempt(self, kind: Kind, name: str, now: int) -> bool:
        """Tell whether ``name`` is let off."""
        return self._exemptions.find(kind, name, now) is not None

    def lets_off_accounts(self, now: int) -> bool:
        """Tell whether any account is let off, so that one must hear first who somebody is."""
        return any(
            ban.exempt and ban.kind == "account" and ban.holds(now) for ban in self.entries.values()
        )
