"""Masters killed for real, one after another: every client hears its stream, to the byte."""

import os
import random
import select
import signal
import socket
import struct
import subprocess
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chatd_supervisor import outbox, spills
from chatd_supervisor.counts import written
from chatd_supervisor.egress import Egress, Output, Route, Run
from chatd_supervisor.ledger import Ledger, Place
from chatd_supervisor.outbox import recover
from harness import CHATD, PATIENCE, Server, eventually

CLIENTS = 12
KILLS = 150
TOKEN = bytes(8)
ENOUGH = 1 << 18
"""Bytes in a queue: its owner is not said anything then, as nobody is by a real master."""

COUNT = struct.Struct("=Q")


def runs(tick: int) -> Iterator[tuple[bytes, list[int]]]:
    """Return what is said in ``tick``, and to whom: the same whenever it is asked."""
    rng = random.Random(tick)
    for number in range(rng.choice([1, 1, 1, 4])):
        some = rng.choice([1, 3, CLIENTS, CLIENTS])
        data = b"%d.%d %s\n" % (tick, number, b"x" * rng.choice([5, 50, 1000]))
        yield data, sorted(rng.sample(range(CLIENTS), some))


class Master:
    """A master in small: ticks are appended, committed, written; the journal is a number."""

    def __init__(self, directory: Path, clients: list[socket.socket]) -> None:
        self.clients = clients
        self.journal = os.open(directory / "journal", os.O_RDWR | os.O_CREAT)
        (self.tick,) = COUNT.unpack(os.pread(self.journal, COUNT.size, 0) or COUNT.pack(0))
        self.ledger = Ledger(directory / "ledger")
        rows = self.ledger.rows()
        recovered = recover(directory, self.tick, rows)
        self.outbox = recovered.outbox
        self.poller = select.epoll()
        self.egress = Egress(lambda _: None)
        self.outputs = []
        self.by_descriptor = {}
        for session, client in enumerate(clients):
            output = Output(session, self.poller)
            if session in rows:
                output.attach(client, recovered.rest(session, written(client)))
            else:
                # Nothing is said before everybody has been entered.
                assert self.tick == 0
                self.ledger.enter(session, TOKEN, self.outbox.place)
                output.attach(client, [])
            self.outputs.append(output)
            self.by_descriptor[client.fileno()] = output
        self.routes: dict[tuple[int, ...], Route] = {}

    def route(self, sessions: list[int]) -> Route:
        key = tuple(sessions)
        if key not in self.routes:
            self.routes[key] = Route([self.outputs[session] for session in sessions])
        return self.routes[key]

    def drain(self, timeout: float) -> None:
        for descriptor, _ in self.poller.poll(timeout):
            self.by_descriptor[descriptor].drain()

    def say(self) -> None:
        tick = self.tick + 1
        said = [Run(data, self.route(sessions)) for data, sessions in runs(tick)]
        self.outbox.append(tick, said)
        os.pwrite(self.journal, COUNT.pack(tick), 0)
        self.tick = tick
        self.egress.write(said)
        if self.outbox.is_full:
            self.outbox.roll(
                zip(range(CLIENTS), self.clients, self.outputs, strict=True), self.ledger
            )

    def serve(self) -> None:
        while True:
            while max(output.queued for output in self.outputs) > ENOUGH:
                self.drain(PATIENCE)
            self.say()
            self.drain(0)

    def finish(self) -> None:
        while any(output.queue for output in self.outputs):
            self.drain(PATIENCE)


def forked(directory: Path, clients: list[socket.socket], what: str) -> int:
    pid = os.fork()
    if not pid:
        status = 1
        try:
            # Small, so that much happens.
            outbox.SEGMENT_BYTES = 60_000  # type: ignore[misc]
            spills.HISTORY = 100_000  # type: ignore[misc]
            getattr(Master(directory, clients), what)()
            status = 0
        except BaseException:
            traceback.print_exc()
            raise
        finally:
            os._exit(status)
    return pid


class Readers:
    """What the clients hear; some of them read slowly."""

    def __init__(self, peers: list[socket.socket], rng: random.Random) -> None:
        self.peers = peers
        self.rng = rng
        self.heard = [bytearray() for _ in peers]

    def read(self, until: float, *, all_of_them: bool = False) -> None:
        while (left := until - time.monotonic()) > 0:
            wanted = [p for n, p in enumerate(self.peers) if all_of_them or n % 4 or self.slow()]
            ready, _, _ = select.select(wanted, [], [], min(left, 0.002))
            for peer in ready:
                data = peer.recv(1 << 16)
                self.heard[self.peers.index(peer)] += data

    def slow(self) -> bool:
        return self.rng.random() < 0.2


