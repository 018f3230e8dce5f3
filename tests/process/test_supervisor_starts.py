"""Supervised servers that are started and stopped, and those that cannot be started."""

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from chatd_supervisor.pidfile import holder
from harness import PATIENCE, eventually
from supervised import (
    BROKEN,
    CONFIG,
    Supervised,
    children,
    in_session,
    is_refused,
    is_running,
    parent,
    supervised,
    title,
)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        yield one


def test_stop_ends_a_server_whose_master_cannot_start(server: Supervised) -> None:
    server.start()
    supervisor, port = server.supervisor, server.port
    server.toggle_damage()
    # Who the workers are that wait there, the ledger does not tell.
    server.left_over = {"adoption", "state"}
    first = server.kill_master()
    eventually("the next one fails", lambda: "exited with status 65" in server.log())
    assert holder(server.runtime_dir / "chatd.pid") not in (None, first)
    done = server.do("stop")
    assert done.returncode == 0
    # The supervisor, or a master that it has just started.
    assert re.fullmatch(r"chatd: stopped, pid \d+, in \S+ s\n", done.stdout)
    assert not is_running(supervisor)
    assert is_refused(port)
    server.toggle_damage()


def test_stop_leaves_nothing_and_its_port_can_be_had_at_once(server: Supervised) -> None:
    server.start()
    port, both = server.port, [server.supervisor, server.master]
    address = f"127.0.0.1:{port}"
    for _ in range(3):
        client = server.connect(port).greet()
        done = server.do("stop")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith(f"chatd: stopped, pid {both[1]}, in ")
        assert not any(map(is_running, both))
        assert list(server.runtime_dir.iterdir()) == []
        assert "the server is stopping" in client.rest()
        assert server.do("start", "--listen", address).returncode == 0
        both = [server.supervisor, server.master]
    assert "starting it again" not in server.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_supervisor_told_to_stop_stops_the_master(
    server: Supervised, number: signal.Signals
) -> None:
    server.start()
    supervisor, master = server.supervisor, server.master
    client = server.connect(server.port).greet()
    os.kill(supervisor, number)
    eventually("both are gone", lambda: not is_running(supervisor) and not is_running(master))
    assert "the server is stopping" in client.rest()
    assert f"stopping on={number.name}" in server.log()
    assert list(server.runtime_dir.iterdir()) == []


def test_a_master_killed_while_it_stops_is_not_started_again(server: Supervised) -> None:
    server.configure(CONFIG.replace("0.5", "60"))
    server.start()
    supervisor, master = server.supervisor, server.master
    server.left_over = {"adoption", "state"}
    # One who takes nothing: the stop waits for it.
    client = server.connect(server.port).greet()
    (worker,) = server.workers()
    os.kill(worker, signal.SIGSTOP)
    try:
        os.kill(master, signal.SIGTERM)
        eventually("it stops", lambda: server.status()["state"] == "stopping")
        client.send("still?\n")
        os.kill(master, signal.SIGKILL)
        eventually("the supervisor is gone", lambda: not is_running(supervisor))
    finally:
        os.kill(worker, signal.SIGKILL)
    assert f'master died pid={master} how="was killed by SIGKILL while it stopped"' in server.log()


def test_a_master_that_hangs_can_be_killed_and_is_not_started_again(server: Supervised) -> None:
    server.start()
    supervisor, master = server.supervisor, server.master
    server.left_over = {"adoption", "state"}
    os.kill(master, signal.SIGSTOP)
    done = server.do("stop")
    assert (done.returncode, done.stdout) == (1, "")
    said = f"chatd: pid {master} has not stopped within 5.5 s; kill -9 {master}\n"
    assert done.stderr == said
    os.kill(master, signal.SIGKILL)
    eventually("the supervisor is gone", lambda: not is_running(supervisor))
    assert "starting it again" not in server.log()


