"""The worker: one process, one client.

It holds two descriptors, the client's socket and the channel to the master (a few more where it
must transform the stream, see ``relay``), and does one thing: peek at what the client has sent,
frame it, parse it, report it, wait for the acknowledgement. It never writes to the client, never
takes a byte from the socket, and touches no file. So it can die at any instant, of any signal, and
its successor goes on from the same byte. What it does not do it cannot do either, whoever takes it
over: see ``sandbox``.

It outlives its master. When the channel ends it keeps the client's socket, so that the client
stays connected, and looks for a new master to take both (``orphan``).

Signals: TERM, INT and HUP are ignored (they may reach the whole process group, and shutting down
is the master's business, which ends its workers by SIGKILL). USR1 sends state and Python stack to
the master's log.
"""

import contextlib
import fcntl
import gc
import os
import signal
import socket
from typing import TYPE_CHECKING, NoReturn

from chatd_workers.channel import close_all_but, receive_with_descriptors
from chatd_workers.orphan import Dismissed, find_master
from chatd_workers.reports import (
    MAX_DESCRIPTORS,
    MAX_ORDER,
    MAX_TRACE,
    Serve,
    Trace,
    decode_order,
    encode,
)
from chatd_workers.sandbox.walls import SANDBOX
from chatd_workers.signals import MASTERS_SIGNALS, UNBLOCK, USR1, change_mask, handle
from chatd_workers.stacks import of_error
from chatd_workers.worker import MasterGone, Worker

if TYPE_CHECKING:
    from chatd_workers.relay import Relay


def serve(channel: socket.socket) -> NoReturn:
    """Serve the client whose socket comes over ``channel``, for as many masters as come and go.

    Runs in a fresh fork, and never returns.
    """
    # What was inherited stays shared with whoever has forked us as long as nobody writes to it:
    # keep the collector's hands off those objects, and let it see only our own.
    gc.freeze()
    # From here on a signal that the master handles (TERM, INT, HUP, CHLD) ends in its handler for
    # Python, which does nothing; what it would do is told through this descriptor.
    signal.set_wakeup_fd(-1)
    close_all_but(channel.fileno())
    try:
        record, descriptors = receive_with_descriptors(channel, MAX_ORDER, most=MAX_DESCRIPTORS)
        orders = decode_order(record)
        assert isinstance(orders, Serve), "the first record must say whom to serve"
        client = client_socket(descriptors.pop(0))
        relay = begin_relay(orders, descriptors, channel) if descriptors else None
        if relay is None:
            SANDBOX.begin()
        # From here on there is nothing that strangers could have this process do.
        SANDBOX.complete(client.fileno(), relay=relay is not None)
        pace = None
        while True:
            worker = Worker(channel, client, orders, relay, pace, outermost=serve.__code__)
            handle(USR1, worker.trace)
            change_mask(UNBLOCK, MASTERS_SIGNALS)
            try:  # noqa: SIM105  # what suppress() runs through is memory of every worker's own
                worker.run(newborn=pace is None)
            except MasterGone:
                pass
            channel.close()
            pace = worker.pace
            channel, orders = find_master(client, worker.orders, worker.title)
            if relay is not None:
                relay.channel = channel
    except (Dismissed, EOFError):
        os._exit(0)
    except BaseException as error:  # noqa: BLE001  # whatever it is, this process ends of it
        # Nothing is open to write it to but the channel; the master logs it.
        with contextlib.suppress(OSError):
            channel.send(encode(Trace(of_error(error)[-MAX_TRACE:])), socket.MSG_DONTWAIT)
        os._exit(os.EX_SOFTWARE)


def client_socket(descriptor: int) -> socket.socket:
    """Return the socket behind ``descriptor``, moved out of the way of 0, 1 and 2.

    Those stay closed: were the client's socket one of them, a stray message of the interpreter
    would be written to the client.
    """
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)
    os.close(descriptor)
    return socket.socket(fileno=moved)


def begin_relay(orders: Serve, descriptors: list[int], channel: socket.socket) -> "Relay":
    """Begin to pump between the client's real socket and the one that is peeked at.

    ``descriptors`` are the real one, the other end of the pair, and for TLS the credentials.
    """
    # Only here: most workers have no use for it.
    from chatd_workers.relay import Relay  # noqa: PLC0415

    outer, inner, *rest = descriptors
    relay = Relay(
        orders, client_socket(outer), client_socket(inner), rest[0] if rest else None, channel
    )
    # Before the thread begins, and after the certificate was read.
    SANDBOX.begin()
    # While the signals are still blocked, which the thread inherits.
    relay.start()
    return relay
