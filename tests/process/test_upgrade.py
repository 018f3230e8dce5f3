"""Upgrades between installed versions, under clients that talk all the time."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from chatd_supervisor.asking import ControlError, ask
from harness import PATIENCE, Server, eventually
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
    made = Server(tmp_path, program=[old, "-P", "-m", "chatd_supervisor"])
    try:
        yield made
    finally:
        print(made.log()[-5000:])
        made.stop()


def test_nobody_notices_an_upgrade(server: Server, new: str) -> None:
    talk_through_an_upgrade(server, new, NEW)


def test_the_signal_does_the_same_with_what_is_installed_now(server: Server) -> None:
    alice = server.connect("alice")
    worker = server.worker_of("alice")
    os.kill(server.pid, signal.SIGUSR2)
    eventually("it has been upgraded", lambda: "all workers are new" in server.log())
    assert server.ask("status")["generation"] == 1
    assert server.worker_of("alice") != worker
    alice.send("still here\n")
    assert alice.line() == "alice : still here"


def test_a_program_that_cannot_start_changes_nothing(versions: Versions, server: Server) -> None:
    changes = {"supervisor/chatd_supervisor/hub/core.py": ("class Core:", "class Core")}
    broken = versions.install("2.0.0", changes)
    # Its command line works; what the server is made of does not.
    alice = server.connect("alice")
    worker = server.worker_of("alice")
    done = upgrade(broken, server)
    assert done.returncode == 1
    assert "not upgraded, everything goes on as it was" in done.stderr
    assert "SyntaxError" in done.stderr
    status = server.ask("status")
    assert status["version"].startswith("1.0.0")
    assert status["generation"] == 0
    alice.send("still here\n")
    assert alice.line() == "alice : still here"
    assert server.worker_of("alice") == worker


def test_a_program_that_fails_after_its_trial_gives_way_to_the_one_before(
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
    done = upgrade(broken, server)
    assert done.returncode == 1
    assert "not my day" in done.stderr
    status = server.ask("status")
    assert status["version"].startswith("1.0.0")
    assert status["pid"] == server.pid
    said = alice.said
    eventually("alice goes on", lambda: alice.said > said + 50)
    assert alice.stop() == list(range(alice.said))


def test_restart_keeps_everybody_and_takes_the_new_options(server: Server, new: str) -> None:
    alice = server.connect("alice")
    done = subprocess.run(
        [
            *(new, "-P", "-m", "chatd_supervisor", "restart", *server.options()),
            *(f"--listen=127.0.0.1:{server.port}", "--log-level=debug"),
        ],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    alice.send("still here\n")
    assert alice.line() == "alice : still here (anew)"
    server.connect("bob")


def test_upgrades_one_after_another_while_workers_die(tmp_path: Path) -> None:
    """... some of them between their last word and the execution of the new program."""
    server = Server(tmp_path)
    over = threading.Event()

    def kill_workers() -> None:
        while not over.is_set():
            for session in ask(server.runtime_dir / "control.sock", "ps")["sessions"]:
                if session["pid"] and not over.is_set():
                    with suppress(ProcessLookupError):
                        os.kill(session["pid"], signal.SIGKILL)
            over.wait(0.05)  # a breath, for two processors

    def kill_on() -> None:
        while not over.is_set():
            with suppress(ControlError):  # between two programs nobody answers
                kill_workers()

    killer = threading.Thread(target=kill_on)
    try:
        clients = [server.connect(f"n{number}") for number in range(12)]
        killer.start()
        for _ in range(5):
            done = upgrade(sys.executable, server)
            assert done.returncode == 0, done.stderr
        over.set()
        killer.join()
        for number, client in enumerate(clients):
            client.send(f"still here {number}\n")
        for client in clients:
            heard = [line for _ in clients for line in client.until(" : still here ")]
            for number in range(len(clients)):
                assert heard.count(f"n{number} : still here {number}") == 1
        assert "ended by a fault" not in server.log()
    finally:
        over.set()
        killer.join(PATIENCE)
        assert server.stop() == 0