def test_masters_killed_at_any_instant(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    with ExitStack() as opened:
        listener = opened.enter_context(socket.create_server(("127.0.0.1", 0)))
        peers, clients = [], []
        for _ in range(CLIENTS):
            peer = opened.enter_context(socket.socket())
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8192)
            peer.connect(listener.getsockname())
            client = opened.enter_context(listener.accept()[0])
            client.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
            client.setblocking(False)
            peers.append(peer)
            clients.append(client)
        readers = Readers(peers, rng)
        for _ in range(KILLS):
            pid = forked(tmp_path, clients, "serve")
            readers.read(time.monotonic() + rng.uniform(0.001, 0.04))
            ended, status = os.waitpid(pid, os.WNOHANG)
            assert not ended, f"a master failed: {status}"
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
        pid = forked(tmp_path, clients, "finish")
        deadline = time.monotonic() + PATIENCE
        while not os.waitpid(pid, os.WNOHANG)[0]:
            assert time.monotonic() < deadline
            readers.read(time.monotonic() + 0.01, all_of_them=True)
        for client in clients:
            client.shutdown(socket.SHUT_WR)
        for peer, heard in zip(peers, readers.heard, strict=True):
            peer.settimeout(PATIENCE)
            while data := peer.recv(1 << 16):
                heard.extend(data)
        (last,) = COUNT.unpack((tmp_path / "journal").read_bytes())
        streams = [bytearray() for _ in clients]
        for tick in range(1, last + 1):
            for data, sessions in runs(tick):
                for session in sessions:
                    streams[session] += data
        print(last, "ticks", sum(map(len, streams)), "bytes")
        assert last > KILLS
        # Compared by hand: a difference of megabytes is not to be printed.
        assert [a == b for a, b in zip(readers.heard, streams, strict=True)] == [True] * CLIENTS


PROGRAM = Path(__file__).with_name("short_outbox.py")


def test_the_row_of_one_who_was_never_written_down_is_freed(tmp_path: Path) -> None:
    """Accepted by a master that was killed before the journal knew of it; nobody comes for it."""
    server = Server(tmp_path, "[limits]\nadoption_timeout = 0.5\n")
    try:
        alice = server.connect("alice")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)
        ledger = Ledger(server.state_dir / "sessions" / "ledger")
        (known,) = ledger.rows()
        ledger.enter(1000, TOKEN, Place(1, 16))
        ledger.close()
        server.again()

        def rows() -> set[int]:
            return set(Ledger.read(server.state_dir / "sessions" / "ledger"))

        eventually("its row is freed", lambda: rows() == {known})
        alice.send("still here\n")
        alice.until("alice : still here")
    finally:
        server.stop()


def test_no_room_for_another_segment_is_no_reason_to_fall_silent(tmp_path: Path) -> None:
    server = Server(tmp_path, program=[sys.executable, str(PROGRAM)])
    try:
        alice = server.connect("alice")
        bob = server.connect("bob")
        for number in range(100):
            alice.send(f"line {number}\n")
            alice.until(f"line {number}")
            bob.until(f"line {number}")
        assert "outbox not shortened " in server.log()
        assert "Traceback" not in server.log()
    finally:
        server.stop()


@pytest.mark.parametrize(
    ("name", "position", "sentence"),
    [("outbox.1", 20, "was changed at byte 16"), ("ledger", 64, "is damaged at byte 64")],
)
def test_a_damaged_file_is_named_and_what_to_do(
    tmp_path: Path, name: str, position: int, sentence: str
) -> None:
    server = Server(tmp_path)
    try:
        alice = server.connect("alice")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)
        path = server.state_dir / "sessions" / name
        content = bytearray(path.read_bytes())
        content[position] ^= 0x40
        path.write_bytes(content)
        done = subprocess.run(
            [CHATD, "run", *server.options()],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert done.returncode == os.EX_DATAERR
        assert f"chatd: {path} {sentence}" in done.stderr
        assert "Traceback" not in done.stderr
        # Nothing else was changed: with the file as it was, everything is there again.
        content[position] ^= 0x40
        path.write_bytes(content)
        server.again()
        alice.send("still here\n")
        alice.until("alice : still here")
    finally:
        server.stop()
