"""Without a master: keep the client, and look for one that takes it.

The client's connection lives as long as some process holds its socket. So a worker whose master
has died goes on holding it, and offers it (SCM_RIGHTS) on the adoption socket in the runtime
directory, with its session's number and the token that only this session's workers were given.
The connection on which it is taken is its new channel.

A client that says something is offered at once, the others within SPREAD: if all workers were up at
the instant at which the next master begins, it would have the processors last.

Where the adoption socket has outlived the master (a service manager holds it, or somebody who
shares its descriptor table), connecting succeeds at once and the answer comes with the new master.
Where it has not, connecting fails until there is one, so it is tried again and again, at first
often: a client is waiting.
"""

import contextlib
import os
import select
import socket
import time
from typing import Final

import setproctitle

from chatd_workers.channel import send_with_descriptor
from chatd_workers.reports import MALFORMED, MAX_ORDER, Offer, Serve, decode_order, encode
from chatd_workers.titles import clip

SPREAD: Final = 0.2
"""Seconds in which clients are offered that say nothing."""

FIRST_DELAY: Final = 0.05
LAST_DELAY: Final = 1.0
"""Seconds between tries, the first time and at most."""

MISSING: Final = 8
"""Tries in a row, some seconds, in which the adoption socket's file was missing. A master that dies
leaves it, and one that begins puts its own in its place; it is missing for good when somebody has
removed the runtime directory. (That directory itself a worker cannot look for: no file is open to
it.)"""

PATIENCE: Final = 3600.0
"""Seconds after which nobody is coming any more."""


class Dismissed(Exception):
    """Nobody wants this worker: its session is over, or no master has come."""


def find_master(client: socket.socket, orders: Serve, title: str) -> tuple[socket.socket, Serve]:
    """Return the channel to a new master and its orders. Raises Dismissed.

    ``orders`` are those of the last one, ``title`` is the process title so far.
    """
    setproctitle.setproctitle(clip(title + " (no master)"))
    look = select.poll()
    look.register(client, select.POLLIN | select.POLLRDHUP)
    look.poll(SPREAD * _place() * 1000)
    deadline = time.monotonic() + PATIENCE
    delay = FIRST_DELAY
    missing = 0
    while time.monotonic() < deadline:
        try:
            found = _offer(client, orders)
        except FileNotFoundError:
            missing += 1
        else:
            if found is not None:
                return found
            missing = 0
        if missing >= MISSING:
            # With the runtime directory is gone what a new master would know us by.
            raise Dismissed
        # Not all at the same instant: each at its own place in the interval.
        time.sleep(delay * (0.5 + _place()))
        delay = min(delay * 1.5, LAST_DELAY)
    raise Dismissed


def _place() -> float:
    """Return this worker's place among all of them, from 0 to 1."""
    return os.getpid() % 64 / 64


def _offer(client: socket.socket, orders: Serve) -> tuple[socket.socket, Serve] | None:
    """Offer ``client``; return the channel and the orders of the master that takes it.

    Raises FileNotFoundError if there is no adoption socket, Dismissed.
    """
    channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    try:
        channel.connect(orders.adoption)
    except FileNotFoundError:
        channel.close()
        raise
    except OSError:
        channel.close()
        return None
    # Whatever fails, the master that was about to take us is no more either.
    with contextlib.suppress(OSError, *MALFORMED):
        offer = Offer(orders.session, orders.token, orders.dialect)
        send_with_descriptor(channel, encode(offer), client.fileno())
        record = channel.recv(MAX_ORDER)
        if record:
            order = decode_order(record)
            if isinstance(order, Serve):
                return channel, order
            raise Dismissed
    channel.close()
    return None
