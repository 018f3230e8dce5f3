"""Bad input gets a clear answer and disturbs nobody else."""

import os
import random
import re
import resource
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from harness import CHATD, PATIENCE, Client, Server, eventually, serving


@pytest.fixture
def pair(server: Server) -> tuple[Client, Client]:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")
    return alice, bob


@pytest.mark.parametrize("size", [8193, 8194, 9000, 100_000, 3_000_000])
def test_a_line_over_the_limit_is_dropped_and_told_once(
    pair: tuple[Client, Client], size: int
) -> None:
    alice, bob = pair
    alice.send("x" * size + "\nnext\n")
    assert alice.line() == "--- line dropped: it is longer than 8192 bytes"
    assert alice.line() == "alice : next"
    assert bob.line() == "alice : next"


def test_a_line_of_the_limit_is_said(pair: tuple[Client, Client]) -> None:
    alice, bob = pair
    alice.send("x" * 8192 + "\r\n")
    assert alice.line() == bob.line() == "alice : " + "x" * 8192


def test_a_worker_killed_inside_a_line_that_is_dropped(
    server: Server, pair: tuple[Client, Client]
) -> None:
    alice, bob = pair
    alice.send("x" * 20_000)
    assert alice.line() == "--- line dropped: it is longer than 8192 bytes"
    for _ in range(3):
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        alice.send("y" * 20_000)
    alice.send("\nnext\n")
    assert alice.line() == bob.line() == "alice : next"


def test_binary_garbage_is_harmless(pair: tuple[Client, Client]) -> None:
    alice, bob = pair
    garbage = random.Random(5).randbytes(1 << 20)
    # No slash begins a line, so that it is all said; /quit by chance would be a pity.
    alice.send(garbage.replace(b"/", b"-") + b"\nend of garbage\n")
    alice.until("alice : end of garbage")
    heard = bob.until("alice : end of garbage")
    assert len(heard) > 1000
    for line in heard:
        assert not re.search("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", line), ascii(line)
    bob.send("fine\n")
    assert bob.line() == "bob : fine"


def test_escapes_and_invalid_bytes_reach_nobody(pair: tuple[Client, Client]) -> None:
    alice, bob = pair
    alice.send(b"a\x1b[31mb\xffc\x07d\xe2\x80\xaee\tf\n")
    assert bob.line() == "alice : a\ufffd[31mb\ufffdc\ufffdd\ufffde f"


def test_one_that_says_nothing_is_left_in_peace(server: Server) -> None:
    silent = server.connect()
    bob = server.connect("bob")
    silent.until("is now bob")
    bob.send("hello\n")
    assert silent.line() == "bob : hello"


def test_one_that_never_reads_is_closed_alone(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\nsend_queue = 300000\n") as server:
        deaf = server.connect("deaf", receive_buffer=4096)
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.until("is now bob")
        line = "x" * 1000
        heard: list[str] = []
        deadline = time.monotonic() + 60
        while not any("deaf left" in one for one in heard):
            assert time.monotonic() < deadline
            alice.send(f"{line}\n" * 20)
            # Both read everything, and in step, so only the deaf one falls behind.
            for _ in range(20):
                heard += bob.until(line)
                alice.until(line)
        (notice,) = [one for one in heard if "deaf left" in one]
        assert re.fullmatch(
            r"--- deaf left #lobby \(reads too slowly, \d+ bytes were waiting\)", notice
        )
        assert 'nick=deaf reason="reads too slowly' in server.log()
        # What was under way ends with a whole line and the reason.
        rest = deaf.rest().splitlines()
        assert re.fullmatch(r"--- closing: reads too slowly, \d+ bytes were waiting", rest[-1])
        assert rest[-2] == f"alice : {line}"
        alice.send("still here\n")
        assert bob.line() == "alice : still here"


def test_a_flooder_is_not_read_until_it_reads(server: Server) -> None:
    flooder = server.connect("flooder")
    flooder.socket.settimeout(1.0)
    flood = (b"x" * 1000 + b"\n") * 100_000
    with pytest.raises(TimeoutError):
        flooder.send(flood)
    bob = server.connect("bob")
    bob.send("hello\n")
    bob.until("bob : hello")
    assert [s["state"] for s in server.ask("ps")] == ["served", "served"]


def test_the_limit_on_clients(tmp_path: Path) -> None:
    with serving(tmp_path, "[limits]\nmax_clients = 2\n") as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        third = Client(server.port)
        assert third.rest() == "--- closing: the server is full, try again later\n"
        third.close()
        bob.close()
        alice.until("bob left")
        eventually("room again", lambda: len(server.ask("ps")) == 1)
        server.connect("carol")


def test_the_limit_on_clients_of_one_address(tmp_path: Path) -> None:
    limit = "[limits]\nmax_clients_per_ip = 1\n[exempt]\naddresses = []\n"
    with serving(tmp_path, limit) as server:
        server.connect("alice")
        second = Client(server.port)
        assert second.rest() == "--- closing: the limit is 1 connection from 127.0.0.1\n"
        second.close()
        other = socket.create_connection(
            ("127.0.0.1", server.port), source_address=("127.0.0.2", 0)
        )
        assert other.recv(100).startswith(b"--- Welcome")
        other.close()


def test_more_connections_than_descriptors(tmp_path: Path) -> None:
    """With room for a few, many come; the few go on talking, and there is room again later."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    launcher = ["prlimit", "--nofile=104:104", CHATD]
    with serving(tmp_path, program=launcher) as server:
        assert server.ask("status")["room_for"] == 20
        alice = server.connect("alice")
        crowd = [Client(server.port) for _ in range(60)]
        alice.send("hello\n")
        alice.until("alice : hello")
        greeted = [one for one in crowd if one.line().startswith("--- Welcome")]
        assert len(greeted) == 19
        for one in crowd:
            one.close()
        eventually("room again", lambda: len(server.ask("ps")) == 1)
        server.connect("bob")
    assert resource.getrlimit(resource.RLIMIT_NOFILE) == (soft, hard)


def test_a_storm_of_connections_does_not_stop_talk(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    alice.until("is now bob")
    crowd = []
    for _ in range(300):
        one = socket.socket()
        one.setblocking(False)
        one.connect_ex(("127.0.0.1", server.port))
        crowd.append(one)
    worst = 0.0
    for n in range(50):
        begun = time.monotonic()
        alice.send(f"line {n}\n")
        alice.until(f"line {n}")
        bob.until(f"line {n}")
        worst = max(worst, time.monotonic() - begun)
    assert worst < 2.0
    eventually("all are served", lambda: server.ask("status")["clients"] == 302, 60)
    for one in crowd:
        one.close()


def test_a_port_in_use_is_said(server: Server, tmp_path: Path) -> None:
    done = subprocess.run(
        [
            CHATD,
            "run",
            f"--listen=127.0.0.1:{server.port}",
            f"--runtime-dir={tmp_path / 'other'}",
            f"--state-dir={tmp_path / 'state'}",
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 69
    assert f"cannot listen on 127.0.0.1:{server.port}: Address already in use" in done.stderr


def test_idle_processes_are_not_woken(server: Server) -> None:
    clients = [server.connect() for _ in range(5)]
    clients[0].send("an unfinished li")
    workers = server.workers()

    def switches() -> list[str]:
        return [
            line
            for pid in (server.pid, *workers)
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if "voluntary_ctxt" in line
        ]

    def settled() -> bool:
        before = switches()
        time.sleep(0.3)
        return switches() == before

    eventually("everything sleeps", settled)
    before = switches()
    time.sleep(2.0)
    assert switches() == before
