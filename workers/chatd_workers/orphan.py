"""Without a master: keep the client, and look for one that takes it.

The client's connection lives as long as some process holds its socket. So a worker whose master
has died goes on holding it, and offers it (SCM_RIGHTS) on the adoption socket in the runtime
directory, with its session's number and the token that only this session's workers were given.
The connection on which it is taken is its new channel.

Where the adoption socket has outlived the master (a supervisor holds it), connecting succeeds at
once and the answer comes with the new master. Where it has not, connecting fails until there is
one, so it is tried again and again, at first often: a client is waiting.
"""

import contextlib
import os
import socket
import time
from typing import Final

import msgspec
import setproctitle

from chatd_workers.channel import send_with_descriptor
from chatd_workers.reports import MAX_ORDER, Offer, Serve, decode_order, encode
from chatd_workers.titles import clip

FIRST_DELAY: Final = 0.05
LAST_DELAY: Final = 1.0
"""Seconds between tries, the first time and at most."""

PATIENCE: Final = 3600.0
"""Seconds after which nobody is coming any more."""


class Dismissed(Exception):
    """Nobody wants this worker: its session is over, or no master has come."""


def find_master(client: socket.socket, orders: Serve, title: str) -> tuple[socket.socket, Serve]:
    """Return the channel to a new master and its orders. Raises Dismissed.

    ``orders`` are those of the last one, ``title`` is the process title so far.
    """
    setproctitle.setproctitle(clip(title + " (no master)"))
    deadline = time.monotonic() + PATIENCE
    delay = FIRST_DELAY
    while time.monotonic() < deadline:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Whatever fails, the master that was about to take us is no more either.
        with contextlib.suppress(OSError, msgspec.DecodeError):
            channel.connect(orders.adoption)
            offer = Offer(orders.session, orders.token, orders.dialect)
            send_with_descriptor(channel, encode(offer), client.fileno())
            record = channel.recv(MAX_ORDER)
            if record:
                order = decode_order(record)
                if isinstance(order, Serve):
                    return channel, order
                raise Dismissed
        channel.close()
        if not os.path.isdir(os.path.dirname(orders.adoption)):
            # With the runtime directory is gone what a new master would know us by.
            raise Dismissed
        # Not all at the same instant: each at its own place in the interval.
        time.sleep(delay * (0.5 + os.getpid() % 64 / 64))
        delay = min(delay * 1.5, LAST_DELAY)
    raise Dismissed
