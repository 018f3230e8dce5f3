"""A master that hangs or dies of what a client has said: the next one does not, and says so."""

import sys
from pathlib import Path

import pytest

from harness import injected, serving

DEADLY = [sys.executable, str(Path(__file__).with_name("deadly.py"))]
WATCHED = "[server]\nwatchdog = 1\n"


@pytest.mark.parametrize(
    ("line", "deaths", "stack"),
    [
        ("hang", 1, "in deadly"),
        ("hang in C", 1, "in deadly"),
        ("crash", 1, "Segmentation fault"),
        ("eat memory", 3, ""),
    ],
)
def test_what_masters_die_of_is_set_aside(
    tmp_path: Path, line: str, deaths: int, stack: str
) -> None:
    with serving(tmp_path, WATCHED, DEADLY) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.until("is now bob")
        bob.send(f"{line}\n")
        for _ in range(deaths - 1):
            server.again(DEADLY)
        server.again(DEADLY)
        assert bob.until("--- ")[-1].startswith("--- line dropped")
        bob.send("sorry\n")
        for client in (alice, bob):
            assert client.until(" : ") == ["bob : sorry"]
        (kept,) = (server.state_dir / "quarantine").iterdir()
        assert kept.read_bytes() == f"{line}\n".encode()
        log = server.log()
        assert log.count("report set aside ") == 1
        assert log.count("master crashed") == bool(stack)
        assert stack in log


def test_a_watchdog_of_a_supervised_master(tmp_path: Path) -> None:
    """It hangs in a system call; nobody loses anything by it, and nothing is set aside."""
    with serving(tmp_path, WATCHED, supervised=True) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.until("is now bob")
        hung = server.master
        # The tracer holds it for longer than the watchdog allows; then the signal is delivered.
        with injected(hung, "pwrite64:delay_enter=2000000:when=1") as tracer:
            bob.send("hello\n")
            assert alice.until("bob : hello") == ["bob : hello"]
            tracer.terminate()
        assert server.master != hung
        assert bob.until("bob : hello") == ["bob : hello"]
        log = server.log()
        assert "was killed by SIGALRM" in log
        assert "master crashed" in log
        assert "report set aside" not in log


def test_a_master_that_waits_is_not_watched(tmp_path: Path) -> None:
    with serving(tmp_path, WATCHED) as server:
        alice = server.connect("alice")
        # A second is over when this is.
        assert alice.silent(1.5)
        alice.send("still here\n")
        assert alice.until("still here")
        assert server.process.poll() is None
