"""What the kernel counts, in every state a connection can be in, and while traffic goes on."""

import errno
import os
import random
import select
import signal
import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from chatd_supervisor.counts import consumed, written
from harness import PATIENCE, eventually

ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING = 1, 4, 5, 7, 8, 9, 11


class Pair:
    """An accepted connection and its peer."""

    def __init__(self, opened: ExitStack, receive_buffer: int = 0) -> None:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_OOBINLINE, 1)
        self.peer = opened.enter_context(socket.socket())
        if receive_buffer:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.peer.connect(listener.getsockname())
        self.peer.settimeout(PATIENCE)
        self.ours = opened.enter_context(listener.accept()[0])
        self.ours.settimeout(PATIENCE)

    @property
    def state(self) -> int:
        return self.ours.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]

    def becomes(self, *states: int) -> None:
        eventually(f"state {states}", lambda: self.state in states)

    def arrived(self, count: int) -> None:
        """Wait until ``count`` bytes can be read."""
        peek = socket.MSG_PEEK | socket.MSG_DONTWAIT

        def is_there() -> bool:
            try:
                return len(self.ours.recv(count, peek)) == count
            except BlockingIOError:
                return False

        eventually(f"{count} bytes", is_there)

    def live(self, what: str) -> None:
        """Let happen ``what`` LIVES says."""
        if what == "we end":
            self.ours.shutdown(socket.SHUT_WR)
        elif what == "peer ends":
            self.peer.shutdown(socket.SHUT_WR)
        elif what == "reset":
            self.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.peer.close()
            self.becomes(CLOSE)


@pytest.fixture
def pair() -> Iterator[Pair]:
    with ExitStack() as opened:
        yield Pair(opened)


def test_nothing_has_happened(pair: Pair) -> None:
    assert (consumed(pair.ours), written(pair.ours)) == (0, 0)


# What happens to a connection, one thing after the other, and the state it is in thereafter.
LIVES: dict[str, list[tuple[str, int]]] = {
    "established": [("", ESTABLISHED)],
    "it has ended": [("peer ends", CLOSE_WAIT)],
    "we have ended": [("we end", FIN_WAIT2)],
    "both have ended, it first": [("peer ends", CLOSE_WAIT), ("we end", CLOSE)],
    "both have ended, we first": [("we end", FIN_WAIT2), ("peer ends", CLOSE)],
    "reset": [("reset", CLOSE)],
    "it has ended, reset": [("peer ends", CLOSE_WAIT), ("reset", CLOSE)],
    "we have ended, reset": [("we end", FIN_WAIT2), ("reset", CLOSE)],
}


@pytest.mark.parametrize("taken", [0, 1, 40, 99, 100])
@pytest.mark.parametrize("life", LIVES)
def test_states(pair: Pair, life: str, taken: int) -> None:
    pair.peer.sendall(b"x" * 100)
    pair.ours.sendall(b"y" * 50)
    read(pair.peer, 50)
    pair.arrived(100)
    read(pair.ours, taken)
    for what, state in LIVES[life]:
        pair.live(what)
        pair.becomes(state)
        for _ in range(2):
            assert consumed(pair.ours) == taken
        assert_written(pair, 50)
    # What is left can be read, and is counted, down to the end of the stream and behind it.
    read(pair.ours, 100 - taken)
    assert consumed(pair.ours) == 100
    if life not in {"established", "we have ended"}:
        for _ in range(2):
            try:
                assert pair.ours.recv(10) == b""
            except ConnectionResetError:
                assert life in {"reset", "we have ended, reset"}
            assert consumed(pair.ours) == 100


def assert_written(pair: Pair, count: int) -> None:
    if pair.state == CLOSE:
        with pytest.raises(OSError, match="not connected") as raised:
            written(pair.ours)
        assert raised.value.errno == errno.ENOTCONN
    else:
        assert written(pair.ours) == count


def read(sock: socket.socket, count: int) -> None:
    """Take ``count`` bytes from ``sock``."""
    while count:
        taken = len(sock.recv(min(count, 1 << 16)))
        assert taken
        count -= taken


def filled(sock: socket.socket) -> int:
    """Write to ``sock`` until it takes no more; return how much it took."""
    sock.setblocking(False)
    count = 0
    # Less than a segment at last, so that every buffer there is is full.
    for size in (1 << 16, 1000, 1):
        try:
            while True:
                count += sock.send(b"z" * size)
        except BlockingIOError:
            continue
    sock.settimeout(PATIENCE)
    return count


