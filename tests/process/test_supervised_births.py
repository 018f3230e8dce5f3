"""The supervisor forks the workers; it may die or stop at any time, and everybody has one."""

import os
import re
import signal
import socket
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from chatd_supervisor.proc import memory
from harness import (
    PATIENCE,
    Client,
    Server,
    descriptors,
    eventually,
    injected,
    serving,
)
from secure import HOST, TlsSocket, make_certificate, tls_listener
from supervised import children, is_running, parent, title

SMALL = 2.0
"""MB that a worker may have for itself. Its supervisor has imported all of a master, so what a
worker touches lies on more pages than where only workers' modules are."""

SECRET = "the goose drinks wine"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, supervised=True) as one:
        yield one


def has_clients(server: Server, count: int) -> bool:
    return len(server.ask("ps")) == count


def renewed(server: Server, than: int) -> int:
    """Wait until the master is the child of another supervisor ``than`` this; return its pid."""

    def find() -> int:
        pid = server.supervisor
        return pid if pid != than and parent(server.master) == pid and not gone(pid) else 0

    return eventually("the pair is renewed", find)


def gone(pid: int) -> bool:
    return not is_running(pid)


def talks(client: Client, nick: str, text: str) -> None:
    client.send(f"{text}\n")
    client.until(f"{nick} : {text}")


def workers_of(supervisor: int, master: int) -> set[int]:
    return set(children(supervisor)) - {master}


def test_workers_are_children_of_the_supervisor_and_reaped(server: Server) -> None:
    client = server.connect("alice")
    worker = server.worker_of("alice")
    assert set(children(server.pid)) == {server.master, worker}
    assert children(server.master) == []
    assert re.fullmatch(r"chatd: alice@127\.0\.0\.1:\d+ text #lobby", title(worker))
    os.kill(worker, signal.SIGKILL)
    talks(client, "alice", "still here")
    assert server.worker_of("alice") != worker
    eventually("it is reaped", lambda: not Path(f"/proc/{worker}").exists())
    assert f'worker died session=1 pid={worker} how="was killed by SIGKILL"' in server.log()


