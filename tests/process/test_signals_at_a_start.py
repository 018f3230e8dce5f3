"""Every documented signal at every moment of a start, to every process there is."""

import os
import signal
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from chatd_supervisor.deferred_signals import DEFERRED
from harness import CHATD, PATIENCE, Server, eventually, serving
from supervised import children

MASK = sum(1 << (number - 1) for number in DEFERRED)


def defers(pid: int) -> bool:
    """Return whether process ``pid`` blocks or catches them: proc(5)."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    fields = dict(line.split(":", 1) for line in status.splitlines())
    safe = [int(fields[name], 16) for name in ("SigBlk", "SigIgn", "SigCgt")]
    return (safe[0] | safe[1] | safe[2]) & MASK == MASK


def tree(pid: int) -> list[int]:
    """Return ``pid`` and all its descendants."""
    found = [pid]
    for one in found:
        try:
            found += children(one)
        except FileNotFoundError:
            continue
    return found


@pytest.mark.parametrize("supervised", [False, True])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1])
def test_no_moment_is_too_early(tmp_path: Path, number: signal.Signals, supervised: bool) -> None:
    """... once the program has begun at all, which is before there is a PID file."""
    sent: list[int] = []
    early: list[bool] = []

    class Signalled(Server):
        def is_ready(self) -> bool:
            if defers(self.pid):
                for pid in tree(self.pid):
                    os.kill(pid, number)
                    sent.append(pid)
            else:
                early.append(not (self.runtime_dir / "chatd.pid").exists())
            return super().is_ready()

    server = Signalled(tmp_path, supervised=supervised)
    try:
        assert sent
        assert all(early), "there was a PID file, and it could have been killed"
        alice = server.connect("alice")
        for _ in range(50):
            for pid in tree(server.pid):
                os.kill(pid, number)
        alice.send("still here\n")
        alice.until("alice : still here")
        assert "died" not in server.log()
    finally:
        assert server.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2])
def test_no_moment_of_the_next_master_is_too_early(tmp_path: Path, number: signal.Signals) -> None:
    """... whether it is sent to it or to its supervisor."""
    with serving(tmp_path, supervised=True) as server:
        alice = server.connect("alice")
        for round_number in range(5):
            before = server.kill_master()
            supervisor = server.pid
            while not server.is_ready():
                for pid in {supervisor, *children(supervisor)} - {before}:
                    if number != signal.SIGUSR2 or pid != supervisor:
                        with suppress(ProcessLookupError):
                            os.kill(pid, number)
            alice.send(f"line {round_number}\n")
            alice.until(f"alice : line {round_number}")
        # Of killed ones only: none was ended by what it was sent.
        assert server.log().count("master died") == server.log().count("was killed by SIGKILL")


@pytest.mark.parametrize("profile", ["--plain", "--supervise"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_can_be_ended_at_any_moment(
    tmp_path: Path, number: signal.Signals, profile: str
) -> None:
    """... once the program has begun, and leaves nothing that another would stumble over."""
    for delay in range(8):
        server = subprocess.Popen(
            [
                CHATD,
                "run",
                profile,
                "--listen=127.0.0.1:0",
                f"--runtime-dir={tmp_path / 'r'}",
                f"--state-dir={tmp_path / 's'}",
            ],
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        eventually("it has begun", lambda: defers(server.pid))  # noqa: B023
        with suppress(subprocess.TimeoutExpired):
            server.wait(0.05 * delay)
        server.send_signal(number)
        _, said = server.communicate(timeout=PATIENCE)
        assert (server.returncode in (0, -number), said.count(b"Traceback")) == (True, 0)


def test_thousands_of_requests_for_a_stack_harm_nobody(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        (worker,) = server.workers()
        for _ in range(20_000):
            os.kill(server.pid, signal.SIGUSR1)
        for _ in range(20_000):
            os.kill(worker, signal.SIGUSR1)
        alice.send("still here\n")
        alice.until("alice : still here")
        assert server.workers() == [worker]
        assert "RecursionError" not in server.log()
        eventually("one is told", lambda: "master traced" in server.log())
