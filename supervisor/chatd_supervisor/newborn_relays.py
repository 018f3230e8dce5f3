"""Clients of relays that were let in when their master died, and perhaps had no worker yet.

The real socket of such a client is its worker's alone (``relaying``). Only while a supervisor is
asked to fork that worker has the master a duplicate, and so it is in the table that the next master
finds. If the worker was born, it goes on with its own. If not, the next master asks for one again:
nothing was read yet.
"""

import select
import socket
from collections.abc import Iterable

from chatd_supervisor.births import Births
from chatd_supervisor.connections import Connection
from chatd_supervisor.listeners import Listener
from chatd_supervisor.relaying import Ends
from chatd_supervisor.supervise.table import Stock
from chatd_supervisor.visitors import peer_of


class NewbornRelays:
    """Relays of which nothing is committed, by the address of their client."""

    def __init__(self, connections: Iterable[Connection], births: Births, stock: Stock) -> None:
        self._births = births
        self._stock = stock
        self._by_peer = {
            connection.peer: connection
            for connection in connections
            if connection.way.is_relay and connection.is_beginning
        }

    def take(self, listener: Listener, accepted: socket.socket) -> bool:
        """Go on with ``accepted``, if it is the real socket of one of them; else return False."""
        try:
            connection = self._by_peer.get(peer_of(listener, accepted)) if self._by_peer else None
        except OSError:
            return False
        if connection is None:
            return False
        worker = connection.worker
        inner = None
        if connection.client is not None and (worker is None or _has_gone(worker.channel)):
            inner = self._stock.take_connected(connection.client.getpeername())
        if inner is None:
            accepted.close()  # its worker has it
            return True
        certificate = listener.certificate
        ends = Ends(accepted, inner, certificate.fileno() if certificate is not None else None)
        if worker is not None:
            self._births.dismiss(connection)
        try:
            self._births.give(connection, ends)
        finally:
            ends.close()
        return True


def _has_gone(channel: socket.socket) -> bool:
    look = select.poll()
    look.register(channel, 0)
    return bool(look.poll(0))
