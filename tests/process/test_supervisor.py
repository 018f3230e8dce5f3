"""A supervised master that is killed, or crashes: nobody notices, not even its workers."""

import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from descendants import descendants
from harness import Client, descriptors, eventually
from supervised import (
    CONFIG,
    Supervised,
    children,
    is_refused,
    is_running,
    parent,
    share_a_table,
    show_the_same,
    supervised,
    talk,
    title,
)

KILLED_AFTER = """
import importlib, os, signal, sys

class Finder:
    @classmethod
    def find_spec(cls, name, path, target=None):
        if name == "chatd_supervisor.recovery":
            # All that can be wrapped has been imported by now, or may be.
            sys.meta_path.remove(cls)
            module, kind, method = os.environ["KILLED_AFTER"].rsplit(".", 2)
            wrapped = getattr(importlib.import_module("chatd_supervisor." + module), kind)
            setattr(wrapped, method, deadly(getattr(wrapped, method)))
        return None

def deadly(step):
    def stepped(self, *given, **more):
        result = step(self, *given, **more)
        if os.path.exists(os.environ["KILLED_IF"]):
            os.unlink(os.environ["KILLED_IF"])
            os.kill(os.getpid(), signal.SIGKILL)
        return result
    return stepped

if "chatd_supervisor.supervise" in sys.orig_argv:
    sys.meta_path.insert(0, Finder)
"""
"""A sitecustomize.py by which a master dies after a step, once, if a file is there."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        yield one


def test_a_killed_master_is_back_on_the_same_port_at_once(server: Supervised) -> None:
    server.start()
    supervisor, first, port = server.supervisor, server.master, server.port
    assert title(supervisor) == "chatd: supervisor"
    assert children(supervisor) == [first]
    assert server.status()["supervised"] == "true"
    assert server.status()["supervisor"] == str(supervisor)
    server.kill_master()
    second = server.successor_of(first)
    assert server.port == port
    assert server.supervisor == supervisor
    assert children(supervisor) == [second]
    server.connect(port).greet("alice")
    said = (
        f'ERROR chatd: master died pid={first} how="was killed by SIGKILL"'
        ' next="starting it again"\n'
    )
    assert said in server.log()


def test_all_are_one_tree_of_two_processes_more_than_clients(server: Supervised) -> None:
    server.start()
    server.people("alice", "bob", "carol")
    supervisor, master = server.supervisor, server.master
    workers = server.workers(3)
    assert sorted(descendants(supervisor)) == sorted([master, *workers])
    assert sorted(children(supervisor)) == sorted([master, *workers])
    shown = subprocess.run(
        ["ps", "-ww", "-o", "args=", "--ppid", str(supervisor)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    kinds = sorted(re.sub(r"\d+", "N", line.rstrip()) for line in shown)
    assert kinds == [
        "chatd: alice@N.N.N.N:N text #lobby",
        "chatd: bob@N.N.N.N:N text #lobby",
        "chatd: carol@N.N.N.N:N text #lobby",
        "chatd: master N.N.N.N:N N clients",
    ]


def test_master_and_supervisor_have_one_table_and_workers_their_own(server: Supervised) -> None:
    server.start()
    server.people("alice", "bob")
    supervisor, master = server.supervisor, server.master
    for _ in range(3):
        assert share_a_table(supervisor, master)
        eventually("both show the same", partial(show_the_same, supervisor, master))
        for worker in server.workers():
            assert not share_a_table(supervisor, worker)
            # The channel, and the client's socket.
            kinds = [kind.partition(":")[0] for kind in descriptors(worker).values()]
            assert kinds == ["socket"] * 2
        before = len(descriptors(supervisor))
        server.kill_master()
        master = server.successor_of(master)
        eventually("nothing is left over", partial(_has, supervisor, before))


def _has(pid: int, count: int) -> bool:
    return len(descriptors(pid)) == count


def test_neither_of_a_pair_carries_openssl_or_argon2(server: Supervised) -> None:
    server.start()
    server.people("alice", "bob")
    for pid in (server.supervisor, server.master):
        carried = Path(f"/proc/{pid}/maps").read_text()
        assert "libc" in carried
        for heavy in ("libcrypto", "libssl", "argon2", "_cffi"):
            assert heavy not in carried


def test_workers_do_not_notice_that_a_master_is_killed(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob", "carol")
    workers = server.workers(3)
    for number in range(10):
        first = server.kill_master()
        talk(people, f"line {number}")
        server.successor_of(first)
        assert server.workers() == workers
    assert server.status()["adopted"] == "0"
    assert "sessions found sessions=3 at_hand=3 workers=3" in server.log()
    assert "worker died" not in server.log()


def test_the_next_masters_hear_of_the_death_of_workers_of_the_first(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    workers = server.workers(2)
    first = server.kill_master()
    second = server.successor_of(first)
    for number, pid in enumerate(workers):
        os.kill(pid, signal.SIGKILL)
        talk(people, f"line {number}")
    assert server.master == second
    for pid in workers:
        said = f'pid={pid} how="was killed by SIGKILL"'
        eventually("it is told how it ended", partial(_is_logged, server, said))
        assert not Path(f"/proc/{pid}").exists()
    assert all(parent(pid) == server.supervisor for pid in server.workers())


def _is_logged(server: Supervised, said: str) -> bool:
    return said in server.log()


def test_what_is_said_at_the_very_moment_is_said_once(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    for number in range(20):
        people[0].send(f"before {number}\nat {number}\n")
        master = server.kill_master()
        people[0].send(f"after {number}\n")
        for client in people:
            expected = [f"alice : {word} {number}" for word in ("before", "at", "after")]
            assert [client.line() for _ in expected] == expected
        server.successor_of(master)


def test_nobody_who_connects_is_refused_or_lost_while_the_master_is_killed(
    server: Supervised,
) -> None:
    server.start()
    port = server.port
    greeted: list[Client] = []
    lost: list[BaseException] = []
    stop = threading.Event()

    def come_and_go() -> None:
        while not stop.is_set() and not lost:
            try:
                client = Client(port)
                try:
                    greeted.append(client.greet())
                finally:
                    client.close()
            except (AssertionError, OSError) as error:
                lost.append(error)

    def another() -> bool:
        return len(greeted) > before or bool(lost)

    visitor = threading.Thread(target=come_and_go)
    visitor.start()
    try:
        pid = server.master
        for _ in range(20):
            before = len(greeted)
            eventually("somebody is greeted", another)
            server.kill_master()
            pid = server.successor_of(pid)
        before = len(greeted)
        eventually("somebody is greeted", another)
    finally:
        stop.set()
        visitor.join()
    assert lost == []


@pytest.mark.parametrize(
    "step",
    [
        "reception.Reception._take_up",
        "ledger.Ledger.enter",
        "ledger.Ledger.employ",
        "supervise.parent.Parent.ask",
        "births.Births.give",
        "births.Births._delivered",
        "commits.Commits.add",
        "commits.Commits.next",
    ],
)
def test_a_newcomer_is_greeted_once_if_the_master_dies_at_it(
    server: Supervised, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    armed = server.directory / "armed"
    (server.directory / "sitecustomize.py").write_text(KILLED_AFTER)
    monkeypatch.setenv("PYTHONPATH", str(server.directory))
    monkeypatch.setenv("KILLED_AFTER", step)
    monkeypatch.setenv("KILLED_IF", str(armed))
    server.start()
    port, master, supervisor = server.port, server.master, server.supervisor
    before = len(descriptors(supervisor))
    armed.touch()
    client = server.connect(port).greet()
    client.send("hello\n")
    client.until("guest1 : hello")
    assert server.master != master
    assert not armed.exists()
    # Its socket, and the channel to its worker.
    eventually("it is there once", lambda: len(descriptors(supervisor)) == before + 2)
    # Whatever worker there was before has been sent away.
    eventually("one worker", lambda: len(children(supervisor)) == 2)
    assert client.silent()
    client.close()
    eventually("nobody is there", partial(_has, supervisor, before))
    eventually("no worker", lambda: children(supervisor) == [server.master])


def test_who_connects_while_there_is_no_master_is_greeted_by_the_next(server: Supervised) -> None:
    server.start()
    port = server.port
    server.toggle_damage()
    pid = server.kill_master()
    eventually("the next one fails", lambda: "exited with status 65" in server.log())
    assert not is_running(pid)
    waiting = [server.connect(port) for _ in range(5)]
    assert waiting[0].silent()
    server.toggle_damage()
    for client in waiting:
        client.greet()


def test_who_was_there_while_there_is_no_master_stays(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    workers = server.workers(2)
    server.toggle_damage()
    server.kill_master()
    eventually("the next ones fail", lambda: server.log().count("exited with status 65") >= 2)
    server.toggle_damage()
    talk(people, "still here")
    assert server.workers() == workers


def test_a_master_that_cannot_start_is_tried_again_ever_later(server: Supervised) -> None:
    server.start()
    first = server.master
    server.toggle_damage()
    server.kill_master()
    failed = (
        r'how="exited with status 65 before it was ready" next="starting it again in (\S+) s"\n'
    )
    eventually("three failures", lambda: len(re.findall(failed, server.log())) >= 3)
    assert re.findall(failed, server.log())[:3] == ["0.1", "0.2", "0.4"]
    assert "ledger is not a ledger of chatd; move it away" in server.log(), "why"
    assert server.status() == {}
    server.toggle_damage()
    server.successor_of(first)


def test_the_supervisor_passes_signals_on(server: Supervised) -> None:
    server.start()
    master = server.master
    os.kill(server.supervisor, signal.SIGHUP)
    eventually("it is reloaded", lambda: "configuration reloaded" in server.log())
    os.kill(server.supervisor, signal.SIGUSR1)
    eventually("its state is told", lambda: "chatd: master traced " in server.log())
    assert server.master == master
    assert is_running(master)


def test_a_master_that_steps_aside_is_followed(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    supervisor, workers = server.supervisor, server.workers(2)
    for number in range(3):
        first = server.master
        os.kill(first, signal.SIGQUIT)
        talk(people, f"line {number}")
        server.successor_of(first)
    assert (server.supervisor, server.workers()) == (supervisor, workers)
    assert 'how="exited with status 75"' in server.log()


def test_a_supervisor_that_is_told_to_steps_aside_with_its_master(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    workers = server.workers(2)
    supervisor, master = server.supervisor, server.master
    os.kill(supervisor, signal.SIGQUIT)
    eventually("both are gone", lambda: not is_running(supervisor) and not is_running(master))
    people[0].send("hello\n")
    assert people[1].silent(), "somebody else starts the next ones"
    server.start()
    for client in people:
        assert client.line() == "alice : hello"
    assert server.workers(2) == workers
    assert "died" not in server.log()


def test_a_client_survives_its_worker_and_the_master_together(server: Supervised) -> None:
    server.start()
    people = server.people("alice", "bob")
    for number in range(5):
        first = server.master
        workers = server.workers(2)
        os.kill(first, signal.SIGSTOP)
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
        people[1].send(f"{number}\n")
        os.kill(first, signal.SIGKILL)
        for client in people:
            assert client.line() == f"bob : {number}"
        server.successor_of(first)


def test_an_address_that_is_gone_from_the_configuration_is_let_go(server: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        other = free.getsockname()[1]
    server.configure(f'{CONFIG}[[listen]]\naddress = "127.0.0.1:{other}"\n')
    server.start()
    server.connect(other).greet()
    listening = f"socket:[{inode_of(other)}]"
    assert listening in descriptors(server.supervisor).values()
    server.configure(CONFIG)
    assert server.do("reload").returncode == 0
    eventually("nobody listens there", lambda: is_refused(other))
    assert listening not in descriptors(server.supervisor).values()
    # And if it goes while there is no master.
    server.configure(f'{CONFIG}[[listen]]\naddress = "127.0.0.1:{other}"\n')
    assert server.do("reload").returncode == 0
    server.connect(other).greet()
    server.configure(CONFIG)
    first = server.kill_master()
    server.successor_of(first)
    eventually("nobody listens there", lambda: is_refused(other))


def test_an_address_that_a_reload_has_brought_is_known_to_the_next(server: Supervised) -> None:
    server.start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        other = free.getsockname()[1]
    server.configure(f'{CONFIG}[[listen]]\naddress = "127.0.0.1:{other}"\n')
    assert server.do("reload").returncode == 0
    before = len(descriptors(server.supervisor))
    listening = inode_of(other)
    first = server.kill_master()
    server.connect(other).greet().close()
    server.successor_of(first)
    assert inode_of(other) == listening, "it is the same socket"
    eventually("nothing is left over", lambda: len(descriptors(server.supervisor)) == before)


def inode_of(port: int) -> str:
    """Return the inode of the socket that listens on ``port``. proc_net_tcp(5)."""
    for row in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = row.split()
        if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
            return fields[9]
    raise AssertionError(f"nobody listens on {port}")


def test_ended_workers_are_reaped(server: Supervised) -> None:
    server.start()
    supervisor = server.supervisor
    for _ in range(3):
        server.connect(server.port).greet()
    first = server.master
    workers = server.workers(3)
    server.kill_master()
    second = server.successor_of(first)
    for client in server.clients:
        client.close()
    eventually("they are gone", lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers))
    assert children(supervisor) == [second]


def test_a_log_moved_away_is_left_alone(server: Supervised) -> None:
    server.start()
    old = server.log_file.with_suffix(".1")
    server.log_file.rename(old)
    assert server.do("reload").returncode == 0
    first = server.kill_master()
    server.successor_of(first)
    assert "starting it again" in server.log()
    assert "starting it again" not in old.read_text()
    # A master after the first is as much of a daemon.
    server.log_file.rename(old)
    assert server.do("reload").returncode == 0
    assert "configuration reloaded" in server.log()
    assert descriptors(server.master)[2] == "/dev/null"


def test_many_masters_in_a_row_leave_nothing_behind(server: Supervised) -> None:
    """... of which ``tests/storm`` has hundreds."""
    server.start()
    people = server.people("alice", "bob")
    supervisor = server.supervisor
    before = len(descriptors(supervisor)), len(children(supervisor))
    for number in range(25):
        server.kill_master()
        talk(people, f"line {number}")

    def as_before() -> bool:
        return (len(descriptors(supervisor)), len(children(supervisor))) == before

    eventually("it is as it was", as_before)