def test_what_keeps_the_first_master_from_starting_is_told(server: Supervised) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for command in ("start", "run"):
            done = server.do(command, "--supervise", "--listen", address)
            assert done.returncode == 69
            said = f"chatd: cannot listen on {address}: Address already in use; who has it: ss"
            assert done.stderr.splitlines()[-1].startswith(said)
            assert list(server.runtime_dir.iterdir()) == []
    server.log_file.unlink()
    server.log_file.mkdir()
    done = server.do("start", "--supervise")
    assert done.returncode == 73
    assert str(server.log_file) in done.stderr
    server.log_file.rmdir()
    server.configure(BROKEN)
    for command in ("start", "run"):
        done = server.do(command, "--supervise")
        assert (done.returncode, done.stdout) == (78, "")
        assert "limits.max_rooms = -1: must be an integer of 0 or more" in done.stderr
    server.configure(CONFIG)
    for command in ("start", "run"):
        done = server.do(command, "--supervise", "--runtime-dir=/proc/chatd")
        assert (done.returncode, done.stdout) == (73, "")
    assert server.do("start", "--supervise", "--loud").returncode == 2
    assert list(server.runtime_dir.iterdir()) == []


def test_there_is_one_server_to_a_directory(server: Supervised) -> None:
    assert server.do("start", "--plain").returncode == 0
    plain = server.master
    for command in ("start", "run"):
        done = server.do(command, "--supervise")
        assert (done.returncode, done.stdout) == (4, "")
        assert f"already running in {server.runtime_dir} as pid {plain}" in done.stderr
    assert server.do("stop").returncode == 0
    server.start()
    for command in ("start", "run"):
        for more in ("--plain", "--supervise"):
            done = server.do(command, more)
            assert (done.returncode, done.stdout) == (4, "")
            assert f"already running in {server.runtime_dir} as pid " in done.stderr


@pytest.mark.parametrize("more", ["--plain", "--supervise"])
def test_no_other_master_steps_in_while_one_is_down(server: Supervised, more: str) -> None:
    server.start()
    server.toggle_damage()
    server.left_over = {"adoption", "state"}
    server.kill_master()
    eventually("the next one fails", lambda: "exited with status 65" in server.log())
    other = server.directory / "other.toml"
    other.write_text(CONFIG)
    done = server.do("start", more, f"--config={other}")
    assert (done.returncode, done.stdout) == (4, "")
    assert f"already running in {server.runtime_dir} as pid " in done.stderr
    # Nor from another runtime directory.
    done = server.do("start", more, f"--runtime-dir={server.directory / 'r2'}")
    assert (done.returncode, done.stdout) == (4, "")
    server.toggle_damage()


def test_of_many_starts_at_once_one_serves(server: Supervised) -> None:
    starts = [
        subprocess.Popen(
            server.command("start"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for _ in range(6)
    ]
    assert sorted(start.wait(PATIENCE) for start in starts) == [0, 4, 4, 4, 4, 4]
    server.connect(server.port).greet()


def profile(server: Supervised) -> str:
    """Return in which profile it serves, by all that tells of it."""
    status = json.loads(server.do("status", "--json").stdout)
    is_there = (server.runtime_dir / "supervisor.pid").exists()
    assert status["supervised"] == is_there == (status["supervisor"] is not None)
    assert not {"--supervise", "--plain"} & {*status["options"]}
    if not is_there:
        assert title(parent(server.master)) != "chatd: supervisor"
        return "plain"
    assert parent(server.master) == status["supervisor"] == server.supervisor
    return "supervised"


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], "supervised"), (["--supervise"], "supervised"), (["--plain"], "plain")],
)
def test_a_daemon_is_supervised_unless_told(
    server: Supervised, options: list[str], expected: str
) -> None:
    assert server.do("start", *options).returncode == 0
    assert profile(server) == expected
    # And a restart leaves it as it is, unless it says otherwise.
    for command in (["restart"], ["restart", "--full"]):
        done = server.do(*command)
        assert (done.returncode, done.stderr) == (0, "")
        assert profile(server) == expected
    other = {"plain": "supervised", "supervised": "plain"}[expected]
    option = {"plain": "--plain", "supervised": "--supervise"}
    assert server.do("restart", "--full", option[other]).returncode == 0
    assert profile(server) == other
    assert server.do("stop").returncode == 0
    assert server.do("restart", *options).returncode == 0
    assert profile(server) == expected


