"""A supervisor that is killed or stopped: a guard at once in its place, and then another pair."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path

import pytest

from descendants import descendants
from harness import Client, descriptors, eventually
from supervised import (
    Supervised,
    children,
    is_running,
    parent,
    share_a_table,
    show_the_same,
    supervised,
    talk,
    title,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        one.start()
        yield one


def guard_of(master: int) -> int:
    """Return the pid of the guard of ``master``; 0: it has none."""
    with suppress(FileNotFoundError, ProcessLookupError):
        found = [pid for pid in children(master) if title(pid) == "chatd: supervisor"]
        return found[0] if found else 0
    return 0


def _has(pid: int, count: int) -> bool:
    return len(descriptors(pid)) == count


def test_a_guard_takes_its_place_at_once_and_then_another_pair(server: Supervised) -> None:
    people = server.people("alice", "bob")
    server.workers(2)
    supervisor, master = server.supervisor, server.master
    before = len(descriptors(supervisor))
    for number in range(3):
        server.kill_supervisor()
        guard = eventually("a guard", partial(guard_of, master))
        server.found.add(guard)
        assert share_a_table(master, guard)
        talk(people, f"under a guard {number}")
        second, third = server.renewed(supervisor)
        assert third != master
        assert not is_running(guard)
        assert not is_running(master)
        assert title(second) == "chatd: supervisor"
        assert share_a_table(second, third)
        eventually("both show the same", partial(show_the_same, second, third))
        eventually("it has as much", partial(_has, second, before))
        # And is worth as much: another master later everybody is still there.
        server.kill_master()
        talk(people, f"and after a master {number}")
        master = server.successor_of(third)
        supervisor = second
    assert server.log().count("supervisor died") == 3
    assert server.log().count("master died") == 3


def test_a_renewed_pair_has_its_clients_in_one_tree(server: Supervised) -> None:
    people = server.people("alice", "bob", "carol")
    server.workers(3)
    supervisor = server.supervisor
    server.kill_supervisor()
    supervisor, master = server.renewed(supervisor)
    workers = server.workers(3)
    # Those that it has found are not its children; those that it forks are.
    for number, pid in enumerate(workers):
        os.kill(pid, signal.SIGKILL)
        talk(people, f"line {number}")
    eventually("none is an old one", lambda: not set(server.workers(3)) & set(workers))
    assert sorted(descendants(supervisor)) == sorted([master, *server.workers()])


def test_workers_do_not_notice(server: Supervised) -> None:
    people = server.people("alice", "bob")
    workers = server.workers(2)
    supervisor = server.supervisor
    for number in range(3):
        server.kill_supervisor()
        talk(people, f"line {number}")
        supervisor, _ = server.renewed(supervisor)
        assert server.workers() == workers
    assert "worker died" not in server.log()
    # Their deaths are noticed, though nobody tells how they died.
    for number, pid in enumerate(workers):
        os.kill(pid, signal.SIGKILL)
        talk(people, f"again {number}")
    assert not set(server.workers(2)) & set(workers)


@pytest.mark.parametrize("moment", [0.0, 0.002, 0.02, 0.1, 0.3, 0.45, 0.6, 0.8])
def test_a_master_that_is_killed_while_its_supervisor_is_replaced(
    server: Supervised, moment: float
) -> None:
    people = server.people("alice", "bob")
    workers = server.workers(2)
    supervisor = server.supervisor
    for number in range(3):
        master = server.master
        server.kill_supervisor()
        # Before there is one, both would be killed at once.
        server.found.add(eventually("a guard", partial(guard_of, master)))
        time.sleep(moment)  # whatever happens then: each is one that can be
        people[0].send(f"line {number}\n")
        server.kill_master()
        for client in people:
            assert client.line() == f"alice : line {number}"
        supervisor, _ = server.renewed(supervisor)
    talk(people, "the end")
    assert server.workers() == workers
    server.connect(server.port).greet()


def _another(server: Supervised, master: int, seen: set[int]) -> int:
    """Return who guards ``master``, if it was not ``seen``; or who has come after both."""
    pid = guard_of(master) if is_running(master) else server.supervisor
    return pid if pid not in seen else 0


def test_a_guard_that_is_killed_is_replaced(server: Supervised) -> None:
    people = server.people("alice", "bob")
    supervisor, master = server.supervisor, server.master
    server.kill_supervisor()
    seen: set[int] = set()
    for number in range(5):
        guard = eventually("another", partial(_another, server, master, seen))
        if not is_running(master):
            break  # the pair has been renewed
        seen.add(guard)
        with suppress(ProcessLookupError):
            os.kill(guard, signal.SIGKILL)
        talk(people, f"line {number}")
    assert len(seen) > 1
    server.renewed(supervisor)
    talk(people, "the end")


def test_a_guard_that_is_stopped_keeps_nobody_from_being_served(server: Supervised) -> None:
    people = server.people("alice", "bob")
    supervisor, master = server.supervisor, server.master
    server.kill_supervisor()
    guard = eventually("a guard", partial(guard_of, master))
    os.kill(guard, signal.SIGSTOP)
    talk(people, "under a guard that is stopped")
    server.renewed(supervisor)
    assert not is_running(guard)
    talk(people, "the end")


def test_a_stopped_supervisor_keeps_nobody_from_being_served(server: Supervised) -> None:
    supervisor, port = server.supervisor, server.port
    os.kill(supervisor, signal.SIGSTOP)
    newcomers = [server.connect(port).greet() for _ in range(20)]
    newcomers[0].send("hello\n")
    newcomers[-1].until(" : hello")
    said = f"supervisor does not answer pid={supervisor}"
    assert said in server.log()
    eventually("it is gone", lambda: not is_running(supervisor))
    server.renewed(supervisor)
    newcomers[-1].send("and again\n")
    newcomers[0].until(" : and again")


def test_one_that_is_stopped_and_goes_on_in_time_is_not_replaced(server: Supervised) -> None:
    (alice,) = server.people("alice")
    supervisor, master = server.supervisor, server.master
    for number in range(5):
        os.kill(supervisor, signal.SIGSTOP)
        bob = server.connect(server.port)
        alice.send(f"line {number}\n")
        alice.until(f"alice : line {number}")
        os.kill(supervisor, signal.SIGCONT)
        bob.greet().send("hello\n")
        alice.until(" : hello")
        bob.close()
    assert (server.supervisor, server.master) == (supervisor, master)
    assert "supervisor does not answer" not in server.log()


def test_a_stopped_supervisor_and_a_killed_master(server: Supervised) -> None:
    people = server.people("alice", "bob")
    supervisor, first = server.supervisor, server.master
    os.kill(supervisor, signal.SIGSTOP)
    server.kill_master()
    people[0].send("hello\n")
    assert people[1].silent()
    os.kill(supervisor, signal.SIGCONT)
    for client in people:
        assert client.line() == "alice : hello"
    server.successor_of(first)
    assert server.supervisor == supervisor


def test_the_new_supervisor_stops_the_master_when_told_to(server: Supervised) -> None:
    (client,) = server.people("alice")
    supervisor, master = server.renewed(server.kill_supervisor())
    os.kill(supervisor, signal.SIGHUP)
    eventually("it is reloaded", lambda: "configuration reloaded" in server.log())
    os.kill(supervisor, signal.SIGTERM)
    client.rest()
    eventually("both are gone", lambda: not is_running(master) and not is_running(supervisor))
    assert list(server.runtime_dir.iterdir()) == []
    assert "master died" not in server.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_guard_passes_signals_on(server: Supervised, number: signal.Signals) -> None:
    (client,) = server.people("alice")
    master = server.master
    server.kill_supervisor()
    guard = eventually("a guard", partial(guard_of, master))
    os.kill(guard, signal.SIGHUP)
    eventually("it is reloaded", lambda: "configuration reloaded" in server.log())
    # By now it may be another one.
    supervisor = server.supervisor
    os.kill(supervisor, number)
    client.rest()
    eventually("all are gone", lambda: not is_running(server_of(server)))
    eventually("its files are gone", lambda: list(server.runtime_dir.iterdir()) == [])


def server_of(server: Supervised) -> int:
    try:
        return server.master
    except FileNotFoundError:
        return 0


def test_both_killed_at_once_wait_for_whoever_starts_chatd(server: Supervised) -> None:
    (client,) = server.people("alice")
    master = server.master
    workers = server.workers(1)
    server.kill_both()
    client.send("into the void\n")
    assert client.silent(0.5)
    server.start()
    client.until("alice : into the void")
    assert server.master != master
    assert server.status()["supervised"] == "true"
    assert server.status()["adopted"] == "1"
    assert server.workers() == workers
    # What was adopted is resumed by the next one, as any.
    first = server.kill_master()
    talk([client], "and again")
    server.successor_of(first)
    assert server.workers() == workers


def test_both_killed_while_there_is_a_guard(server: Supervised) -> None:
    people = server.people("alice", "bob")
    master = server.master
    server.kill_supervisor()
    guard = eventually("a guard", partial(guard_of, master))
    server.found.add(guard)
    os.kill(guard, signal.SIGSTOP)
    os.kill(master, signal.SIGKILL)
    os.kill(guard, signal.SIGKILL)
    eventually("both are gone", lambda: not is_running(master) and not is_running(guard))
    server.start()
    talk(people, "still here")


def test_what_both_leave_is_cleared_away_by_stop(server: Supervised) -> None:
    (client,) = server.people("alice")
    server.kill_both()
    done = server.do("stop")
    assert done.stdout == "chatd: no master was running; ended 1 worker that waited for one\n"
    assert client.rest() == ""
    assert list(server.runtime_dir.iterdir()) == []


def test_many_supervisors_in_a_row_leave_nothing_behind(server: Supervised) -> None:
    """... of which ``tests/storm`` has hundreds."""
    people = server.people("alice", "bob")
    supervisor = server.supervisor
    server.workers(2)
    before = len(descriptors(supervisor))
    for number in range(8):
        server.kill_supervisor()
        talk(people, f"line {number}")
        supervisor, _ = server.renewed(supervisor)
    eventually("it is as it was", partial(_has, supervisor, before))
    assert set(descendants(supervisor)) <= {server.master, *server.workers()}


def test_newcomers_do_not_notice(server: Supervised) -> None:
    supervisor, port = server.supervisor, server.port
    came: list[Client] = []
    for _ in range(3):
        server.kill_supervisor()
        while not came or not server.is_pair() or server.supervisor == supervisor:
            came.append(server.connect(port).greet())
        supervisor = server.supervisor
    came[0].send("hello\n")
    for client in came:
        client.until("guest1 : hello")
    assert all(parent(pid) for pid in server.workers(len(came)))
