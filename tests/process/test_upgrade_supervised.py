"""Upgrades of a pair: the new program is made ready beside it, and then takes its table."""

import os
import signal
import socket
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from descendants import descendants
from harness import PATIENCE, Server, chatd, descriptors, eventually
from supervised import (
    Supervised,
    children,
    is_refused,
    is_running,
    parent,
    share_a_table,
    supervised,
    talk,
    title,
)
from versions import Talker, Versions, talk_through_an_upgrade, upgrade

NEW = "9.9.9"


@pytest.fixture(scope="module")
def versions(tmp_path_factory: pytest.TempPathFactory) -> Versions:
    return Versions(tmp_path_factory.mktemp("versions"))


@pytest.fixture(scope="module")
def old(versions: Versions) -> str:
    return versions.install("1.0.0")


@pytest.fixture(scope="module")
def new(versions: Versions) -> str:
    changes = {
        "workers/chatd_workers/dialects/text.py": (
            'f"{nick} : {event.text}"',
            'f"{nick} : {event.text} (anew)"',
        )
    }
    return versions.install(NEW, changes)


@pytest.fixture
def server(tmp_path: Path, old: str) -> Iterator[Server]:
    """A server in the foreground."""
    made = Server(tmp_path, program=[old, "-P", "-m", "chatd_supervisor"], supervised=True)
    try:
        yield made
    finally:
        print(made.log()[-5000:])
        made.stop()


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        one.start()
        yield one


def test_nobody_notices_an_upgrade(server: Server, new: str) -> None:
    talk_through_an_upgrade(server, new, NEW)


def test_whoever_waits_for_the_first_one_waits_for_all(server: Server, new: str) -> None:
    """... a terminal, a service manager, a container: it stays, as the parent of the others."""
    alice = server.connect("alice")
    first = server.process.pid
    master = server.master
    assert upgrade(new, server).returncode == 0
    supervisor = server.supervisor
    assert server.process.poll() is None
    assert parent(supervisor) == first != supervisor
    assert parent(server.master) == supervisor
    assert share_a_table(supervisor, server.master)
    assert not share_a_table(first, supervisor)
    eventually("the old master is gone", lambda: not is_running(master))
    # It keeps nothing that is a client's.
    kinds = {kind.partition(":")[0] for kind in descriptors(first).values()}
    assert "socket" not in kinds
    # What it is sent goes to whoever serves.
    os.kill(first, signal.SIGHUP)
    eventually("it is reloaded", lambda: "configuration reloaded" in server.log())
    os.kill(first, signal.SIGUSR1)
    eventually("its state is told", lambda: "master traced" in server.log())
    alice.send("still here\n")
    alice.until("alice : still here (anew)")
    # And once more: there is still one that waits, and one pair.
    assert upgrade(new, server).returncode == 0
    eventually("the second is gone", lambda: not is_running(supervisor))
    assert parent(server.supervisor) == first
    ours = descendants(first)
    process = server.process
    process.send_signal(signal.SIGTERM)
    alice.rest()
    assert process.wait(PATIENCE) == 0
    assert not any(map(is_running, ours))


def test_chatd_stop_ends_the_one_that_waits_too(server: Server, new: str) -> None:
    server.connect("alice")
    assert upgrade(new, server).returncode == 0
    chatd(server, "stop")
    assert server.process.wait(PATIENCE) == 0
    assert list(server.runtime_dir.iterdir()) == []


def test_a_killed_pair_of_the_new_version_is_as_good(server: Server, new: str) -> None:
    alice = server.connect("alice")
    assert upgrade(new, server).returncode == 0
    for number in range(2):
        before = server.master
        server.kill_master()
        alice.send(f"line {number}\n")
        alice.until(f"alice : line {number} (anew)")
        eventually("another master", lambda: server.master not in (0, before))  # noqa: B023
    supervisor = server.supervisor
    server.kill_supervisor()
    alice.send("a supervisor later\n")
    alice.until("a supervisor later (anew)")
    eventually("another pair", partial(_is_another_pair, server, supervisor))
    assert server.ask("status")["version"].startswith(NEW)
    assert server.process.poll() is None


def _is_another_pair(server: Server, than: int) -> bool:
    supervisor = server.supervisor
    return supervisor not in (0, than) and parent(server.master) == supervisor


def test_a_program_that_cannot_start_changes_nothing(versions: Versions, server: Server) -> None:
    changes = {"supervisor/chatd_supervisor/hub/core.py": ("class Core:", "class Core")}
    broken = versions.install("2.0.0", changes)
    alice = server.connect("alice")
    before = server.supervisor, server.master, server.worker_of("alice")
    done = upgrade(broken, server)
    assert done.returncode == 1
    assert "not upgraded, everything goes on as it was" in done.stderr
    assert "SyntaxError" in done.stderr
    status = server.ask("status")
    assert status["version"].startswith("1.0.0")
    assert status["generation"] == 0
    alice.send("still here\n")
    assert alice.line() == "alice : still here"
    assert (server.supervisor, server.master, server.worker_of("alice")) == before


