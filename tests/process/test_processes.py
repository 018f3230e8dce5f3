"""n clients, n+1 processes: what ps, ss and /proc show of a running server."""

import os
import re
import signal
import subprocess
import time
from collections import Counter

import pytest

from harness import Server, descriptors, eventually


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_n_clients_are_n_plus_1_titled_processes(server: Server, count: int) -> None:
    for _ in range(count):
        server.connect()
    clients = f"{count} client{'' if count == 1 else 's'}"
    master = f"chatd: master 127.0.0.1:{server.port} {clients}"

    def complete() -> list[str]:
        found = server.titles()
        return found if found[0] == master and len(found) == count + 1 else []

    workers = eventually(f"{master} and {count} workers", complete)[1:]
    pattern = re.compile(r"chatd: guest\d+@127\.0\.0\.1:\d+ text #lobby")
    assert all(pattern.fullmatch(title) for title in workers), workers
    assert len(set(workers)) == count


def test_a_title_follows_nick_and_room(server: Server) -> None:
    alice = server.connect("alice")
    alice.send("/join #ops\n")
    alice.until("you are in #ops")
    port = alice.socket.getsockname()[1]
    title = f"chatd: alice@127.0.0.1:{port} text #ops"
    eventually(title, lambda: title in server.titles())


def test_no_title_names_a_secret_room(server: Server) -> None:
    alice, bob = server.connect("alice"), server.connect("bob")
    for client in (alice, bob):
        client.send("/join #plans\n")
        client.until("you are in #plans")
    eventually("they are shown there", lambda: str(server.titles()).count("#plans") == 2)
    alice.send("/mode secret on\n")
    # Bob's too, who says nothing himself.
    eventually("they are not", lambda: "#plans" not in str(server.titles()))
    port = bob.socket.getsockname()[1]
    assert f"chatd: bob@127.0.0.1:{port} text +1" in server.titles()
    assert [row["room"] for row in server.ask("ps")] == ["#plans", "#plans"]
    killed = server.worker_of("bob")
    os.kill(killed, signal.SIGKILL)
    eventually("he has another worker", lambda: server.worker_of("bob") != killed)
    eventually("which is titled", lambda: str(server.titles()).count("bob@") == 1)
    assert "#plans" not in str(server.titles())
    alice.send("/mode secret off\n")
    bob.until("secret off")
    bob.send("here\n")
    bob.until("bob : here")
    eventually("they are shown again", lambda: str(server.titles()).count("#plans") == 2)


def test_when_a_client_leaves_so_does_its_process(server: Server) -> None:
    clients = [server.connect() for _ in range(3)]
    for client in clients:
        client.close()
    eventually("the master alone", lambda: len(server.titles()) == 1)


def test_ss_shows_who_listens_and_who_is_behind_each_connection(server: Server) -> None:
    alice = server.connect("alice")
    bob = server.connect("bob")
    listening = subprocess.run(
        ["ss", "-Orlp"], capture_output=True, text=True, timeout=10, check=True
    ).stdout
    rows = [row for row in listening.splitlines() if "chat" in row and f":{server.port}" in row]
    assert len(rows) == 1, listening
    assert re.search(rf'users:\(\("chatd: master [^"]*",pid={server.pid},fd=\d+\)\)', rows[0])
    for nick, client in (("alice", alice), ("bob", bob)):
        port = client.socket.getsockname()[1]
        shown = subprocess.run(
            ["ss", "-tnp", f"( sport = :{server.port} and dport = :{port} )"],
            capture_output=True,
            text=True,
            timeout=10,
            check=True,
        ).stdout
        users = re.findall(r'\("([^"]+)",pid=(\d+),fd=\d+\)', shown)
        # comm is the first 15 bytes of the title.
        assert sorted(users) == sorted(
            [
                (f"chatd: {nick}@127.0.0.1"[:15], str(server.worker_of(nick))),
                ("chatd: master 1", str(server.pid)),
            ]
        )


def test_a_worker_holds_its_client_and_its_channel_and_nothing_else(server: Server) -> None:
    nicks = ["alice", "bob", "carol"]
    for nick in nicks:
        server.connect(nick)
    seen: Counter[str] = Counter()
    for nick in nicks:
        held = descriptors(server.worker_of(nick))
        assert len(held) == 2, held
        assert all(name.startswith("socket:") for name in held.values())
        seen.update(held.values())
    assert set(seen.values()) == {1}, "no socket is held by two workers"


def test_the_master_holds_two_descriptors_a_client(server: Server) -> None:
    server.connect()
    before = len(descriptors(server.pid))
    for _ in range(10):
        server.connect()
    assert len(descriptors(server.pid)) == before + 2 * 10


def test_a_successor_holds_no_more_than_the_first(server: Server) -> None:
    alice = server.connect("alice")
    server.connect("bob")
    first = server.worker_of("alice")
    os.kill(first, signal.SIGKILL)
    alice.send("still here\n")
    alice.until("alice : still here")
    second = server.worker_of("alice")
    assert second != first
    assert len(descriptors(second)) == 2


def test_received_descriptors_do_not_survive_exec(server: Server) -> None:
    server.connect("alice")
    pid = server.worker_of("alice")
    for descriptor in descriptors(pid):
        with open(f"/proc/{pid}/fdinfo/{descriptor}", encoding="ascii") as info:
            flags = int(re.search(r"flags:\s+(\d+)", info.read())[1], 8)  # type: ignore[index]
        assert flags & os.O_CLOEXEC


def test_a_server_with_idle_clients_stops_at_once_and_tells_them(server: Server) -> None:
    clients = [server.connect() for _ in range(5)]
    begun = time.monotonic()
    server.process.terminate()
    assert server.process.wait(10) == 0
    assert time.monotonic() - begun < 2.0
    for client in clients:
        assert client.rest().endswith("--- closing: the server is stopping\n")


def test_the_master_carries_neither_openssl_nor_argon2(server: Server) -> None:
    server.connect()
    with open(f"/proc/{server.pid}/maps", encoding="utf-8") as maps:
        carried = maps.read()
    assert "libc" in carried
    for heavy in ("libcrypto", "libssl", "argon2", "_cffi"):
        assert heavy not in carried