def test_a_full_restart_ends_the_supervisor_too(server: Supervised) -> None:
    server.start()
    before = server.supervisor
    done = server.do("restart", "--full")
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_running(before)
    assert title(server.supervisor) == "chatd: supervisor"


@pytest.mark.parametrize(
    ("options", "expected"),
    [([], "plain"), (["--supervise"], "supervised"), (["--plain"], "plain")],
)
def test_in_the_foreground_it_is_plain_unless_told(
    server: Supervised, options: list[str], expected: str
) -> None:
    command = server.command("run", *options)
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as process:
        eventually("it serves", server.status)
        assert profile(server) == expected
        assert process.pid == (server.supervisor if expected == "supervised" else server.master)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("moment", [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 1.0])
def test_stop_ends_a_server_whose_supervisor_is_being_replaced(
    server: Supervised, moment: float
) -> None:
    server.start()
    client = server.connect(server.port).greet("alice")
    session = os.getsid(server.supervisor)
    server.kill_supervisor()
    time.sleep(moment)  # whatever happens then: each is one that can be
    done = server.do("stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"chatd: stopped, pid \d+, in \S+ s\n", done.stdout)
    assert "the server is stopping" in client.rest()
    eventually("nothing runs", lambda: in_session(session) == [])
    assert list(server.runtime_dir.iterdir()) == []


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.2, 0.3, 0.4, 0.6])
def test_stop_ends_a_guard_that_has_lost_its_master(server: Supervised, moment: float) -> None:
    server.start()
    client = server.connect(server.port).greet("alice")
    session = os.getsid(server.supervisor)
    master = server.master
    server.kill_supervisor()
    eventually("a guard", lambda: len(children(master)) > 0)
    server.kill_master()
    time.sleep(moment)  # whatever happens then: each is one that can be
    done = server.do("stop")
    assert (done.returncode, done.stderr) == (0, "")
    eventually("nothing runs", lambda: in_session(session) == [])
    client.rest()
    assert list(server.runtime_dir.iterdir()) == []


def test_stop_ends_workers_that_a_supervisor_without_a_master_leaves(server: Supervised) -> None:
    server.start()
    client = server.connect(server.port).greet("alice")
    (worker,) = server.workers(1)
    # No master can start, and yet the ledger says who is a worker.
    server.configure('[[listen]]\naddress = "127.0.0.1:0"\n[journal]\nbogus = 1\n')
    (server.state_dir / "sessions" / "config.json").unlink()
    server.kill_master()
    eventually("the next one fails", lambda: "exited with status 78" in server.log())
    done = server.do("stop")
    assert (done.returncode, done.stderr) == (0, "")
    assert not is_running(worker)
    assert client.rest() == ""
    assert list(server.runtime_dir.iterdir()) == []


def test_run_is_supervised_in_the_foreground(server: Supervised) -> None:
    command = server.command("run", "--supervise")
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "chatd: ready " not in process.stderr.readline():
            assert process.poll() is None
        assert (title(process.pid), server.supervisor) == ("chatd: supervisor", process.pid)
        first, port = server.master, server.port
        server.kill_master()
        server.successor_of(first)
        server.connect(port).greet().close()
        process.send_signal(signal.SIGTERM)
        said = process.stderr.read()
        assert process.wait(PATIENCE) == 0
    assert f'master died pid={first} how="was killed by SIGKILL" next="starting it again"\n' in said
    assert not server.log_file.exists()
