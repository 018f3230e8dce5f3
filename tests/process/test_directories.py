"""The two directories of a server: one owner each, and no command harms a server that lives."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from chatd_supervisor.pidfile import found_at, holder
from harness import CHATD, PATIENCE, Server, eventually, serving
from server_commands import run_chatd
from supervised import is_running, supervised


def second(server: Server, runtime_dir: Path) -> "subprocess.CompletedProcess[str]":
    """Run another server on the state directory of ``server``; it must refuse."""
    return run_chatd(
        "run",
        f"--config={server.config_path}",
        f"--runtime-dir={runtime_dir}",
        f"--state-dir={server.state_dir}",
    )


@contextmanager
def killed_at_last(server: Server) -> Iterator[Server]:
    """Have a server of which a test ends the master itself."""
    try:
        yield server
    finally:
        server.kill()
        server.stop()


def test_a_second_server_on_a_state_directory_is_refused_and_told_whose_it_is(
    tmp_path: Path,
) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        lock = server.state_dir / "lock"
        assert (holder(lock), found_at(lock)) == (server.pid, str(server.runtime_dir))
        done = second(server, tmp_path / "other")
        assert done.returncode == 4
        assert done.stderr == (
            f"chatd: chatd is already running in {server.state_dir} as pid {server.pid}, "
            f"with the runtime directory {server.runtime_dir} (chatd status tells more)\n"
        )
        assert list((tmp_path / "other").iterdir()) == []
        alice.send("heard\n")
        alice.until("alice : heard")
    assert not lock.exists()


def test_a_killed_servers_state_directory_is_free_at_once_though_its_workers_live(
    tmp_path: Path,
) -> None:
    with killed_at_last(Server(tmp_path)) as server:
        alice = server.connect("alice")
        (worker,) = server.workers()
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)
        assert is_running(worker)
        assert holder(server.state_dir / "lock") is None
        server.again()
        eventually("another master serves", server.is_ready)
        assert holder(server.state_dir / "lock") == server.process.pid
        alice.send("still here\n")
        alice.until("alice : still here")


def test_the_lock_outlives_an_upgrade(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        assert run_chatd("upgrade", f"--runtime-dir={server.runtime_dir}").returncode == 0
        assert holder(server.state_dir / "lock") == server.pid
        assert second(server, tmp_path / "other").returncode == 4


def test_the_next_master_of_a_supervisor_has_the_lock(tmp_path: Path) -> None:
    with supervised(tmp_path) as server:
        server.start()
        successor = server.successor_of(server.kill_master())
        assert holder(server.state_dir / "lock") == successor


@pytest.mark.parametrize("gone", [["chatd.pid"], ["chatd.pid", "control.sock", "state"]])
def test_stop_finds_a_server_whose_files_were_removed(tmp_path: Path, gone: list[str]) -> None:
    server = Server(tmp_path)
    try:
        client = server.connect("alice")
        os.kill(server.pid, signal.SIGSTOP)  # or it makes them again
        for name in gone:
            (server.runtime_dir / name).unlink()
        with subprocess.Popen(
            [CHATD, "stop", *server.options()],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as stop:
            os.kill(server.pid, signal.SIGCONT)
            said, _ = stop.communicate(timeout=PATIENCE)
        assert said.startswith(f"chatd: stopped, pid {server.pid}, in ")
        assert client.rest().endswith("--- closing: the server is stopping\n")
        assert server.process.wait(PATIENCE) == 0
    finally:
        server.kill()
        server.stop()


def test_stop_leaves_a_server_alone_that_is_found_elsewhere(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        other = tmp_path / "other"
        other.mkdir(mode=0o700)
        (other / "chatd.pid").touch()
        done = run_chatd("stop", f"--runtime-dir={other}", f"--state-dir={server.state_dir}")
        assert (done.returncode, done.stderr) == (3, f"chatd: not running in {other}\n")
        assert list(other.iterdir()) == []
        kept = {path.name for path in (server.state_dir / "sessions").iterdir()}
        assert kept >= {"ledger", "outbox.1"}
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        alice.send("still here\n")
        alice.until("alice : still here")


def test_what_a_dead_server_left_is_cleared(
    tmp_path: Path,
) -> None:
    with killed_at_last(Server(tmp_path)) as server:
        alice = server.connect("alice")
        os.kill(server.pid, signal.SIGKILL)
        server.process.wait(PATIENCE)
        done = run_chatd("stop", f"--runtime-dir={server.runtime_dir}")
        assert done.stdout == "chatd: no master was running; ended 1 worker that waited for one\n"
        assert alice.rest() == ""
        assert list(server.runtime_dir.iterdir()) == []
        assert list((server.state_dir / "sessions").iterdir()) == []
        assert not (server.state_dir / "lock").exists()


def test_commands_find_the_journal_of_the_server_in_a_runtime_directory(tmp_path: Path) -> None:
    """... though its state directory was named on its command line alone."""
    with serving(tmp_path) as server:
        server.connect("alice").send("told\n")
        eventually(
            "it is in the journal",
            lambda: (
                "told"
                in run_chatd(
                    "history",
                    f"--config={server.config_path}",
                    f"--runtime-dir={server.runtime_dir}",
                ).stdout
            ),
        )


RUNTIME_FILES = {"chatd.pid", "state", "control.sock", "adoption.sock"}


def files(server: Server) -> set[str]:
    return {path.name for path in server.runtime_dir.iterdir()}


def restorations(server: Server) -> int:
    return server.log().count("chatd: runtime files restored ")


@pytest.mark.parametrize("name", sorted(RUNTIME_FILES))
def test_a_file_that_is_removed_is_made_again(tmp_path: Path, name: str) -> None:
    with serving(tmp_path) as server:
        (server.runtime_dir / name).unlink()
        eventually("it is noticed", lambda: restorations(server) == 1)
        assert f"files={name}\n" in server.log()
        assert files(server) == RUNTIME_FILES
        assert server.master == server.pid
        assert server.ask("status")["pid"] == server.pid


@pytest.mark.parametrize("how", ["removed", "moved"])
def test_a_server_without_a_runtime_directory_makes_another_and_survives(
    tmp_path: Path, how: str
) -> None:
    with killed_at_last(Server(tmp_path)) as server:
        alice = server.connect("alice")
        for time in (1, 2):  # the new one is watched as well
            if how == "removed":
                shutil.rmtree(server.runtime_dir)
            else:
                server.runtime_dir.rename(tmp_path / f"away{time}")
            eventually("it is noticed", lambda: restorations(server) == time)  # noqa: B023
        assert files(server) == RUNTIME_FILES
        assert server.ask("status")["pid"] == server.pid
        os.kill(server.pid, signal.SIGKILL)
        server.again()
        eventually("another master serves", server.is_ready)
        alice.send("still here\n")
        alice.until("alice : still here")


def test_a_supervised_server_survives_the_loss_of_its_runtime_directory(tmp_path: Path) -> None:
    """... even if its master dies at that very moment, and so does the worker."""
    with supervised(tmp_path) as server:
        server.start()
        alice = server.connect(server.port).greet("alice")
        pid, (worker,) = server.master, server.workers()
        os.kill(pid, signal.SIGSTOP)
        shutil.rmtree(server.runtime_dir)
        os.kill(worker, signal.SIGKILL)
        os.kill(pid, signal.SIGKILL)
        server.successor_of(pid)
        alice.send("still here\n")
        alice.until("alice : still here")


def test_what_cannot_be_made_again_is_said_and_the_server_serves_on(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        server.runtime_dir.rename(tmp_path / "away")
        server.runtime_dir.touch()  # as good as a directory that must not be made, also to root
        eventually("it is said", lambda: "chatd: runtime files missing " in server.log())
        assert f"cannot make directory {server.runtime_dir}: it is not" in server.log()
        alice.send("still here\n")
        alice.until("alice : still here")
        server.runtime_dir.unlink()
        eventually("it is tried again", lambda: restorations(server) == 1)
        assert server.ask("status")["pid"] == server.pid