def test_a_plain_master_forks_its_own_and_has_no_other_child(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        talks(server.connect("alice"), "alice", "hello")
        assert children(server.pid) == [server.worker_of("alice")]
        status = server.ask("status")
        assert (status["supervisor"], status["supervised"]) == (None, False)
        assert not (server.runtime_dir / "supervisor.pid").exists()


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
        server.worker_of(f"user{number}")
    known = {(row["session"], row["pid"]) for row in server.ask("ps")}
    opened = re.findall(r"session opened session=(\d+) pid=(\d+) peer=", server.log())
    assert {(int(session), int(pid)) for session, pid in opened} == known


def test_killed_while_it_is_asked_it_leaves_everybody_a_worker(server: Server) -> None:
    supervisor = server.supervisor
    for number in range(5):
        os.kill(supervisor, signal.SIGSTOP)
        newcomers = [Client(server.port) for _ in range(10)]
        server.clients += newcomers
        for place, client in enumerate(newcomers):
            client.send(f"/nick n{number}x{place}\nhello from {number} {place}\n")
        eventually("they are let in", partial(has_clients, server, 10 * (number + 1)))
        # Some births may be half done by then, which is the point.
        os.kill(supervisor, signal.SIGCONT)
        time.sleep(0.001 * number)
        assert server.kill_supervisor() == supervisor
        for place, client in enumerate(newcomers):
            client.until(f"n{number}x{place} : hello from {number} {place}")
        supervisor = renewed(server, supervisor)
    # Nobody has two, and nobody is left without a client.
    ours = server.groups[0]
    rows = server.ask("ps")
    eventually("no other is left", lambda: everybody_in(ours) == {row["pid"] for row in rows})


def everybody_in(group: int) -> set[int]:
    """Return the workers in a process group."""
    found = set()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            state = (entry / "stat").read_text().rpartition(")")[2].split()
            shown = title(int(entry.name))
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(state[2]) == group and re.match(r"chatd: \S+@", shown):
            found.add(int(entry.name))
    return found


def test_stopped_it_is_done_without(server: Server) -> None:
    supervisor = server.supervisor
    os.kill(supervisor, signal.SIGSTOP)
    talks(server.connect("alice"), "alice", "hello")
    assert f"supervisor does not answer pid={supervisor}" in server.log()
    server.replaced = True
    eventually("it is gone", partial(gone, supervisor))
    renewed(server, supervisor)
    talks(server.connect("bob"), "bob", "hello")


def test_who_comes_over_tls_is_not_lost_with_it(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "server")
    with serving(tmp_path, tls_listener(pem), supervised=True) as server:
        supervisor = server.supervisor
        os.kill(supervisor, signal.SIGSTOP)
        bob = socket.create_connection((HOST, server.ports[0]), PATIENCE)
        eventually("he is let in", lambda: len(server.ask("ps")) == 1)
        server.kill_supervisor()
        # His worker shakes hands, so he has one.
        secure = TlsSocket(bob)
        secure.sendall(b"/nick bob\nhello\n")
        heard = b""
        while b"bob : hello" not in heard:
            heard += secure.recv(1 << 16)
        bob.close()
        renewed(server, supervisor)


def test_where_there_is_no_room_the_newcomer_is_told(server: Server) -> None:
    alice = server.connect("alice")
    worker = server.worker_of("alice")
    with injected(server.supervisor, "clone,clone3,fork,vfork:error=EAGAIN") as tracer:
        bob = Client(server.port)
        bob.until("the server has no room for another process, try again later")
        assert bob.rest() == ""
        bob.close()
        os.kill(worker, signal.SIGKILL)
        eventually("alice has none", lambda: "worker not started session=1" in server.log())
        tracer.terminate()
    # Tried again.
    talks(alice, "alice", "I have one again")
    talks(server.connect("carol"), "carol", "so have I")


def test_killed_between_a_birth_and_the_word_of_it(server: Server) -> None:
    supervisor = server.supervisor
    server.replaced = True
    # The word of it is the first thing that it sends.
    with injected(supervisor, "sendto,sendmsg:error=EPIPE:signal=KILL") as tracer:
        client = server.connect("alice")
        talks(client, "alice", "hello")
        tracer.wait()
    talks(client, "alice", "and again")
    renewed(server, supervisor)
    ours = server.groups[0]
    eventually("nobody else is left", lambda: everybody_in(ours) == {server.worker_of("alice")})


def test_workers_are_small_and_stay_so(server: Server) -> None:
    first = server.connect("alice")
    worker = server.worker_of("alice")
    for number in range(40):
        server.connect(f"user{number}")
        talks(first, "alice", f"line {number}")
    pids = [row["pid"] for row in server.ask("ps") if row["pid"]]
    sizes = [used.private / 1e6 for pid in pids if (used := memory(pid)) is not None]
    assert len(sizes) >= 40
    assert sorted(sizes)[20] < SMALL, sizes
    used = memory(worker)
    assert used is not None
    assert used.private / 1e6 < SMALL


@pytest.mark.parametrize("supervised", [True, False])
def test_a_worker_knows_nothing_of_others(tmp_path: Path, supervised: bool) -> None:
    """... and the search is such that it would find it, for in forks of the master it does."""
    with serving(tmp_path, supervised=supervised) as server:
        alice = server.connect("alice")
        alice.send(f"/topic {SECRET}\n")
        alice.until(SECRET)
        bob = Client(server.port)
        server.clients.append(bob)
        worker = eventually("he has a worker", lambda: server.ask("ps")[-1]["pid"])
        assert (SECRET.encode() in _read_memory(worker)) != supervised


@pytest.mark.parametrize("supervised", [True, False])
def test_its_workers_are_walled_in_as_any(tmp_path: Path, supervised: bool) -> None:
    with serving(tmp_path, '[sandbox]\nmode = "require"\n', supervised=supervised) as server:
        server.connect("alice")
        first = server.worker_of("alice")
        _assert_walled_in(first)
        if supervised:
            # What a worker is to be like, each master says anew.
            server.kill_master()
            eventually("another master serves", server.is_ready)
            os.kill(first, signal.SIGKILL)
            eventually("she has another", lambda: server.worker_of("alice") != first)
            _assert_walled_in(server.worker_of("alice"))


def _assert_walled_in(worker: int) -> None:
    # The channel, and the client's socket.
    assert [kind.partition(":")[0] for kind in descriptors(worker).values()] == ["socket"] * 2
    state = Path(f"/proc/{worker}/status").read_text()
    assert "NoNewPrivs:\t1\nSeccomp:\t2\nSeccomp_filters:\t1\n" in state
    limits = Path(f"/proc/{worker}/limits").read_text()
    for name in ("processes", "core file size", "file size"):
        assert re.search(rf"^Max {name} +0 +0 ", limits, re.MULTILINE), limits
    assert re.search(r"^Max open files +24 +24 ", limits, re.MULTILINE)
    assert re.search(r"^Max address space +\d+ ", limits, re.MULTILINE)


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
