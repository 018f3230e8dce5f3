"""Listening sockets and the policy for accepting, in storms too.

A few connections (AT_ONCE) are accepted per turn of the loop and listener: births that follow each
other cost less (``reception``), and between two turns everybody who is connected is served. When
the system has no descriptors or memory left (EMFILE, ENFILE, ENOBUFS, ENOMEM) a listener rests for
REST seconds instead of spinning on a socket that stays readable; the waiting connections stay in
the backlog. Errors of a connection that died in the backlog are that connection's (accept(2),
"Error handling"), and ignored.
"""

import asyncio
import contextlib
import errno
import os
import socket
import time
from collections.abc import Callable, Sequence
from typing import Final

from chatd_supervisor import unix_sockets
from chatd_supervisor.addresses import UNIX, ListenError, split_address
from chatd_supervisor.certificates import Certificate
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.logbook import note
from chatd_supervisor.networks import is_in
from chatd_supervisor.ways import way_of
from chatd_workers.titles import format_address

EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
"""The system's limits, not the connection's."""

AT_ONCE: Final = 4
"""Connections that are accepted per turn of the loop, mostly: all of them are served by one commit,
and their births follow each other. Between two turns everybody else is served."""

PROBES: Final = 4
"""How often TCP asks a silent peer before it is counted as gone."""

REST: Final = 0.2
"""Seconds a listener rests when the system is exhausted."""

MOMENT: Final = 0.01
"""Seconds a listener is held back when many have come at once."""


class Listener:
    """One listening socket, what is spoken there, and the loop's interest in it."""

    def __init__(
        self,
        listen: Listen,
        backlog: int,
        loop: asyncio.AbstractEventLoop,
        accepted: Callable[["Listener", Sequence[socket.socket]], None],
        *,
        held: int | None = None,
        lent: bool = False,
    ) -> None:
        """Bind and listen. Raises ListenError. ``accepted`` gets the connections.

        ``held`` is the descriptor of such a socket that was bound before; ``lent``: by another,
        whose file it is.
        """
        self.listen = listen
        self.way = way_of(listen)
        """How those come that connect here."""
        # Certificate and key, where TLS is spoken.
        self.certificate: Certificate | None = None
        self._loop = loop
        self._accepted = accepted
        if held is None:
            self._socket = bind(listen, backlog)
        else:
            self._socket = socket.socket(fileno=held)
            self._socket.setblocking(False)
            if self._socket.family != socket.AF_UNIX:
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        own = listen.unix_path and not lent
        self._file = unix_sockets.file_of(listen.unix_path) if own else None
        self._resting: asyncio.TimerHandle | None = None
        # When the certificate's dates are looked at again.
        self._due: asyncio.TimerHandle | None = None
        self.address = address_of(self._socket)

    def change(self, listen: Listen, certificate: Certificate | None) -> None:
        """Go by ``listen`` from now on, with another ``certificate``; the address is the same."""
        self.listen = listen
        self.way = way_of(listen)
        if self.certificate is not None:
            self.certificate.close()
        self.certificate = certificate
        self._look_at_dates()
        if self._file is not None:
            with contextlib.suppress(OSError):  # somebody has removed it
                os.chmod(self._file.path, int(listen.mode, 8))

    def _look_at_dates(self) -> None:
        """Say what is to be said of the certificate's dates, now and when something else is."""
        if self._due is not None:
            self._due.cancel()
            self._due = None
        validity = self.certificate.validity if self.certificate is not None else None
        if validity is None:
            return
        now = time.time()
        sentence = validity.sentence(now)
        if sentence:
            note("certificate", address=self.address, file=self.listen.cert, what=sentence)
        later = validity.next_look(now)
        if later is not None:
            self._due = self._loop.call_later(later + 1, self._look_at_dates)

    def trusts(self, host: str) -> bool:
        """Tell whether ``host`` may be a proxy here. To a Unix socket come only those who may."""
        if self.listen.unix_path:
            return True
        return is_in(host, self.listen.proxy_from)

    def fileno(self) -> int:
        """Return the descriptor of the listening socket."""
        return self._socket.fileno()

    def is_bound_to(self, address: object) -> bool:
        """Return whether a socket whose own ``address`` this is was accepted here."""
        ours = self._socket.getsockname()
        if not isinstance(address, tuple) or not isinstance(ours, tuple):
            return bool(address == ours)
        everywhere = ours[0] in ("0.0.0.0", "::")  # noqa: S104
        return ours[1] == address[1] and (everywhere or ours[0] == address[0])

    def open(self) -> None:
        """Begin to accept."""
        self._loop.add_reader(self._socket, self._accept)

    def close(self, *, for_good: bool = True) -> None:
        """Stop accepting and listening; not ``for_good``: another goes on with the socket."""
        if self._resting is not None:
            self._resting.cancel()
        if self._due is not None:
            self._due.cancel()
        self._loop.remove_reader(self._socket)
        self._socket.close()
        if self.certificate is not None:
            self.certificate.close()
        if self._file is not None and for_good:
            self._file.remove()

    def _accept(self) -> None:
        clients: list[socket.socket] = []
        while len(clients) < AT_ONCE:
            try:
                client, _ = self._socket.accept()
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno in EXHAUSTED:
                    self.rest(error)
                break
            clients.append(client)
        if clients:
            self._accepted(self, clients)

    def rest(self, error: OSError) -> None:
        """Leave new connections in the backlog for a while: the system is exhausted."""
        if self._resting is None:
            note("accepting rests", address=self.address, seconds=REST, reason=error.strerror)
            self._pause(REST)

    def hold_back(self, seconds: float = MOMENT) -> None:
        """Leave new connections in the backlog for so long: there are others to be seen to."""
        if self._resting is None:
            self._pause(seconds)

    def go_on(self) -> None:
        """Hold nobody back any more."""
        if self._resting is not None:
            self._resting.cancel()
            self._resume()

    def _pause(self, seconds: float) -> None:
        self._loop.remove_reader(self._socket)
        self._resting = self._loop.call_later(seconds, self._resume)

    def _resume(self) -> None:
        self._resting = None
        self.open()


