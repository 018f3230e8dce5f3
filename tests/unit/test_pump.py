"""The pump, on sockets of a test, with the stream as it is."""

import select
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from chatd_workers.pump import LIMIT, Pump
from chatd_workers.streams import BrokenStream, HeaderFirst, Plain, WrongStream
from harness import PATIENCE, eventually


class Pumped:
    """A pump with both of its ends in hand."""

    def __init__(self, stream: Plain | HeaderFirst) -> None:
        self.client, outer = tcp_pair()
        self.master, inner = tcp_pair()
        for sock in (self.client, self.master):
            sock.settimeout(PATIENCE)
        for sock in (outer, inner):
            sock.setblocking(False)
        self.ends = (outer, inner)
        self.pump = Pump(outer, inner, stream, lambda reason: f"no: {reason}\n".encode())
        self.thread = threading.Thread(target=self.pump.run, daemon=True)
        self.thread.start()

    def is_over(self) -> bool:
        self.thread.join(PATIENCE)
        return not self.thread.is_alive()

    def close(self) -> None:
        for sock in (self.client, self.master):
            sock.close()
        assert self.is_over()
        for sock in self.ends:
            sock.close()
        self.pump.close()


def tcp_pair() -> tuple[socket.socket, socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        one = socket.create_connection(listener.getsockname(), PATIENCE)
        return one, listener.accept()[0]


@pytest.fixture
def pumped() -> Iterator[Pumped]:
    made = Pumped(Plain())
    yield made
    made.close()


def test_bytes_go_both_ways_and_each_way_ends_by_itself(pumped: Pumped) -> None:
    pumped.client.sendall(b"up")
    assert pumped.master.recv(10) == b"up"
    pumped.client.shutdown(socket.SHUT_WR)
    assert pumped.master.recv(10) == b""
    pumped.master.sendall(b"down")
    assert pumped.client.recv(10) == b"down"
    assert pumped.thread.is_alive()
    pumped.master.shutdown(socket.SHUT_WR)
    assert pumped.client.recv(10) == b""
    assert pumped.is_over()


def test_the_master_ends_and_the_client_gets_the_last_words(pumped: Pumped) -> None:
    pumped.master.sendall(b"goodbye")
    pumped.master.shutdown(socket.SHUT_WR)
    assert pumped.client.recv(10) == b"goodbye"
    assert pumped.client.recv(10) == b""
    # It is waited for, and whatever it says goes nowhere.
    pumped.client.sendall(b"x" * 1000)
    pumped.master.settimeout(0.1)
    with pytest.raises(TimeoutError):
        pumped.master.recv(10)
    assert pumped.thread.is_alive()
    pumped.client.close()
    assert pumped.is_over()


def test_in_a_hurry_it_is_over_when_all_is_delivered(pumped: Pumped) -> None:
    pumped.pump.hurry()
    pumped.master.sendall(b"goodbye")
    pumped.master.shutdown(socket.SHUT_WR)
    assert pumped.is_over()
    pumped.ends[0].close()
    assert pumped.client.recv(10) == b"goodbye"
    assert pumped.client.recv(10) == b""


def flood(sock: socket.socket) -> int:
    """Send until nothing more is taken; return how many bytes were."""
    sent = 0
    sock.settimeout(0.3)
    try:
        while True:
            sent += sock.send(bytes(1 << 16))
    except TimeoutError:
        return sent
    finally:
        sock.settimeout(PATIENCE)


def drain(sock: socket.socket, count: int) -> None:
    while count:
        count -= len(sock.recv(min(count, 1 << 16)))


@pytest.mark.parametrize("upward", [True, False])
def test_who_is_slow_slows_down_the_other(pumped: Pumped, upward: bool) -> None:
    ends = (pumped.client, pumped.master)
    sender, receiver = ends if upward else ends[::-1]
    sent = flood(sender)
    waiting = pumped.pump._up if upward else pumped.pump._down
    assert LIMIT <= len(waiting) < 2 * LIMIT
    # And it sleeps; the other way is open.
    receiver.sendall(b"hello")
    assert sender.recv(10) == b"hello"
    before = time.process_time()
    pumped.thread.join(0.3)
    assert time.process_time() - before < 0.1
    drain(receiver, sent)


def test_a_client_that_has_gone_is_heard_to_the_end(pumped: Pumped) -> None:
    pumped.client.sendall(b"last words")
    pumped.client.close()
    # Whatever it is told now vanishes.
    pumped.master.sendall(b"x" * 100_000)
    heard = b""
    while data := pumped.master.recv(100):
        heard += data
    assert heard == b"last words"
    pumped.master.sendall(b"x" * 1000)
    pumped.master.shutdown(socket.SHUT_WR)
    assert pumped.is_over()


def test_a_reset_is_told_as_it_is(pumped: Pumped) -> None:
    linger = b"\1\0\0\0\0\0\0\0"
    pumped.client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    pumped.client.close()
    assert pumped.master.recv(10) == b""
    assert pumped.pump.reason == "Connection reset by peer"


def test_a_master_that_has_gone_ends_it(pumped: Pumped) -> None:
    pumped.client.sendall(b"hello")
    eventually("it is there", lambda: select.select([pumped.master], [], [], 0)[0])
    # Unread, so that it is a reset.
    pumped.master.close()
    assert pumped.client.recv(10) == b""
    pumped.client.close()
    assert pumped.is_over()


class Wrong(Plain):
    """A stream that nobody speaks."""

    def receive(self, data: bytes) -> bytes:
        raise WrongStream("so it is not" if data else "")


class Broken(Plain):
    """One that breaks."""

    def receive(self, data: bytes) -> bytes:
        self.send(b"alert")
        raise BrokenStream("it is broken" if data else "")


@pytest.mark.parametrize(("stream", "answer"), [(Wrong, b"no: so it is not\n"), (Broken, b"alert")])
def test_a_stream_that_breaks_says_why_and_ends(stream: type[Plain], answer: bytes) -> None:
    pumped = Pumped(stream())
    pumped.client.sendall(b"hello")
    assert pumped.client.recv(100) == answer
    assert pumped.client.recv(100) == b""
    assert pumped.master.recv(100) == b""
    assert pumped.pump.reason in ("so it is not", "it is broken")
    pumped.master.sendall(b"nobody hears that")
    pumped.close()


@pytest.mark.parametrize("pieces", [1, 5, 1000])
def test_a_header_passes_as_it_is(pieces: int) -> None:
    pumped = Pumped(HeaderFirst(Plain()))
    data = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 5015\r\nhello"
    for start in range(0, len(data), pieces):
        pumped.client.sendall(data[start : start + pieces])
    heard = b""
    while len(heard) < len(data):
        heard += pumped.master.recv(100)
    assert heard == data
    pumped.close()
