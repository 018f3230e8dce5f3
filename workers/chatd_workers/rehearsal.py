"""A worker's life in small, lived once before the first fork, in the process that forks workers.

The first run of any Python code writes to memory: the interpreter specialises bytecode (PEP 659),
fills type and method caches, creates constants. Written before the fork, those pages are shared
by all workers; written after it, each worker has copies of its own. Measured with
``tests/bench``: a quarter of a worker's unshared memory.
"""

import contextlib
import functools
import socket
from typing import Final

from chatd_workers.channel import pair, receive_with_descriptors, send_with_descriptor
from chatd_workers.main import client_socket
from chatd_workers.reports import ACK, MAX_ORDER, Serve, decode_order, encode
from chatd_workers.worker import MasterGone, Worker

ROUNDS: Final = 16
"""Enough for the interpreter to specialise what runs once a life (8 calls in CPython 3.11)."""


@functools.cache
def rehearse(dialects: tuple[str, ...]) -> None:
    """Serve a client that says one line and hangs up, a few times for each dialect; once.

    Sets the process title; the caller sets its own afterwards.
    """
    for dialect in dialects:
        for _ in range(ROUNDS):
            _live(
                Serve(
                    session=0,
                    peer="127.0.0.1:0",
                    dialect=dialect,
                    nick="rehearsal",
                    room="#lobby",
                    line_length=8192,
                    discarding=False,
                    carry=b"",
                    careful=False,
                    token=b"",
                    adoption="",
                    beginning=True,
                )
            )


def _live(orders: Serve) -> None:
    master, channel = pair()
    person, client = socket.socketpair()
    with master, channel, person, client:
        send_with_descriptor(master, encode(orders), client.fileno())
        record, (descriptor,) = receive_with_descriptors(channel, MAX_ORDER, most=1)
        again = decode_order(record)
        assert isinstance(again, Serve)
        with client_socket(descriptor) as served:
            worker = Worker(channel, served, again)
            person.sendall(b"hello\n")
            # The acknowledgement, and then the end of the channel, are there before they are
            # waited for: nothing here can block.
            master.send(ACK)
            master.shutdown(socket.SHUT_WR)
            with contextlib.suppress(MasterGone):
                worker.run(newborn=True)
