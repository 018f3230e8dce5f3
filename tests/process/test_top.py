"""``chatd top`` on a terminal, as a person sees it; and in a pipe. ``chatd tree``."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

from harness import CHATD, PATIENCE, Server, serving
from server_commands import run_chatd

WIDTH, HEIGHT = 120, 24


class Terminal:
    """A command on a terminal of its own, and what that shows."""

    def __init__(self, *command: str) -> None:
        self._ours, theirs = pty.openpty()
        self.resize(WIDTH, HEIGHT)
        self._before = termios.tcgetattr(theirs)
        self._theirs = theirs
        self.screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self.screen)
        self._written = b""
        self.process = subprocess.Popen(
            command,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            # These, which xdist sets, would be the size whatever the terminal's is (curs_util(3X)).
            env={
                **{name: os.environ[name] for name in os.environ.keys() - {"LINES", "COLUMNS"}},
                "TERM": "xterm-256color",
            },
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509  # no threads
        )

    def resize(self, width: int, height: int) -> None:
        """Have the terminal be so large; the kernel tells the command."""
        fcntl.ioctl(self._ours, termios.TIOCSWINSZ, struct.pack("4H", height, width, 0, 0))
        if hasattr(self, "screen"):
            self.screen.resize(height, width)

    def press(self, keys: str) -> None:
        os.write(self._ours, keys.encode())

    def sees(self, *words: str) -> list[str]:
        """Wait until all ``words`` are on the screen; return its lines."""
        deadline = time.monotonic() + PATIENCE
        while True:
            lines: list[str] = list(self.screen.display)
            if all(any(word in line for line in lines) for word in words):
                return lines
            left = deadline - time.monotonic()
            assert left > 0, f"no {words} in\n" + "\n".join(lines)
            self._read(left)

    def _read(self, patience: float) -> None:
        if select.select([self._ours], [], [], patience)[0]:
            data = os.read(self._ours, 1 << 16)
            self._written += data
            self._stream.feed(data)

    def ends(self) -> int:
        """Wait for the end; see that the terminal is as it was; return the exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline
            self._read(0.05)
        while select.select([self._ours], [], [], 0)[0]:
            self._read(0)
        assert termios.tcgetattr(self._theirs) == self._before
        # The screen of before is shown again, with its cursor.
        assert self._written.rfind(b"\x1b[?1049l") > self._written.rfind(b"\x1b[?1049h")
        assert self._written.rfind(b"\x1b[?25h") > self._written.rfind(b"\x1b[?25l")
        return self.process.returncode

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._ours)
        os.close(self._theirs)


@contextmanager
def top(server: Server, *options: str) -> Iterator[Terminal]:
    terminal = Terminal(
        CHATD, "top", f"--runtime-dir={server.runtime_dir}", "--delay=0.2", *options
    )
    try:
        yield terminal
    finally:
        terminal.close()


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path) as running:
        yield running


def nicks(lines: list[str]) -> list[str]:
    (place,) = [number for number, line in enumerate(lines) if line.lstrip().startswith("PID ")]
    return [line.split()[1] for line in lines[place + 1 :] if line.strip()]


def test_it_shows_who_is_there_sorts_resizes_and_quits(server: Server) -> None:
    server.connect("alice")
    bob = server.connect("bob")
    with top(server) as terminal:
        lines = terminal.sees("chatd 0.", "serving: 2 clients", "PID", "alice", "bob", "#lobby")
        assert str(server.worker_of("alice")) in "".join(lines)
        for number in range(5):
            bob.send(f"{number}\n")
            bob.until(f"bob : {number}")
        terminal.press("t")
        while nicks(terminal.sees("alice", "bob")) != ["bob", "alice"]:
            terminal._read(PATIENCE)
        terminal.press("n")
        while nicks(terminal.sees("alice", "bob")) != ["alice", "bob"]:
            terminal._read(PATIENCE)
        terminal.press("R")
        while nicks(terminal.sees("alice", "bob")) != ["bob", "alice"]:
            terminal._read(PATIENCE)
        server.connect("carol")
        terminal.sees("3 clients", "carol")
        terminal.resize(40, 6)
        terminal.sees("chatd 0.", "PID")
        terminal.resize(WIDTH, HEIGHT)
        terminal.sees("alice", "bob", "carol", "PEER")
        terminal.press("q")
        assert terminal.ends() == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_the_terminal_is_as_it_was(
    server: Server, number: signal.Signals
) -> None:
    with top(server) as terminal:
        terminal.sees("serving")
        if number == signal.SIGINT:
            terminal.press("\x03")
        else:
            terminal.process.send_signal(number)
        assert terminal.ends() == 0


def test_it_says_that_the_server_is_gone_and_waits_for_it(server: Server) -> None:
    with top(server) as terminal:
        terminal.sees("serving")
        server.process.send_signal(signal.SIGTERM)
        terminal.sees("chatd is not running", "waiting for it to come back")
        server.again()
        terminal.sees("serving: 0 clients")
        terminal.press("q")
        assert terminal.ends() == 0


def run(server: Server, *command: str) -> subprocess.CompletedProcess[str]:
    return run_chatd(*command, f"--runtime-dir={server.runtime_dir}")


def test_in_a_pipe_it_prints(server: Server) -> None:
    server.connect("alice")
    done = run(server, "top", "-n", "2", "--delay=0.1", "--sort=nick")
    assert done.returncode == 0
    assert done.stdout.count("serving: 1 client,") == done.stdout.count(" alice ") == 2
    assert "\x1b" not in done.stdout
    done = run(server, "top", "--once", "--delay=0.1")
    assert done.stdout.count(" alice ") == 1
    done = run(server, "top")
    assert done.returncode == 2
    assert "top needs a terminal" in done.stderr


def test_the_tree_is_that_of_ps(server: Server) -> None:
    server.connect("alice").send("/join #ops\n")
    server.clients[0].until("#ops")
    server.connect("bob")
    first, *rest = run(server, "tree").stdout.splitlines()
    assert first == f"{server.pid} master 127.0.0.1:{server.port}"
    assert [line.split("(")[0].strip() for line in (rest[0], rest[2])] == ["├─ #lobby", "└─ #ops"]
    assert f"└─ {server.worker_of('alice')} alice@127.0.0.1:" in rest[3]
    found = json.loads(run(server, "tree", "--json", "--by=dialect").stdout)
    ((group,),) = [found["groups"]]
    assert group["name"] == "text"
    assert sorted(worker["pid"] for worker in group["workers"]) == sorted(server.workers())
