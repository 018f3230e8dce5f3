"""The nursery: it forks the workers, it may die or stop at any time, and nobody notices."""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chatd_supervisor.proc import memory
from harness import (
    NURSERY,
    PATIENCE,
    WITH_NURSERY,
    Client,
    Server,
    descriptors,
    eventually,
    injected,
    serving,
)
from secure import HOST, TlsSocket, make_certificate, tls_listener
from supervised import children, is_running, title

SMALL = 1.6
"""MB that a worker may have for itself."""

SECRET = "the goose drinks wine"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, WITH_NURSERY) as one:
        nursery_of(one)
        yield one


def nursery_of(server: Server, other_than: int = 0) -> int:
    """Wait until the master has a nursery that is ready; return its pid."""

    def find() -> int:
        try:
            pid = int(server.ask("status")["nursery"] or 0)
        except subprocess.CalledProcessError:
            return 0  # there is no master, just now
        return pid if pid != other_than and pid in children(server.master) else 0

    return eventually("there is a nursery", find)


def has_clients(server: Server, count: int) -> bool:
    return len(server.ask("ps")) == count


def talks(client: Client, nick: str, text: str) -> None:
    client.send(f"{text}\n")
    client.until(f"{nick} : {text}")


def test_without_being_asked_for_there_is_none(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        talks(server.connect("alice"), "alice", "hello")
        assert len(server.titles()) == 2


def test_a_supervised_master_has_one(tmp_path: Path) -> None:
    with serving(tmp_path, supervised=True) as server:
        first = nursery_of(server)
        client = server.connect("alice")
        server.kill_master()
        eventually("it ends with its master", lambda: not is_running(first))
        talks(client, "alice", "hello")
        assert nursery_of(server) != first
        talks(server.connect("bob"), "bob", "and again")


def test_whoever_wants_none_has_none(tmp_path: Path) -> None:
    with serving(tmp_path, "[server]\nnursery = false\n", supervised=True) as server:
        talks(server.connect("alice"), "alice", "hello")
        assert NURSERY not in map(title, children(server.master))
        assert "nursery" not in server.log()


def test_workers_are_children_of_the_master_and_reaped(server: Server) -> None:
    client = server.connect("alice")
    worker = server.worker_of("alice")
    assert title(nursery_of(server)) == NURSERY
    assert set(children(server.pid)) == {nursery_of(server), worker}
    assert children(nursery_of(server)) == []
    assert re.fullmatch(r"chatd: alice@127\.0\.0\.1:\d+ text #lobby", title(worker))
    os.kill(worker, signal.SIGKILL)
    talks(client, "alice", "still here")
    assert server.worker_of("alice") != worker
    eventually("it is reaped", lambda: not Path(f"/proc/{worker}").exists())
    assert f'worker died session=1 pid={worker} how="was killed by SIGKILL"' in server.log()


def test_a_newcomer_is_titled_by_the_name_it_was_given(server: Server) -> None:
    clients = [Client(server.port) for _ in range(5)]
    server.clients += clients

    def all_titled() -> bool:
        rows = server.ask("ps")
        return len(rows) == 5 and all(
            row["pid"] and title(row["pid"]).startswith(f"chatd: {row['nick']}@") for row in rows
        )

    eventually("they have their titles", all_titled)
    assert len({row["nick"] for row in server.ask("ps")}) == 5


def test_each_session_is_logged_with_its_worker(server: Server) -> None:
    for number in range(3):
        server.connect(f"user{number}")
    known = {(row["session"], row["pid"]) for row in server.ask("ps")}
    opened = re.findall(r"session opened session=(\d+) pid=(\d+) peer=", server.log())
    assert {(int(session), int(pid)) for session, pid in opened} == known


def test_killed_it_is_replaced_and_nobody_waits(server: Server) -> None:
    alice = server.connect("alice")
    first = nursery_of(server)
    for number in range(3):
        os.kill(first, signal.SIGKILL)
        bob = server.connect(f"bob{number}")
        talks(bob, f"bob{number}", "hello")
        alice.until(f"bob{number} : hello")
        first = nursery_of(server, first)
    assert server.log().count("nursery ended") == 3


def test_killed_while_it_is_asked_it_leaves_everybody_a_worker(server: Server) -> None:
    for number in range(5):
        nursery = nursery_of(server)
        os.kill(nursery, signal.SIGSTOP)
        newcomers = [Client(server.port) for _ in range(20)]
        server.clients += newcomers
        for place, client in enumerate(newcomers):
            client.send(f"/nick n{number}x{place}\nhello from {number} {place}\n")
        eventually("they are let in", partial(has_clients, server, 20 * (number + 1)))
        # Some births may be half done by then, which is the point.
        os.kill(nursery, signal.SIGCONT)
        time.sleep(0.001 * number)
        os.kill(nursery, signal.SIGKILL)
        for place, client in enumerate(newcomers):
            client.until(f"n{number}x{place} : hello from {number} {place}")
        eventually("the next one", partial(nursery_of, server, nursery))
    eventually("nobody has two", lambda: len(children(server.pid)) == 101)
    everybody = {row["pid"] for row in server.ask("ps")}
    assert everybody == set(children(server.pid)) - {nursery_of(server)}


def test_stopped_it_is_done_without(server: Server) -> None:
    nursery = nursery_of(server)
    os.kill(nursery, signal.SIGSTOP)
    talks(server.connect("alice"), "alice", "hello")
    assert "nursery does not answer" in server.log()
    eventually("it is gone", lambda: not Path(f"/proc/{nursery}").exists())
    nursery_of(server, nursery)
    talks(server.connect("bob"), "bob", "hello")


def test_who_comes_over_tls_is_not_lost_with_it(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "server")
    with serving(tmp_path, WITH_NURSERY + tls_listener(pem)) as server:
        nursery = nursery_of(server)
        os.kill(nursery, signal.SIGSTOP)
        bob = socket.create_connection((HOST, server.ports[0]), PATIENCE)
        eventually("he is let in", lambda: len(server.ask("ps")) == 1)
        os.kill(nursery, signal.SIGKILL)
        # His worker shakes hands, so he has one.
        secure = TlsSocket(bob)
        secure.sendall(b"/nick bob\nhello\n")
        heard = b""
        while b"bob : hello" not in heard:
            heard += secure.recv(1 << 16)
        bob.close()


def test_where_there_is_no_room_the_newcomer_is_told(server: Server) -> None:
    alice = server.connect("alice")
    with injected(nursery_of(server), "clone,clone3,fork,vfork:error=EAGAIN") as tracer:
        bob = Client(server.port)
        bob.until("the server has no room for another process, try again later")
        assert bob.rest() == ""
        bob.close()
        worker = server.worker_of("alice")
        os.kill(worker, signal.SIGKILL)
        eventually("alice has none", lambda: "worker not started session=1" in server.log())
        tracer.terminate()
    # Tried again.
    talks(alice, "alice", "I have one again")
    talks(server.connect("carol"), "carol", "so have I")


def test_killed_between_a_birth_and_the_word_of_it(server: Server) -> None:
    nursery = nursery_of(server)
    # It is the midwife that sends first.
    with injected(nursery, "sendto,sendmsg:error=EPIPE:signal=KILL") as tracer:
        client = server.connect("alice")
        talks(client, "alice", "hello")
        tracer.wait()
    assert server.worker_of("alice") in children(server.pid)
    nursery_of(server, nursery)
    eventually("nobody else is left", lambda: len(children(server.pid)) == 2)


def test_an_upgrade_brings_another_one(server: Server) -> None:
    client = server.connect("alice")
    worker, nursery = server.worker_of("alice"), nursery_of(server)
    os.kill(server.pid, signal.SIGUSR2)
    eventually("it has gone on", lambda: "chatd: upgraded " in server.log())
    eventually("its worker is new", lambda: server.worker_of("alice") != worker)
    assert nursery_of(server, nursery) != nursery
    eventually("the old one is gone", lambda: not Path(f"/proc/{nursery}").exists())
    talks(client, "alice", "hello")
    talks(server.connect("bob"), "bob", "hello")


def test_workers_are_small_and_stay_so(server: Server) -> None:
    first = server.connect("alice")
    worker = server.worker_of("alice")
    for number in range(40):
        server.connect(f"user{number}")
        talks(first, "alice", f"line {number}")
    sizes = [used.private / 1e6 for pid in _workers(server) if (used := memory(pid)) is not None]
    assert len(sizes) == 41
    assert sorted(sizes)[20] < SMALL, sizes
    used = memory(worker)
    assert used is not None
    assert used.private / 1e6 < SMALL


@pytest.mark.parametrize("nursery", ["true", "false"])
def test_a_worker_knows_nothing_of_others(tmp_path: Path, nursery: str) -> None:
    """... and the search is such that it would find it, for in forks of the master it does."""
    with serving(tmp_path, f"[server]\nnursery = {nursery}\n") as server:
        if nursery == "true":
            nursery_of(server)
        alice = server.connect("alice")
        alice.send(f"/topic {SECRET}\n")
        alice.until(SECRET)
        bob = Client(server.port)
        server.clients.append(bob)
        worker = eventually("he has a worker", lambda: server.ask("ps")[-1]["pid"])
        assert (SECRET.encode() in _read_memory(worker)) == (nursery == "false")


@pytest.mark.parametrize("nursery", ["true", "false"])
def test_its_workers_are_walled_in_as_any(tmp_path: Path, nursery: str) -> None:
    config = f'[server]\nnursery = {nursery}\n[sandbox]\nmode = "require"\n'
    with serving(tmp_path, config) as server:
        if nursery == "true":
            nursery_of(server)
        server.connect("alice")
        worker = server.worker_of("alice")
        state = Path(f"/proc/{worker}/status").read_text()
        assert "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n" in state
        limits = Path(f"/proc/{worker}/limits").read_text()
        for name in ("processes", "core file size", "file size"):
            assert re.search(rf"^Max {name} +0 +0 ", limits, re.MULTILINE), limits
        assert re.search(r"^Max open files +24 +24 ", limits, re.MULTILINE)
        assert re.search(r"^Max address space +\d+ ", limits, re.MULTILINE)
        # The channel, and the client's socket.
        assert [kind.partition(":")[0] for kind in descriptors(worker).values()] == ["socket"] * 2


def _workers(server: Server) -> list[int]:
    return [row["pid"] for row in server.ask("ps")]


def _read_memory(pid: int) -> bytes:
    """Return all that is readable of the memory of ``pid``. proc(5)."""
    found = []
    with Path(f"/proc/{pid}/mem").open("rb", buffering=0) as file:
        for row in Path(f"/proc/{pid}/maps").read_text().splitlines():
            area, rights = row.split()[:2]
            if rights[0] != "r" or "[v" in row:
                continue
            begin, end = (int(place, 16) for place in area.split("-"))
            file.seek(begin)
            found.append(file.read(end - begin))
    return b"".join(found)
