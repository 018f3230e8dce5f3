"""Addresses as they stand in the configuration: of a port, of a Unix socket, of other machines."""

import os
from collections.abc import Iterable
from typing import Final

from chatd_supervisor.networks import read_address, read_network
from chatd_supervisor.paths import MAX_SOCKET_PATH
from chatd_supervisor.sentence_errors import SentenceError

UNIX: Final = "unix:"
"""What the address of a Unix socket begins with; its path follows."""


class ListenError(SentenceError):
    """An address cannot be listened on; ``str()`` is the sentence for people."""


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[IPV6]:PORT``; no host means all addresses.

    Raises ValueError, which says what is allowed.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError("must be HOST:PORT with a port from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f"an IPv6 address is written in brackets: [{host}]:{port}")
    return ("" if host == "*" else host), int(port)


def overlap(one: str, other: str) -> bool:
    """Return whether no two sockets can listen on both, as far as is known without a look-up.

    Port 0 is any port, so that there is another one.
    """
    if one.startswith(UNIX) or other.startswith(UNIX):
        return os.path.normpath(one) == os.path.normpath(other)
    (host, port), (other_host, other_port) = split_address(one), split_address(other)
    if port != other_port or not port:
        return False
    return any(_meet(a, b) for a in _hosts(host) for b in _hosts(other_host))


def _hosts(host: str) -> tuple[str, ...]:
    """Return the addresses that ``host`` stands for, or itself if it is some name."""
    known = {"": ("0.0.0.0", "::"), "localhost": ("127.0.0.1", "::1")}  # noqa: S104  # compared
    return known.get(host.lower(), (host,))


def _meet(one: str, other: str) -> bool:
    addresses = read_address(one), read_address(other)
    if None in addresses:
        return one.lower() == other.lower()
    first, second = addresses
    if first is None or second is None or first.version != second.version:
        return False
    return first == second or first.is_unspecified or second.is_unspecified


def check_address(address: str) -> None:
    """Raise ValueError, which says what is allowed, if ``address`` cannot be listened on."""
    if not address.startswith(UNIX):
        split_address(address)
        return
    path = address.removeprefix(UNIX)
    if not os.path.isabs(path) or path.endswith("/") or "\0" in path:
        raise ValueError("must be unix: and the absolute path of a socket")
    if len(os.fsencode(path)) > MAX_SOCKET_PATH:
        raise ValueError(f"must have a path of at most {MAX_SOCKET_PATH} bytes")


def check_networks(networks: Iterable[str]) -> None:
    """Raise ValueError, which says what is wrong, if one of ``networks`` is none."""
    for one in networks:
        try:
            read_network(one)
        except ValueError as error:
            raise ValueError(f"has what is no address or network: {error}") from error