def test_a_program_that_fails_with_the_table_gives_it_back(
    versions: Versions, server: Server
) -> None:
    fails = 'raise RuntimeError("not my day")'
    broken = versions.install(
        "3.0.0",
        {
            "supervisor/chatd_supervisor/recovery.py": (
                "        now, grace = ",
                f"        {fails}\n        now, grace = ",
            )
        },
    )
    alice = Talker(server.connect("alice"), "alice")
    bob = server.connect("bob")
    for _ in range(2):
        done = upgrade(broken, server)
        assert done.returncode == 1
        assert "not my day" in done.stderr
        status = server.ask("status")
        assert status["version"].startswith("1.0.0")
        assert status["generation"] == 0
    said = alice.said
    eventually("alice goes on", lambda: alice.said > said + 50)
    assert alice.stop() == list(range(alice.said))
    # It is a pair as before, and one that can be upgraded.
    assert parent(server.master) == server.supervisor
    server.connect("carol")
    first = server.master
    server.kill_master()
    bob.send("still here\n")
    bob.until("bob : still here")
    eventually("another master", lambda: server.master not in (0, first))


def test_a_master_of_the_new_version_that_is_killed_before_it_is_ready_is_followed(
    versions: Versions, server: Server
) -> None:
    """... by another of the new one: that says nothing of the program."""
    path = str(server.directory / "killed")
    once = f"os.path.exists({path!r}) or (open({path!r}, 'w'), os.kill(os.getpid(), 9))"
    killed = versions.install(
        "4.0.0",
        {
            "supervisor/chatd_supervisor/recovery.py": (
                "        now, grace = ",
                f"        {once}\n        now, grace = ",
            )
        },
    )
    alice = Talker(server.connect("alice"), "alice")
    done = upgrade(killed, server)
    assert done.returncode == 0, done.stderr
    assert (server.directory / "killed").exists()
    assert server.ask("status")["version"].startswith("4.0.0")
    said = alice.said
    eventually("alice goes on", lambda: alice.said > said + 50)
    assert alice.stop() == list(range(alice.said))


def test_an_upgrade_while_there_is_a_guard(daemon: Supervised) -> None:
    people = daemon.people("alice", "bob")
    supervisor = daemon.kill_supervisor()
    done = daemon.do("upgrade")
    assert done.returncode == 0, done.stderr
    daemon.renewed(supervisor)
    talk(people, "hello")
    assert daemon.status()["generation"] == "1"


def test_a_daemon_that_was_upgraded_is_another_pair(daemon: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        other = free.getsockname()[1]
    supervisor, master, before = daemon.supervisor, daemon.master, daemon.port
    people = daemon.people("alice", "bob")
    # Options of its own, by which one can see that they are kept.
    done = daemon.do("restart", f"--listen=127.0.0.1:{other}")
    assert (done.returncode, done.stderr) == (0, "")
    second, third = daemon.renewed(supervisor)
    assert not is_running(supervisor)
    assert not is_running(master)
    assert daemon.port == other
    assert daemon.status()["supervised"] == "true"
    assert is_refused(before)
    daemon.kill_master()
    daemon.successor_of(third)
    assert daemon.port == other
    talk(people, "still here")
    daemon.kill_supervisor()
    daemon.renewed(second)
    assert daemon.port == other
    talk(people, "and again")


def test_many_upgrades_in_a_row_leave_nothing_behind(daemon: Supervised) -> None:
    """... of which ``tests/storm`` has hundreds."""
    people = daemon.people("alice", "bob")
    daemon.workers(2)
    before = len(descriptors(daemon.supervisor)), 3
    for number in range(6):
        done = daemon.do("upgrade")
        assert done.returncode == 0, done.stderr
        talk(people, f"line {number}")

    def as_before() -> bool:
        pid = daemon.supervisor
        return (len(descriptors(pid)), len(children(pid))) == before

    # All workers are of the last program, and its supervisor's.
    eventually("it is as it was", as_before)
    assert title(daemon.supervisor) == "chatd: supervisor"
    daemon.found.update(children(daemon.supervisor))


def test_the_signal_does_the_same_with_what_is_installed_now(daemon: Supervised) -> None:
    people = daemon.people("alice", "bob")
    supervisor = daemon.supervisor
    os.kill(supervisor, signal.SIGUSR2)
    daemon.renewed(supervisor)
    talk(people, "hello")
    assert daemon.status()["generation"] == "1"
    assert sys.executable in daemon.log()
