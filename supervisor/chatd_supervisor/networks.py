"""Networks of IP addresses, and what is known of each, found by an address of it. Pure.

A look takes as long as there are lengths of prefixes in use, however many networks there are: what
is asked of everybody who connects must not cost more the longer an administrator's list is.
"""

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Final, Generic, TypeVar

T = TypeVar("T")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

BITS: Final = {4: 32, 6: 128}
"""Bits in an address, by version."""

_MAPPED: Final = ipaddress.IPv6Network("::ffff:0:0/96")
"""IPv4 addresses written as IPv6 (RFC 4291, section 2.5.5.2)."""


@lru_cache(maxsize=4096)
def read_address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return the address that ``host`` is, however it is written; None if it is none.

    In brackets, with a scope, or an IPv4 address in IPv6 clothes (``::ffff:192.0.2.1``, RFC 4291,
    section 2.5.5.2), which is that IPv4 address.
    """
    try:
        address = ipaddress.ip_address(host.strip("[]").partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def read_network(text: str, *, strict: bool = True) -> Network:
    """Return the network or address ``text``; an IPv4-mapped one of IPv6 as what it is of IPv4.

    A scope (``fe80::1%eth0``) is left out, as it is of the addresses that are looked for.
    ``strict``: bits behind its prefix are a mistake, else they are cleared. Raises ValueError,
    which says what is wrong.
    """
    address, slash, length = text.partition("/")
    network = ipaddress.ip_network(address.partition("%")[0] + slash + length, strict=strict)
    if isinstance(network, ipaddress.IPv6Network) and network.subnet_of(_MAPPED):
        bits = int(network.network_address) - int(_MAPPED.network_address)
        return ipaddress.IPv4Network((bits, network.prefixlen - _MAPPED.prefixlen))
    return network


def write_network(network: Network) -> str:
    """Return ``network`` in its one spelling (RFC 5952); a network of one as its address."""
    return str(network.network_address if network.num_addresses == 1 else network)


def is_in(host: str, networks: Iterable[str]) -> bool:
    """Tell whether ``host``, an IP address as getpeername(2) has it, is in one of ``networks``."""
    address = read_address(host)
    return address is not None and any(address in read_network(one) for one in networks)


def place_of(host: str, prefix: int) -> str:
    """Return what ``host`` is counted by: an IPv4 address itself, of IPv6 its network.

    ``prefix`` is the length of that network's prefix: whoever has one address of IPv6 mostly has
    the network around it as well. What is no address (a user of this machine) is its own place.
    """
    if ":" not in host:
        return host
    address = read_address(host)
    if address is None:
        return host
    if address.version == 4:
        return str(address)
    return str(ipaddress.ip_network((int(address), prefix), strict=False))


class NetworkMap(Generic[T]):
    """What is known of networks: a dict by network, that can be asked by address."""

    def __init__(self) -> None:
        self._by_prefix: dict[tuple[int, int], dict[int, T]] = {}

    def set(self, network: Network, value: T) -> None:
        """Let ``value`` be known of ``network``."""
        key = network.version, network.prefixlen
        self._by_prefix.setdefault(key, {})[int(network.network_address)] = value

    def remove(self, network: Network) -> None:
        """Let nothing be known of ``network`` any more."""
        key = network.version, network.prefixlen
        known = self._by_prefix.get(key, {})
        known.pop(int(network.network_address), None)
        if not known:
            self._by_prefix.pop(key, None)

    def find(self, host: str) -> Iterator[T]:
        """Return what is known of the networks that ``host`` is in: of no address nothing."""
        if not self._by_prefix:
            return
        address = read_address(host)
        if address is None:
            return
        number = int(address)
        for (version, prefix), known in self._by_prefix.items():
            if version == address.version:
                rest = BITS[version] - prefix
                found = known.get(number >> rest << rest)
                if found is not None:
                    yield found
