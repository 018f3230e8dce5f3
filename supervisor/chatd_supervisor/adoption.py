"""The adoption socket: where workers whose master has died bring their clients.

A SEQPACKET socket with mode 0600 in the runtime directory. A worker connects and sends one
``Offer`` with its client's socket (SCM_RIGHTS). What it says of itself is not believed: the
kernel says which process of which user has connected (SO_PEERCRED, unix(7)), and which socket it
has brought (SO_COOKIE), and both are held against what was written down of the session
(``objection``).

Nothing that a process sends here ends more than its own offer. A worker offers once for each
master. A process that comes more often than OFFERS a minute is not heard, and killed if it is a
worker; and so that it cannot keep the master busy, there is a RESPITE after each turn with one.
"""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor import counts
from chatd_supervisor.ledger import Row
from chatd_supervisor.logbook import note
from chatd_supervisor.paths import identity
from chatd_supervisor.peer_credentials import peer_credentials
from chatd_supervisor.rates import Rates
from chatd_workers.channel import HandoverError, receive_with_descriptor
from chatd_workers.dialects import DIALECTS
from chatd_workers.reports import MALFORMED, Dismiss, Offer, decode_offer, encode

NAME: Final = "adoption"
"""What the socket is called, by masters and service managers."""

BACKLOG: Final = 4096
"""Workers that may wait at once; net.core.somaxconn bounds it, and the others wait in connect."""

AT_ONCE: Final = 8
"""Offers taken in one turn of the loop: between turns, those already adopted are served."""

PATIENCE: Final = 5.0
"""Seconds for an offer to follow its connection."""

MAX_OFFER: Final = 256
"""Bytes of an encoded offer."""

REST: Final = 0.2
"""Seconds that offers wait when there is no descriptor left."""

OFFERS: Final = 10
"""Offers that one process may make at once, and in a minute: its master may be killed again, and
again."""

RESPITE: Final = 0.005
"""Seconds that offers wait after a turn in which somebody came too often: AT_ONCE in that time are
1,600 a second, which takes 2 % of a processor, and workers behind a full backlog of such are heard
after 3 seconds."""


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


def objection(offered: Offered, row: Row | None) -> str | None:
    """Return why what is ``offered`` is not what the ledger's ``row`` tells of; None: it is.

    Whoever passes has the session's token, is the process that was its worker, and has brought the
    very socket that was accepted for it: whatever else a descriptor can be (a file, a pipe, a
    socket that listens, of another family, without a peer, of another connection) ends here.
    """
    # Whoever asks is one of our own user, and is told nothing by how long this takes that it could
    # not read in our memory; hmac would bring OpenSSL into every worker.
    if row is None or row.token != offered.offer.token:
        return "nothing is known of it"
    if row.pid not in (0, offered.pid):
        return f"its worker is process {row.pid}"
    try:
        cookie = counts.cookie(offered.client)
    except OSError as error:
        return f"what it has brought is no socket of a client: {error.strerror}"
    if cookie != row.cookie:
        return "it has brought another socket than its client's"
    return None if offered.offer.dialect in DIALECTS else "it speaks no dialect"


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


def bind_or_take(path: Path, held: dict[str, int]) -> socket.socket:
    """Return the adoption socket: the one that is ``held`` for us, or bound to ``path``.

    Takes it out of ``held``. Raises OSError.
    """
    descriptor = held.pop(NAME, None)
    if descriptor is not None:
        if path.is_socket():
            return socket.socket(fileno=descriptor)
        os.close(descriptor)  # its file was removed: nobody finds it any more
    return bind(path)


class Adoption:
    """Takes offers from the adoption socket."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        listener: socket.socket,
        offered: Callable[[Offered], None],
        pestered: Callable[[int, socket.socket], None],
        named: Callable[[str, int], None],
    ) -> None:
        """``offered`` gets each offer of a process of our own user.

        ``pestered`` is told which process offers too often, and on which connection; ``named`` is
        told what the socket is called, and of another one in its place.
        """
        self._loop = loop
        self._listener = listener
        self._path = Path(listener.getsockname())
        self._file = identity(self._path)
        self._offered = offered
        self._pestered = pestered
        self._named = named
        self._named(NAME, listener.fileno())
        self._rates = Rates()
        self._waiting: dict[socket.socket, asyncio.TimerHandle] = {}
        self._resting: asyncio.TimerHandle | None = None
        self._open()

    def _open(self) -> None:
        self._resting = None
        self._loop.add_reader(self._listener, self._accept)

    def _accept(self) -> None:
        pests = False
        for _ in range(AT_ONCE):
            try:
                channel, _ = self._listener.accept()
            except BlockingIOError:
                break
            except OSError as error:
                # There is no descriptor for it: it waits, and so do we.
                note("offers rest", seconds=REST, reason=error.strerror)
                self._rest(REST)
                return
            channel.setblocking(False)
            pid = peer_credentials(channel).pid
            if self._rates.admits(str(pid), OFFERS, self._loop.time()):
                self._receive(channel)
            else:
                pests = True
                note("offer refused", pid=pid, reason="it offers too often")
                self._pestered(pid, channel)
                channel.close()
        if pests:
            self._rest(RESPITE)

    def _rest(self, seconds: float) -> None:
        self._loop.remove_reader(self._listener)
        self._resting = self._loop.call_later(seconds, self._open)

    def _receive(self, channel: socket.socket) -> None:
        try:
            record, descriptor = receive_with_descriptor(channel, MAX_OFFER)
        except BlockingIOError:
            if channel not in self._waiting:
                self._waiting[channel] = self._loop.call_later(PATIENCE, self._forget, channel)
                self._loop.add_reader(channel, self._receive, channel)
            return
        except (EOFError, OSError) as error:
            if isinstance(error, HandoverError):
                pid, uid, _ = peer_credentials(channel)
                note("offer not understood", pid=pid, uid=uid, reason=error)
            self._forget(channel)
            return
        if (timer := self._waiting.pop(channel, None)) is not None:
            timer.cancel()
            self._loop.remove_reader(channel)
        pid, uid, _ = peer_credentials(channel)
        try:
            offer = decode_offer(record)
            client = socket.socket(fileno=descriptor)
        except (*MALFORMED, OSError) as error:
            note("offer not understood", pid=pid, uid=uid, reason=error)
            channel.close()
            os.close(descriptor)
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

    def is_there(self) -> bool:
        """Return whether the socket is where it is looked for. Raises OSError."""
        return self._file is not None and identity(self._path) == self._file

    def make_again(self) -> None:
        """Listen on another socket in place of one that was removed. Raises OSError."""
        before, self._listener = self._listener, bind(self._path)
        self._file = identity(self._path)
        self._named(NAME, self._listener.fileno())
        self._loop.remove_reader(before)
        before.close()
        if self._resting is None:
            self._open()

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
