"""The master's part in relays: clients whose real socket only their worker holds.

A TLS session cannot be shared by two processes, and the bytes of a Unix socket are not counted by
the kernel. So for such a client the master makes a TCP connection of this machine with itself:
one end becomes the client's socket, which is treated as any; the other one goes to the worker,
with the real one, to be pumped between (``chatd_workers.pump``). The master keeps neither, so that
both end with the worker.

The client's socket is the end that was accepted, for only of those the counts are right
(``counts``). The listening socket is there for as long as it takes to connect to it once; should
another process of this machine get in before us, it is sent away.
"""

import contextlib
import functools
import pwd
import re
import socket
from typing import Final, NamedTuple

from chatd_supervisor.peer_credentials import peer_credentials

PATIENCE: Final = 1.0
"""Seconds for a connection of the machine with itself."""

INTRUDERS: Final = 16
"""Connections of others that are put up with while ours is waited for."""

_PRINTABLE: Final = re.compile(r"[A-Za-z0-9._-]{1,32}")


class Ends(NamedTuple):
    """What a relay's worker gets beside the client's socket."""

    outer: socket.socket
    """The client's real socket."""
    inner: socket.socket
    """The other end of the pair."""
    certificate: int | None
    """Certificate and key for TLS, a descriptor that stays its owner's."""

    def descriptors(self) -> list[int]:
        """Return all of it, in the order in which the worker expects it."""
        found = [self.outer.fileno(), self.inner.fileno()]
        return found if self.certificate is None else [*found, self.certificate]

    def duplicates(self) -> "Ends":
        """Return the same with duplicates of both sockets."""
        return Ends(self.outer.dup(), self.inner.dup(), self.certificate)

    def close(self) -> None:
        """Let go of both sockets."""
        self.outer.close()
        self.inner.close()


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Return a connection of this machine with itself: the end that was accepted, and the other.

    Raises OSError if the system cannot give what is needed.
    """
    with contextlib.ExitStack() as unwanted:
        inner = unwanted.enter_context(socket.socket())
        with socket.socket() as listener:
            listener.settimeout(PATIENCE)
            listener.bind(("127.0.0.1", 0))
            listener.listen(INTRUDERS)
            # A loopback connection is complete when connect(2) returns; the time is for the case
            # that others have filled the backlog.
            inner.settimeout(PATIENCE)
            inner.connect(listener.getsockname())
            client = _ours(listener, inner.getsockname())
        inner.setblocking(False)
        inner.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        unwanted.pop_all()
    return client, inner


def _ours(listener: socket.socket, address: tuple[str, int]) -> socket.socket:
    for _ in range(INTRUDERS + 1):
        client, peer = listener.accept()
        if peer == address:
            return client
        client.close()
    raise OSError("too many others have connected")


class LocalUser(NamedTuple):
    """Who has connected to a Unix socket, as the kernel says."""

    name: str
    pid: int

    @property
    def peer(self) -> str:
        """What stands for an address: ``unix:ann:4711``. 0 is a process we cannot see."""
        return f"unix:{self.name}:{self.pid}"


def local_user(client: socket.socket) -> LocalUser:
    """Return who has connected ``client``. Raises OSError."""
    pid, uid, _ = peer_credentials(client)
    return LocalUser(user_name(uid), pid)


@functools.cache  # asked for once: where users are kept may be far away
def user_name(uid: int) -> str:
    """Return what user ``uid`` is called; the number, if it is called nothing that can be shown."""
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)
    return name if _PRINTABLE.fullmatch(name) else str(uid)