@pytest.mark.parametrize("receive_buffer", [0, 4096])
@pytest.mark.parametrize("life", LIVES)
def test_full_buffers(life: str, receive_buffer: int) -> None:
    with ExitStack() as opened:
        pair = Pair(opened, receive_buffer)
        ours, theirs = filled(pair.ours), filled(pair.peer)
        assert (consumed(pair.ours), written(pair.ours)) == (0, ours)
        read(pair.ours, 1000)
        for what, _ in LIVES[life]:
            # Behind what is in the buffers, so that neither end is told to the other yet, ...
            pair.live(what)
            assert_written(pair, ours)
            assert consumed(pair.ours) == 1000
        if "reset" not in life:
            # ... and then, when it is.
            read(pair.ours, theirs - 1000)
            assert consumed(pair.ours) == theirs
            assert_written(pair, ours)
            read(pair.peer, ours)
            pair.becomes(LIVES[life][-1][1])
            assert consumed(pair.ours) == theirs
            assert_written(pair, ours)


@pytest.mark.parametrize(
    ("life", "state"),
    [(["peer ends", "we end"], LAST_ACK), (["we end", "peer ends"], CLOSING)],
)
def test_ends_that_cross(life: list[str], state: int) -> None:
    """Our end is not acknowledged, as the peer's buffer is full."""
    with ExitStack() as opened:
        pair = Pair(opened, 4096)
        count = filled(pair.ours)
        pair.peer.sendall(b"x" * 10)
        pair.live(life[0])
        pair.becomes(CLOSE_WAIT if life[0] == "peer ends" else FIN_WAIT1)
        pair.live(life[1])
        pair.becomes(state)
        assert consumed(pair.ours) == 0
        assert written(pair.ours) == count
        read(pair.ours, 10)
        assert consumed(pair.ours) == 10


def test_urgent_bytes_are_bytes(pair: Pair) -> None:
    """With SO_OOBINLINE, which an accepted socket has from its listener."""
    pair.peer.sendall(b"abc")
    pair.peer.send(b"d", socket.MSG_OOB)
    pair.peer.sendall(b"efg")
    taken = 0
    while taken < 7:
        taken += len(pair.ours.recv(2))
        assert consumed(pair.ours) == taken


def test_a_socket_that_is_none_of_tcp() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        for count in (consumed, written):
            with pytest.raises(OSError, match="not supported"):
                count(ours)


def chatter(sock: socket.socket, seed: int) -> None:
    """Send and read all the time, in pieces of any size."""
    rng = random.Random(seed)
    sock.setblocking(False)
    while True:
        # Also with nothing to do, now and then: what is on its way arrives in between.
        readable, writable, _ = select.select([sock], [sock], [])
        if readable and rng.random() < 0.7 and not sock.recv(rng.randrange(1, 20_000)):
            return
        if writable and rng.random() < 0.7:
            sock.send(b"x" * rng.randrange(1, 20_000))


@contextmanager
def another(job: Callable[[], None]) -> Iterator[None]:
    """Run ``job`` in a process of its own."""
    pid = os.fork()
    if not pid:
        try:
            job()
        finally:
            os._exit(0)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


@pytest.mark.parametrize("receive_buffer", [0, 4096])
def test_counts_are_exact_while_traffic_goes_on(receive_buffer: int) -> None:
    with ExitStack() as opened:
        pair = Pair(opened, receive_buffer)
        seed = random.randrange(1 << 32)
        print("seed", seed)
        rng = random.Random(seed)
        opened.enter_context(another(lambda: chatter(pair.peer, seed)))
        pair.ours.setblocking(False)
        taken = sent = checks = 0
        until = time.monotonic() + 2
        while time.monotonic() < until or not (taken and sent):
            select.select([pair.ours], [pair.ours], [], PATIENCE)
            try:
                # As the master consumes: what is read is discarded.
                taken += pair.ours.recv_into(bytearray(20_000), rng.randrange(1, 20_000))
                sent += pair.ours.send(b"y" * rng.randrange(1, 20_000))
            except BlockingIOError:
                pass
            for _ in range(rng.randrange(4)):
                assert consumed(pair.ours) == taken
                assert written(pair.ours) == sent
                checks += 1
        print(checks, "checks", taken, "bytes taken", sent, "sent")
