"""Masks in the lists of a room, and whom they mean.

A mask is ``nick!user@host`` with wildcards, or, with ``$`` before it, one of another kind:
``$a:mask`` means whoever is logged in to an account that matches, ``$a`` whoever is logged in to
any (IRCv3 account-extban).

A host that is an IP address or a network means addresses, not letters: ``*!*@2001:DB8:0:0::/32``
means everybody in that network, and stands in lists as ``*!*@2001:db8::/32``, in the one spelling
that there is of it. An IPv4-mapped address of IPv6 is that IPv4 address.
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final, NamedTuple

from chatd_supervisor.networks import Network, read_address, read_network, write_network
from chatd_workers.dialects.irc.masks import is_mask, matcher, normalize
from chatd_workers.dialects.irc.modes import ACCOUNT, EXTENDED
from chatd_workers.events import Source
from chatd_workers.names import is_safe

MAX_MASK: Final = 160
"""Bytes in a mask, so that a line that lists it has room for who has set it, and when."""

_ACCOUNT: Final = EXTENDED + ACCOUNT

_GROUPS: Final = re.compile(r"((?:[0-9A-Fa-f]{1,4}:){1,7})\*")
"""``2001:db8:*``: the network of all addresses that begin so, however they are abbreviated."""

_MAPPED: Final = re.compile(r"(?:::|(?:0{1,4}:){5})ffff:(?=[0-9*?]+\.)", re.IGNORECASE)
"""What stands before an IPv4 address, or a mask of some, that is written as IPv6."""

_LENGTH: Final = re.compile(r"/[0-9]+$")
"""What a network ends with."""


def read_mask(typed: str) -> str | None:
    """Return the mask that is meant by ``typed``, made whole; None if it cannot be one."""
    if not typed or " " in typed or not is_safe(typed):
        return None
    if typed.startswith(EXTENDED):
        kind, _, rest = typed.partition(":")
        if kind.lower() != _ACCOUNT:
            return None
        mask = f"{_ACCOUNT}:{rest}" if rest else _ACCOUNT
    else:
        name, host = _parts(normalize(typed))
        network = network_of(host)
        if network is not None:
            host = write_network(network)
        elif host.startswith(":") or _LENGTH.search(host):
            return None  # it would mean nobody: 192.0.2.0/33
        mask = f"{name}@{_MAPPED.sub('', host, count=1)}"
    # Nothing that begins with a colon can stand in the middle of a message.
    return mask if len(mask.encode()) <= MAX_MASK and not mask.startswith(":") else None


@lru_cache(maxsize=4096)
def network_of(host: str) -> Network | None:
    """Return the addresses that ``host``, part of a mask, means, in any spelling; None: letters."""
    bare = host.replace("[", "").replace("]", "")
    if found := _GROUPS.fullmatch(bare):
        bare = f"{found[1]}:/{16 * found[1].count(':')}"
    if is_mask(bare):
        return None
    try:
        return read_network(bare, strict=False)
    except ValueError:
        return None


def means(masks: Iterable[str], source: Source) -> bool:
    """Tell whether any of ``masks`` means ``source``."""
    some = tuple(masks)
    return bool(some) and _any_means(some, source)


@lru_cache(maxsize=1024)
def _any_means(masks: tuple[str, ...], source: Source) -> bool:
    # Asked for each line that is said, with the same answer until somebody changes something.
    return any(_reading(mask).means(source) for mask in masks)


def meaning(typed: str) -> Callable[[Source], bool] | None:
    """Return what tells whether somebody is meant by ``typed``, a mask of hosts or of whole names.

    None if it is neither: a word that might be anything.
    """
    mask = read_mask(typed) if "!" in typed or "@" in typed or network_of(typed) else None
    return _reading(mask).means if mask is not None and not mask.startswith(EXTENDED) else None


class _Reading(NamedTuple):
    """A mask as it is asked whom it means."""

    matches: Callable[[str], bool]
    """Of the name before the host if there is a ``network``, else of the whole name."""
    network: Network | None = None
    accounts: bool = False
    """It is of accounts, and these are what matches."""

    def means(self, source: Source) -> bool:
        if self.accounts:
            return bool(source.account) and self.matches(source.account)
        name = f"{source.nick}!{source.user}"
        address = read_address(source.host)
        if self.network is not None:
            return address is not None and address in self.network and self.matches(name)
        # ::1 is shown as 0::1, for a colon has a meaning at the beginning of a word.
        return self.matches(f"{name}@{source.host}") or (
            source.host.startswith("0:") and self.matches(f"{name}@{address}")
        )


@lru_cache(maxsize=4096)
def _reading(mask: str) -> _Reading:
    if mask.startswith(EXTENDED):
        _, _, accounts = mask.partition(":")
        return _Reading(matcher(accounts or "*"), accounts=True)
    name, host = _parts(mask)
    network = network_of(host)
    return _Reading(matcher(mask if network is None else name), network)


def _parts(mask: str) -> tuple[str, str]:
    """Return ``nick!user`` and the host of a whole mask."""
    nick, _, rest = mask.partition("!")
    user, _, host = rest.partition("@")
    return f"{nick}!{user}", host
