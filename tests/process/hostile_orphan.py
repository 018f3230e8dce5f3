"""``chatd`` whose workers, told ``!KIND``, offer a descriptor of that KIND when their master dies.

They have the session's token, and are the process that the ledger names: all that is wrong is what
they bring.
"""

import array
import contextlib
import os
import select
import socket
import sys
from typing import NoReturn

import setproctitle

from chatd_supervisor.cli import main
from chatd_workers.commands import Command
from chatd_workers.dialects import DIALECTS, Dialect
from chatd_workers.reports import Offer, Serve, encode
from descriptor_kinds import KINDS

TEXT = DIALECTS["text"]


def worker() -> tuple[Serve, socket.socket, socket.socket]:
    """Return the orders, the channel and the client of the worker that has called."""
    frame = sys._getframe()
    while "self" not in frame.f_locals or not hasattr(frame.f_locals["self"], "orders"):
        assert frame.f_back is not None
        frame = frame.f_back
    this = frame.f_locals["self"]
    return this.orders, this._channel, this._ingress._client


def bring(orders: Serve, descriptors: list[int], dialect: str) -> NoReturn:
    """Offer ``descriptors`` to the next master, as soon as there is one."""
    record = encode(Offer(orders.session, orders.token, dialect))
    rights = array.array("i", descriptors)
    while True:
        found = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with contextlib.suppress(OSError), found:
            found.connect(orders.adoption)
            found.sendmsg([record], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
            found.recv(1)
            os._exit(0)  # it was taken, or refused
        select.select([], [], [], 0.05)


def read(line: bytes) -> Command | None:
    if not line.startswith(b"!"):
        return TEXT.read(line)
    kind, _, dialect = line[1:].decode().partition(" ")
    orders, channel, client = worker()
    setproctitle.setproctitle(f"chatd: hostile {kind}")
    with contextlib.suppress(ConnectionError):
        while channel.recv(4096):
            pass
    mine = client.fileno()
    bring(orders, KINDS[kind](mine) if kind in KINDS else [mine], dialect or orders.dialect)


DIALECTS["text"] = Dialect(read, TEXT.write)
if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        main(prog_name="chatd")
