"""However the screen of chat-client ends, the terminal is as it was before."""

import os
import signal
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_harness import gone, reader_of
from harness import CHAT_CLIENT, Server, eventually, serving
from irc_harness import IRC_CONFIG
from terminals import Terminal

PROGRAM = f"{CHAT_CLIENT} irc://127.0.0.1:"

MODES = (1, 7, 25, 1000, 1002, 1003, 1006, 1049, 2004)
"""Private modes that a full-screen program changes (xterm's ctlseqs)."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, IRC_CONFIG) as server:
        yield server


def left(written: bytes) -> dict[int, bool]:
    """Return which of MODES are on after ``written``, of those that it speaks of."""
    found = {}
    for mode in MODES:
        on, off = (written.rfind(b"\x1b[?%d%c" % (mode, letter)) for letter in b"hl")
        if max(on, off) >= 0:
            found[mode] = on > off
    return found


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, 137), (signal.SIGTERM, 143), (signal.SIGHUP, 129)],
    ids=str,
)
def test_the_terminal_is_usable_after_a_signal(
    server: Server, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    config = tmp_path / "with-mouse.toml"
    config.write_text("[screen]\nmouse = true\n")
    command = f"{PROGRAM}{server.port} --nick alice --config {config}"
    # A shell without job control, which leaves the terminal as it finds it.
    with Terminal("sh", "-c", f"{command}; echo ended $?") as terminal:
        before = terminal.settings()
        terminal.sees("alice  online")
        taken = left(bytes(terminal.written))
        assert all(taken[mode] for mode in (1000, 1049, 2004)), taken
        pid = reader_of(terminal.pid)
        reader = reader_of(pid)
        assert not terminal.settings()[3] & termios.ICANON
        os.kill(pid, number)
        terminal.sees(f"ended {code}")
        gone(reader)
        eventually("the terminal is as it was", lambda: terminal.settings() == before)
        while terminal.look(0):
            pass
        on = left(bytes(terminal.written))
        assert on[25]
        assert not any(is_on for mode, is_on in on.items() if mode not in (7, 25)), on


def test_leaving_gives_the_terminal_back(server: Server) -> None:
    with Terminal("sh", "-c", f"{PROGRAM}{server.port} --nick alice; echo ended $?") as terminal:
        before = terminal.settings()
        terminal.sees("alice  online")
        terminal.type("/quit\r")
        terminal.sees("ended 0")
        assert terminal.settings() == before
        assert not left(bytes(terminal.written))[1049]


def test_stopped_and_continued(server: Server) -> None:
    with Terminal("bash", "--norc", "-i") as terminal:
        terminal.type(f"{PROGRAM}{server.port} --nick alice\r")
        terminal.sees("alice  online")
        terminal.press("Ctrl-Z")
        terminal.sees("Stopped")
        assert not left(bytes(terminal.written))[1049]
        terminal.type("fg\r")
        terminal.sees("alice  online")
        assert left(bytes(terminal.written))[1049]
        terminal.type("hi\r")
        terminal.sees("alice │ hi")
        terminal.type("/quit\r")
        terminal.sees(r"bash-\S+$")
