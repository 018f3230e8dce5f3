"""Visitors: what is known of a connection when it has been accepted, before it is let in.

What the kernel says of a connection that comes from a proxy, its address or its user, it says of
the proxy. The client is nobody yet: it is shown as ``proxy:`` and that, which is neither an address
nor a user of this machine, until a PROXY header has said who it is; and for good if that says that
it does not know (``UNKNOWN``, ``LOCAL``). Under this name it is counted, it is let off nothing, and
no account is its by the kernel's word.
"""

import socket
from typing import NamedTuple

from chatd_supervisor.listeners import Listener, prepare
from chatd_supervisor.refusals import NO_PROXY, Refusal
from chatd_supervisor.relaying import Ends, local_user, make_pair
from chatd_supervisor.ways import Way
from chatd_workers.titles import format_address


class Gone(Exception):
    """The visitor has left before anything could be known of it."""


class Visitor(NamedTuple):
    """A connection, as the listener has brought it."""

    client: socket.socket
    """What is the client's socket from here on."""
    peer: str
    """Its address, as it is shown; of one that a proxy brings, ``proxy:`` and the proxy's."""
    dialect: str
    way: Way
    ends: Ends | None = None
    """What its worker must get, if it is a relay; with the real socket among it."""
    local_user: str = ""
    """Who it is, if it is a user of this machine and the kernel says so."""
    refusal: Refusal | None = None
    """Why it is not let in, if so."""


def arrive(listener: Listener, accepted: socket.socket, keepalive: int) -> Visitor:
    """Return the visitor that is behind the socket ``accepted`` by ``listener``.

    ``keepalive``: as ``prepare`` has it.

    Raises Gone; or OSError if the system has no room for what it needs. The socket stays the
    caller's to close then.
    """
    listen, way = listener.listen, listener.way
    user = ""
    try:
        peer = peer_of(listener, accepted)
        if way & Way.UNIX:
            host = ""
            user = local_user(accepted).name if way.is_local else ""
        else:
            host = accepted.getpeername()[0]
    except OSError as error:
        raise Gone from error
    refusal = None
    if way & Way.PROXY and not listener.trusts(host):
        refusal = NO_PROXY
    if not way.is_relay:
        return Visitor(accepted, peer, listen.dialect, way, refusal=refusal)
    try:
        prepare(accepted, keepalive)
    except OSError as error:
        raise Gone from error
    client, inner = make_pair()
    certificate = listener.certificate
    ends = Ends(accepted, inner, certificate.fileno() if certificate is not None else None)
    return Visitor(client, peer, listen.dialect, way, ends, user, refusal)


def peer_of(listener: Listener, accepted: socket.socket) -> str:
    """Return the address, as it is shown, of who has connected to ``listener``. Raises OSError."""
    if listener.way & Way.UNIX:
        peer = local_user(accepted).peer
    else:
        peer = format_address(accepted.getpeername())
    return f"proxy:{peer.removeprefix('unix:')}" if listener.way & Way.PROXY else peer
