"""Taking stock: what a master finds in the descriptor table that it has from the one before.

Sockets outlive their master where somebody shares its table, has kept duplicates of them, or passes
them on. Which is which the next master knows by their cookies, numbers that the kernel gives to no
two sockets (SO_COOKIE): those of clients and of channels to workers stand in the ledger, those of
listening sockets in a file of their own (``socket_names``). What is left was accepted and not
written down yet: a client, if its own address is that of a listening socket. Everything else was
the dead master's own affair, its epoll set or its journal's files, and is closed.

POSIX record locks belong to the table (fcntl(2)): those that the dead master held on its journal
end when any descriptor of that file is closed, so that is done before anything is opened. Those on
the PID files are to stay: these files are not closed, but taken over.
"""

import contextlib
import os
import socket
import stat
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from chatd_supervisor import counts
from chatd_supervisor.supervise.marks import Marks

T = TypeVar("T")


class Stock:
    """Sockets by cookie, and open files, that nobody has taken yet."""

    def __init__(
        self,
        descriptors: Iterable[int] = (),
        named: Mapping[int, str] = {},
        passed: Mapping[int, str] = {},
        lent: frozenset[str] = frozenset(),
    ) -> None:
        """Look at ``descriptors``; close those that are neither sockets nor files with a path.

        ``named`` is what we call some of the sockets, ``passed`` how a service manager has called
        them, both by cookie; ``lent`` are names of such that are the manager's.
        """
        self.named = dict(named)
        self.passed = dict(passed)
        self.lent = lent
        self.marks: Marks | None = None
        """What a service manager is known to have, beside what it has passed."""
        self._sockets: dict[int, int] = {}
        self._files: dict[tuple[int, int], list[int]] = {}
        for descriptor in descriptors:
            self._look(descriptor)

    def _look(self, descriptor: int) -> None:
        try:
            status = os.fstat(descriptor)
            if stat.S_ISSOCK(status.st_mode):
                if self._sockets.setdefault(counts.cookie_of(descriptor), descriptor) != descriptor:
                    os.close(descriptor)  # a duplicate
                    return
            elif stat.S_IFMT(status.st_mode):
                self._files.setdefault((status.st_dev, status.st_ino), []).append(descriptor)
            else:
                os.close(descriptor)  # an epoll set or such, which is no file of any kind
                return
            os.set_inheritable(descriptor, False)
        except OSError:
            return  # it is not open any more

    @property
    def cookies(self) -> set[int]:
        """Of all sockets that are left."""
        return set(self._sockets)

    def take(self, cookie: int) -> int | None:
        """Take the socket with this ``cookie``; None: it is not there."""
        return self._sockets.pop(cookie, None)

    def look(self, cookie: int) -> int | None:
        """Return the socket with this ``cookie``, and leave it; None: it is not there."""
        return self._sockets.get(cookie)

    def drop(self, cookie: int) -> None:
        """Close the socket with this ``cookie``, if it is there."""
        descriptor = self.take(cookie)
        if descriptor is not None:
            os.close(descriptor)

    def take_named(self) -> dict[str, int]:
        """Take the sockets that have names, by name."""
        return {
            name: descriptor
            for cookie, name in self.named.items()
            if (descriptor := self.take(cookie)) is not None
        }

    def take_file(self, path: Path) -> int | None:
        """Take the open file that is at ``path``; None: it is not there."""
        with contextlib.suppress(OSError):
            status = path.stat()
            found = self._files.get((status.st_dev, status.st_ino))
            if found:
                return found.pop()
        return None

    def close_files(self) -> None:
        """Close what files are left."""
        for descriptors in self._files.values():
            for descriptor in descriptors:
                os.close(descriptor)
        self._files.clear()

    def take_accepted(
        self, listener_of: Callable[[socket.socket], T | None]
    ) -> list[tuple[T, socket.socket]]:
        """Take the sockets that were accepted, and whose peer is there, with their listeners.

        ``listener_of`` returns through which listening socket one has come, by its own address.
        """
        accepted = []
        for cookie, descriptor in list(self._sockets.items()):
            found = socket.socket(fileno=descriptor)
            listener = listener_of(found) if is_waiting(found) else None
            if listener is None:
                found.detach()
            else:
                del self._sockets[cookie]
                accepted.append((listener, found))
        return accepted

    def take_connected(self, address: object) -> socket.socket | None:
        """Take the TCP socket whose own address this is; None: it is not there."""
        for cookie, descriptor in self._sockets.items():
            found = socket.socket(fileno=descriptor)
            if found.family == socket.AF_INET and found.getsockname() == address:
                del self._sockets[cookie]
                return found
            found.detach()
        return None

    def close(self) -> int:
        """Close everything that is left; return how many sockets that were."""
        self.close_files()
        count = len(self._sockets)
        while self._sockets:
            os.close(self._sockets.popitem()[1])
        return count


def open_descriptors(first: int) -> list[int]:
    """Return what this process has open from ``first`` on."""
    # The one with which the directory is read is among them, and closed by then.
    return [number for name in os.listdir("/proc/self/fd") if (number := int(name)) >= first]


def open_sockets(first: int) -> list[int]:
    """Return which of them are sockets."""
    found = []
    for descriptor in open_descriptors(first):
        with contextlib.suppress(OSError):  # it is not open any more
            if stat.S_ISSOCK(os.fstat(descriptor).st_mode):
                found.append(descriptor)
    return found


def is_waiting(found: socket.socket) -> bool:
    """Return whether ``found`` is a client's, and we have not begun to let it go."""
    try:
        found.getpeername()
        if found.type != socket.SOCK_STREAM:
            return False
        return found.family == socket.AF_UNIX or counts.is_open(found)
    except OSError:
        return False
