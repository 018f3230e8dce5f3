"""The adoption socket: where workers whose master has died bring their clients.

A SEQPACKET socket with mode 0600 in the runtime directory. A worker connects and sends one
``Offer`` with its client's socket (SCM_RIGHTS). What it says of itself is not believed: the
kernel says which process of which user has connected (SO_PEERCRED, unix(7)), and whoever takes
the offer holds that against what was written down of the session's worker.
"""

import asyncio
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.custody import Custody
from chatd_supervisor.logbook import note
from chatd_workers.channel import receive_with_descriptor
from chatd_workers.reports import MALFORMED, Dismiss, Offer, decode_offer, encode

BACKLOG: Final = 4096
"""Workers that may wait at once; net.core.somaxconn bounds it, and the others wait in connect."""

AT_ONCE: Final = 32
"""Offers taken in one turn of the loop: between turns, those already adopted are served."""

PATIENCE: Final = 5.0
"""Seconds for an offer to follow its connection."""

MAX_OFFER: Final = 256
"""Bytes of an encoded offer."""

REST: Final = 0.2
"""Seconds that offers wait when there is no descriptor left."""

_CREDENTIALS: Final = struct.Struct("3i")
"""struct ucred: pid, uid, gid."""


class Offered(NamedTuple):
    """A client that was brought by its worker."""

    offer: Offer
    client: socket.socket
    pid: int
    """The worker's, as the kernel says."""
    channel: socket.socket
    """The connection to the worker."""

    def refuse(self, why: str) -> None:
        """Send the worker away, and close what it brought."""
        note("offer refused", session=self.offer.session, pid=self.pid, reason=why)
        dismiss(self.channel)
        self.client.close()


def dismiss(channel: socket.socket) -> None:
    """Tell the worker behind ``channel`` to end, and close it."""
    try:
        channel.send(encode(Dismiss()), socket.MSG_DONTWAIT)
    except OSError:
        pass  # it has ended by itself
    finally:
        channel.close()


def bind(path: Path) -> socket.socket:
    """Return the adoption socket, bound to ``path`` and listening. Raises OSError.

    What a dead master left there is replaced; that is safe, for we hold the PID file's lock.
    """
    path.unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_NONBLOCK)
    # By umask, not chmod afterwards: it must not be open to others for an instant.
    umask = os.umask(0o177)
    try:
        listener.bind(os.fspath(path))
    finally:
        os.umask(umask)
    listener.listen(BACKLOG)
    return listener


def bind_or_hold(path: Path, held: dict[str, int], keeper: Custody | None) -> socket.socket:
    """Return the adoption socket: one of those ``held`` for us, or bound to ``path``.

    Takes it out of ``held``, or has the ``keeper`` hold it. Raises OSError.
    """
    descriptor = held.pop("adoption", None)
    if descriptor is not None:
        if path.is_socket():
            return socket.socket(fileno=descriptor)
        os.close(descriptor)  # its file was removed: nobody finds it any more
    made = bind(path)
    if keeper is not None:
        keeper.hold("adoption", made.fileno())
    return made


class Adoption:
    """Takes offers from the adoption socket."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        offered: Callable[[Offered], None],
    ) -> None:
        """``offered`` gets each offer of a process of our own user."""
        self._loop = loop
        self._listener = listener
        self._offered = offered
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._resting: asyncio.TimerHandle | None = None
        self._open()

    def _open(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                channel, _ = self._listener.accept()
            except BlockingIOError:
                return
            except OSError as error:
                # There is no descriptor for it: it waits, and so do we.
                note("offers rest", seconds=REST, reason=error.strerror)
                self._loop.remove_reader(self._listener)
                self._resting = self._loop.call_later(REST, self._open)
                return
            channel.setblocking(False)
            self._receive(channel)

    def _receive(self, channel: socket.socket) -> None:
        try:
            record, descriptor = receive_with_descriptor(channel, MAX_OFFER)
        except BlockingIOError:
            if channel not in self._waiting:
                self._waiting[channel] = self._loop.call_later(PATIENCE, self._forget, channel)
                self._loop.add_reader(channel, self._receive, channel)
            return
        except (EOFError, OSError):
            self._forget(channel)
            return
        if (timer := self._waiting.pop(channel, None)) is not None:
            timer.cancel()
            self._loop.remove_reader(channel)
        client = socket.socket(fileno=descriptor)
        pid, uid, _ = _CREDENTIALS.unpack(
            channel.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
        )
        try:
            offer = decode_offer(record)
        except MALFORMED as error:
            note("offer not understood", pid=pid, uid=uid, reason=error)
            channel.close()
            client.close()
            return
        offered = Offered(offer, client, pid, channel)
        if uid == os.geteuid():
            self._offered(offered)
        else:
            offered.refuse(f"it is a process of uid {uid}")

    def _forget(self, channel: socket.socket) -> None:
        if (timer := self._waiting.pop(channel, None)) is not None:
            timer.cancel()
            self._loop.remove_reader(channel)
        channel.close()

    def fileno(self) -> int:
        """Return the descriptor of the listening socket."""
        return self._listener.fileno()

    def close(self) -> None:
        """Take no more offers."""
        if self._resting is not None:
            self._resting.cancel()
        for channel in list(self._waiting):
            self._forget(channel)
        self._loop.remove_reader(self._listener)
        self._listener.close()
