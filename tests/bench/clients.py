"""What it takes to type into chat-client while a thousand lines a second come in."""

import os
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Final

from bench.figures import Row, number, percentile
from harness import CHAT_CLIENT, serving
from irc_harness import IRC_CONFIG, IrcClient
from terminals import Terminal

RATE: Final = 1000
"""Lines a second."""

STARTS: Final = 10

KEY_EVERY: Final = 0.1
"""Seconds between two keys: faster than people type for long."""

LETTERS: Final = "àáâãäåæçèéêëìíîïðñòóôõöøùúûüýþ"
"""What is typed, one after the other: letters that nobody else says."""

_PATIENCE: Final = 30.0

_WORDS: Final = "of a flood, as long as what people say"


def _client(port: int) -> Terminal:
    address = f"irc://127.0.0.1:{port}"
    return Terminal(
        *(CHAT_CLIENT, address, "--nick", "alice", "--room", "#lobby"), columns=120, rows=40
    )


def client(directory: Path, quick: bool) -> list[Row]:
    """Measure start-up, the echo of keys in a flood, and memory."""
    seconds = 3 if quick else 30
    with serving(directory, IRC_CONFIG) as server:
        paints = [_first_paint(server.port) for _ in range(3 if quick else STARTS)]
        floor = [_python() for _ in range(3 if quick else STARTS)]
        with IrcClient(server.port) as bob, _client(server.port) as alice:
            bob.send("NICK bob", "USER bob 0 * :bob", "JOIN #lobby")
            alice.sees("online", _PATIENCE)
            alice.is_blind = True
            idle = [_echo(alice, place) for place in range(20 if quick else 50)]
            before = _resident(alice.pid)
            flood = Flood(bob.socket, seconds)
            echoes: list[float] = []
            while flood.is_alive():
                echoes.append(_echo(alice, len(echoes)))
                deadline = time.monotonic() + KEY_EVERY
                while (left := deadline - time.monotonic()) > 0:
                    alice.look(left)
            flood.join()
            alice.is_blind = False
            alice.type("\x0c")  # paint all of it
            alice.sees(f"line {flood.sent} ", _PATIENCE)
            after = _resident(alice.pid)
    return [
        Row(
            "chat-client: from exec to the first paint, p50",
            f"{number(percentile(paints, 50) * 1e3)} ms",
            f"python -c pass {number(percentile(floor, 50) * 1e3)} ms",
            f"{percentile(paints, 50) / percentile(floor, 50):.1f}",
            "≤ 300 ms",
        ),
        Row("... idle: echo of a key, p95", f"{number(percentile(idle, 95) * 1e3)} ms"),
        Row(
            f"... {flood.sent / flood.took:,.0f} lines/s for {seconds} s: echo of a key, p50",
            f"{number(percentile(echoes, 50) * 1e3)} ms",
        ),
        Row("... p95", f"{number(percentile(echoes, 95) * 1e3)} ms", reach="≤ 50 ms"),
        Row("... worst", f"{number(max(echoes) * 1e3)} ms"),
        Row(
            "... memory after that",
            f"{number(after)} MB",
            f"before {number(before)} MB",
            f"{after / before:.2f}",
        ),
    ]


class Flood(threading.Thread):
    """Says RATE lines a second, for ``seconds``."""

    def __init__(self, to: socket.socket, seconds: float) -> None:
        super().__init__(daemon=True)
        self._to = to
        self._seconds = seconds
        self.sent = 0
        self.took = 0.0
        self.start()

    def run(self) -> None:
        """Say them, in portions of what is due."""
        begin = time.monotonic()
        while (now := time.monotonic() - begin) < self._seconds:
            due = int(now * RATE) - self.sent
            said = "".join(
                f"PRIVMSG #lobby :line {self.sent + each + 1} {_WORDS}\r\n" for each in range(due)
            )
            self._to.sendall(said.encode())
            self.sent += due
            time.sleep(0.005)
        self.took = time.monotonic() - begin


def _first_paint(port: int) -> float:
    begin = time.perf_counter()
    with _client(port) as alice:
        while "#lobby >" not in alice.shown():
            assert alice.look(_PATIENCE), "nothing was painted"
        return time.perf_counter() - begin


def _python() -> float:
    begin = time.perf_counter()
    pid = os.posix_spawn(sys.executable, [sys.executable, "-c", "pass"], os.environ)
    os.waitpid(pid, 0)
    return time.perf_counter() - begin


def _echo(alice: Terminal, place: int) -> float:
    """Press a key; return the seconds until the terminal is given its letter."""
    letter = LETTERS[place % len(LETTERS)]
    if not place % (len(LETTERS) - 1):
        # The line is full enough. Each time it begins with another letter: what is there already,
        # no program writes again.
        alice.type("\x15")
    sought = letter.encode()
    alice.written.clear()
    begin = time.perf_counter()
    alice.type(letter)
    while sought not in alice.written:
        assert time.perf_counter() - begin < _PATIENCE, "the key was never seen"
        alice.look(1.0)
    return time.perf_counter() - begin


def _resident(pid: int) -> float:
    """Return the MB that a process has in memory (proc(5), VmRSS in kB)."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024 / 1e6
