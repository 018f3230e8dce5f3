"""chat-client from outside: in a pipe, on a terminal, and when either of its processes dies."""

import contextlib
import os
import pty
import re
import select
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import CHAT_CLIENT, PATIENCE, Server, eventually


def piped(
    said: str, *arguments: str, patience: float = PATIENCE
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [CHAT_CLIENT, *arguments],
        input=said,
        capture_output=True,
        text=True,
        timeout=patience,
        check=False,
    )


class Terminal:
    """chat-client on a terminal of its own."""

    def __init__(self, *arguments: str) -> None:
        self.pid, self.screen = pty.fork()
        if self.pid == 0:
            os.execv(CHAT_CLIENT, [CHAT_CLIENT, *arguments])
        self.shown = ""

    def sees(self, pattern: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not re.search(pattern, self.shown):
            left = deadline - time.monotonic()
            assert left > 0, f"no {pattern!r} in {self.shown!r}"
            if select.select([self.screen], [], [], left)[0]:
                try:
                    self.shown += os.read(self.screen, 65536).decode()
                except OSError:
                    assert re.search(pattern, self.shown), f"no {pattern!r} in {self.shown!r}"

    def type(self, text: str) -> None:
        os.write(self.screen, text.encode())

    def exit_code(self) -> int:
        def ended() -> tuple[int, int] | None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            return (pid, status) if pid else None

        found = eventually("chat-client ends", ended)
        assert found
        os.close(self.screen)
        return os.waitstatus_to_exitcode(found[1])

    def reader(self) -> int:
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        return int(eventually("a reader", lambda: path.read_text().split())[0])


def gone(pid: int) -> None:
    eventually(f"{pid} is gone", lambda: not Path(f"/proc/{pid}").exists())


def test_a_line_through_a_pipe(server: Server) -> None:
    bob = server.connect("bob")
    done = piped("hi\n", f"localhost:{server.port}", "--nick", "bot")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "bot : hi"
    assert bob.until("left")[-2:] == ["bot : hi", "--- bot left #lobby (connection closed)"]


def test_many_lines_through_a_pipe_all_come_back(server: Server) -> None:
    lines = [f"line {n}" for n in range(20_000)]
    done = piped("\n".join(lines), f"127.0.0.1:{server.port}", "--nick", "bot", patience=60)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert [line for line in shown if line.startswith("bot :")] == [f"bot : {x}" for x in lines]


def test_an_output_that_closes_early_is_quiet(server: Server) -> None:
    done = subprocess.run(
        f"(seq 50000; sleep 0.2) | {CHAT_CLIENT} 127.0.0.1:{server.port} | head -n 2",
        shell=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=True,
    )
    assert len(done.stdout.splitlines()) == 2
    assert done.stderr == ""


def test_on_a_terminal(server: Server) -> None:
    bob = server.connect("bob")
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice")
    alice.sees("is now alice")
    titles = [
        Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        for pid in (alice.pid, alice.reader())
    ]
    assert titles == ["chat-client: alice", "chat-client: alice (reading)"]
    bob.send("hello\n")
    alice.sees("bob : hello")
    alice.type("good day\n")
    alice.sees("alice : good day")
    alice.type("\x04")
    assert alice.exit_code() == 0
    assert bob.until("alice left")[-2] == "alice : good day"


def test_ctrl_c_ends_both(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice")
    alice.sees("is now alice")
    reader = alice.reader()
    alice.type("\x03")
    assert alice.exit_code() == 130
    gone(reader)


def test_the_reader_killed(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice")
    alice.sees("is now alice")
    os.kill(alice.reader(), signal.SIGKILL)
    alice.sees("chat-client: the reading process has died")
    assert alice.exit_code() == 70


def test_the_keyboards_process_killed(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice")
    alice.sees("is now alice")
    reader = alice.reader()
    os.kill(alice.pid, signal.SIGKILL)
    assert alice.exit_code() == -signal.SIGKILL
    gone(reader)
    eventually("the server has noticed", lambda: server.ask("ps") == [])


def test_quitting_by_command_is_in_good_order(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}")
    alice.sees("Welcome")
    alice.type("/quit\n")
    alice.sees("closing: goodbye")
    assert alice.exit_code() == 0


def test_the_server_gone_is_said(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}")
    alice.sees("Welcome")
    server.process.terminate()
    alice.sees("chat-client: the server has closed the connection")
    assert alice.exit_code() == 1


@pytest.mark.parametrize(
    ("arguments", "code", "why"),
    [
        (["nosuch.invalid"], 68, "nobody knows the name nosuch.invalid"),
        (["localhost:70000"], 2, "'70000' is not a port"),
        (["[::1"], 2, "is not [ADDRESS]:PORT"),
    ],
)
def test_why_there_is_no_connection(arguments: list[str], code: int, why: str) -> None:
    done = piped("", *arguments)
    assert (done.returncode, why in done.stderr) == (code, True), done.stderr


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = piped("", f"127.0.0.1:{unused.getsockname()[1]}")
    assert done.returncode == 69
    assert "no server listens on 127.0.0.1 port" in done.stderr


class LabServer:
    """A stand-in for the lab's server: what one client writes goes to all, with a NUL more."""

    def __init__(self, greeting: bytes = b"") -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.greeting = greeting
        self.reads: list[bytes] = []
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        client, _ = self.listener.accept()
        # One that does not like the greeting hangs up with bytes unread: a reset.
        with client, contextlib.suppress(ConnectionResetError):
            client.sendall(self.greeting)
            while data := client.recv(1023):
                self.reads.append(data)
                client.sendall(data + b"\0")

    def close(self) -> None:
        self.listener.close()
        self.thread.join(PATIENCE)


@pytest.fixture
def lab() -> Iterator[LabServer]:
    server = LabServer()
    yield server
    server.close()


def test_the_labs_server_is_found_out_and_spoken_to(lab: LabServer) -> None:
    done = piped("bonjour\nà tous\n", f"127.0.0.1:{lab.port}", "--nick", "zoé")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "zoé : bonjour\nzoé : à tous\nzoé :\n"
    assert b"".join(lab.reads) == "zoé : bonjour\0zoé : à tous\0zoé :\0".encode()


def test_what_another_sends_cannot_touch_the_terminal() -> None:
    server = LabServer(b"evil : \x1b[2J\x07\xff\r\0tab\there\n\0")
    done = piped("", f"127.0.0.1:{server.port}", "--lab", "--nick", "a")
    server.close()
    assert done.stdout.splitlines()[:2] == ["evil : \ufffd[2J\ufffd\ufffd", "tab here"]


def test_what_is_no_chat_server_is_said() -> None:
    server = LabServer(b"SSH-2.0-OpenSSH_9.2\r\n")
    done = piped("", f"127.0.0.1:{server.port}")
    server.close()
    assert done.returncode == 76
    assert "this is not a chat server" in done.stderr