def bind(listen: Listen, backlog: int) -> socket.socket:
    """Return a non-blocking socket that listens where it is to. Raises ListenError."""
    if not listen.unix_path:
        return _bind_tcp(listen.address, backlog)
    try:
        return unix_sockets.bind(listen.unix_path, int(listen.mode, 8), backlog)
    except unix_sockets.UnixSocketError as error:
        raise ListenError(error.errno, error.strerror) from error


def _bind_tcp(address: str, backlog: int) -> socket.socket:
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(
            host or "::", port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, where = found[0]
        listener = socket.socket(family, kind | socket.SOCK_NONBLOCK, protocol)
    except OSError as error:
        if host:
            raise ListenError(
                error.errno, f"cannot listen on {address}: {error.strerror}"
            ) from error
        return _bind_tcp(f"0.0.0.0:{port}", backlog)  # a machine without IPv6
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # For those accepted: urgent data stays in the stream, which is counted (``counts``).
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        if family == socket.AF_INET6:
            # With no host, one socket for both; with a host, exactly that address (ipv6(7)).
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, bool(host))
        listener.bind(where)
        listener.listen(backlog)
    except OSError as error:
        listener.close()
        raise ListenError(error.errno, _sentence(address, port, error)) from error
    return listener


def addresses_of(address: str) -> list[str]:
    """Return the IP addresses of the host in ``address``, but for those this machine has not.

    If it has none of them, all are returned. Raises ListenError if there is no such host.
    """
    host, port = split_address(address)
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except OSError as error:
        raise ListenError(error.errno, f"cannot listen on {address}: {error.strerror}") from error
    hosts = list(dict.fromkeys(str(where[0]) for *_, where in found))
    return list(filter(_is_ours, hosts)) or hosts


def _is_ours(host: str) -> bool:
    """Return whether ``host``, an IP address, can be bound to on this machine."""
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            probe.bind((host, 0))
    except OSError:
        return False
    return True


def bound_address(descriptor: int) -> str:
    """Return the address that the socket behind ``descriptor`` is bound to."""
    borrowed = socket.socket(fileno=os.dup(descriptor))
    with borrowed:
        return address_of(borrowed)


def address_of(listener: socket.socket) -> str:
    """Return the address that ``listener`` is bound to, as it is configured."""
    name = listener.getsockname()
    return UNIX + name if listener.family == socket.AF_UNIX else format_address(name)


def _sentence(address: str, port: int, error: OSError) -> str:
    hint = {
        errno.EADDRINUSE: f"; who has it: ss -tlnp 'sport = {port}'",
        errno.EACCES: "; ports below 1024 are root's: see server.user in chatd.toml(5)",
        errno.EADDRNOTAVAIL: "; it is not an address of this machine (ip address lists them)",
    }.get(error.errno or 0, "")
    return f"cannot listen on {address}: {os.strerror(error.errno or 0)}{hint}"


def prepare(client: socket.socket, keepalive: int) -> None:
    """Set what every client's connection needs. Raises OSError if it has died meanwhile.

    A peer that vanishes without a FIN is noticed within twice ``keepalive`` seconds; 0: never
    (tcp(7)).
    """
    client.setblocking(False)
    if client.family == socket.AF_UNIX:
        return
    # Lines are small and wanted at once; the tick already gathers what goes out (tcp(7)).
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if keepalive:
        tcp = socket.IPPROTO_TCP
        client.setsockopt(tcp, socket.TCP_KEEPIDLE, keepalive)
        client.setsockopt(tcp, socket.TCP_KEEPINTVL, max(1, keepalive // PROBES))
        client.setsockopt(tcp, socket.TCP_KEEPCNT, PROBES)
        client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
