"""Descriptors of every kind that a process may send instead of its client's socket."""

import os
import select
import socket
from collections.abc import Callable
from typing import Final


def _kept(*sockets: socket.socket) -> list[int]:
    """Return the descriptors of ``sockets``, which are not closed when these are forgotten."""
    return [each.detach() for each in sockets]


def _connected(family: socket.AddressFamily, host: str) -> list[int]:
    with socket.create_server((host, 0), family=family) as listener:
        near = socket.create_connection(listener.getsockname()[:2])
        far = listener.accept()[0]
    return _kept(far, near)[:1]


def _closed() -> list[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        socket.create_connection(listener.getsockname()).close()
        return _kept(listener.accept()[0])


def _listening() -> list[int]:
    return _kept(socket.create_server(("127.0.0.1", 0)))


def _unix_listening() -> list[int]:
    listener = socket.socket(socket.AF_UNIX)
    listener.bind("")
    listener.listen()
    return _kept(listener)


def _epoll() -> int:
    poller = select.epoll()
    try:
        return os.dup(poller.fileno())
    finally:
        poller.close()


KINDS: Final[dict[str, Callable[[int], list[int]]]] = {
    "unnamed": lambda _: _kept(*socket.socketpair())[:1],
    "packets": lambda _: _kept(*socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET))[:1],
    "unix": lambda _: _kept(socket.socket(socket.AF_UNIX)),
    "unix-listening": lambda _: _unix_listening(),
    "tcp": lambda _: _kept(socket.socket()),
    "tcp6": lambda _: _kept(socket.socket(socket.AF_INET6)),
    "listening": lambda _: _listening(),
    "other": lambda _: _connected(socket.AF_INET, "127.0.0.1"),
    "other6": lambda _: _connected(socket.AF_INET6, "::1"),
    "closed": lambda _: _closed(),
    "udp": lambda _: _kept(socket.socket(type=socket.SOCK_DGRAM)),
    "netlink": lambda _: _kept(socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)),
    "file": lambda _: [os.open("/etc/hostname", os.O_RDONLY)],
    "directory": lambda _: [os.open("/", os.O_RDONLY)],
    "path": lambda _: [os.open("/", os.O_PATH)],
    "pipe": lambda _: list(os.pipe())[:1],
    "event": lambda _: [os.eventfd(0)],
    "epoll": lambda _: [_epoll()],
    "memory": lambda _: [os.memfd_create("some")],
    "process": lambda _: [os.pidfd_open(os.getpid())],
    "none": lambda _: [],
    "twice": lambda client: [client, client],
    "many": lambda client: [client] * 8,
}
"""By name: makes descriptors to be sent, of which each but the client's is the caller's."""

WITH_ANOTHER_END: Final = frozenset({"unnamed", "packets", "other", "other6", "pipe"})
"""Of these the other end stays open in the process that has made them."""
