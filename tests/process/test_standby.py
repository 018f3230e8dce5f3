"""The master that stands by: it goes on at once when its turn comes, and not before."""

import os
import signal
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from harness import PATIENCE, Client, eventually, serving
from supervised import CONFIG, Supervised, children, is_running, supervised, title


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        one.start()
        yield one


def standing_by(server: Supervised, other_than: int = 0) -> int:
    """Wait until somebody stands by, and is ready to; return its pid."""

    def find() -> int:
        for pid in children(server.supervisor):
            if pid != other_than and title(pid) == "chatd: standby" and _waits(pid):
                return pid
        return 0

    found = eventually("somebody stands by", find)
    server.found.add(found)
    return found


def _waits(pid: int) -> bool:
    state = Path(f"/proc/{pid}/wchan").read_text()
    return "unix" in state or "wait_for_more_packets" in state


def _importing(server: Supervised) -> list[int]:
    """Return those who are to stand by, and do not yet: they have no title of their own."""
    everybody = children(server.supervisor)
    return [pid for pid in everybody if "\0chatd_supervisor.resuming\0" in title(pid)]


def talks(client: Client, nick: str, text: str) -> None:
    client.send(f"{text}\n")
    client.until(f"{nick} : {text}")


def test_it_is_the_next_master_and_there_is_another(server: Supervised) -> None:
    client = server.connect(server.port).greet("alice")
    waiting = 0
    for number in range(3):
        waiting = standing_by(server, waiting)
        assert title(server.master).startswith("chatd: master ")
        server.kill_master()
        talks(client, "alice", f"line {number}")
        assert server.master == waiting
        assert title(waiting).startswith("chatd: master ")


def test_it_goes_by_the_configuration_of_the_moment(server: Supervised) -> None:
    client = server.connect(server.port).greet("alice")
    standing_by(server)
    server.configure(f"{CONFIG}topic_length = 5\n")
    first = server.kill_master()
    client.send("hello\n")
    client.until("alice : hello")
    assert server.successor_of(first)
    client.send("/topic a long topic\n")
    assert "5" in client.until("opic")[-1]


def test_killed_or_stopped_it_keeps_nobody_from_being_served(server: Supervised) -> None:
    client = server.connect(server.port).greet("alice")
    waiting = standing_by(server)
    os.kill(waiting, signal.SIGSTOP)
    server.kill_master()
    talks(client, "alice", "after one that was stopped")
    assert server.master == waiting
    waiting = standing_by(server, waiting)
    os.kill(waiting, signal.SIGKILL)
    server.kill_master()
    talks(client, "alice", "after one that was killed")
    assert server.master != waiting


def test_when_its_turn_comes_before_it_is_ready_it_goes_on_all_the_same(server: Supervised) -> None:
    client = server.connect(server.port).greet("alice")
    standing_by(server)
    server.kill_master()
    talks(client, "alice", "after the first")
    (coming,) = eventually("the next one begins", partial(_importing, server))
    server.found.add(coming)
    server.kill_master()
    talks(client, "alice", "after the second")
    assert server.master == coming


def test_one_that_is_killed_is_replaced_and_leaves_no_zombie(server: Supervised) -> None:
    waiting = standing_by(server)
    os.kill(waiting, signal.SIGKILL)
    eventually("it is reaped", lambda: not Path(f"/proc/{waiting}").exists())
    standing_by(server, waiting)


def test_after_an_upgrade_it_is_of_the_new_program(server: Supervised) -> None:
    waiting = standing_by(server)
    assert server.do("upgrade").returncode == 0
    eventually("it is gone", lambda: not Path(f"/proc/{waiting}").exists())
    assert standing_by(server) != waiting


def test_it_ends_with_its_supervisor_and_there_is_one_of_the_next(server: Supervised) -> None:
    waiting = standing_by(server)
    second = server.supervisor_after(server.kill_supervisor())
    eventually("it is gone", partial(_has_ended, waiting))
    assert standing_by(server) in children(second)


def _has_ended(pid: int) -> bool:
    return not is_running(pid)


def test_stopping_ends_it(server: Supervised) -> None:
    waiting = standing_by(server)
    assert server.do("stop").returncode == 0
    assert not is_running(waiting)


def test_whoever_wants_none_has_none(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        server.configure(f"[server]\nstandby = false\n{CONFIG}")
        server.start()
        time.sleep(3)
        assert children(server.supervisor) == [server.master]
        first = server.kill_master()
        server.successor_of(first)


def test_what_a_terminal_sends_to_all_ends_all_without_a_word(tmp_path: Path) -> None:
    with serving(tmp_path, supervised=True) as server:
        eventually("somebody stands by", lambda: "chatd: standby" in server.titles())
        os.killpg(server.pid, signal.SIGINT)
        assert server.process.wait(PATIENCE) == 0
