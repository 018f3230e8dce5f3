"""How chat-client ends: neither of its processes outlives the other, and the exit code says why."""

import fcntl
import os
import signal
import socket
import struct
import subprocess
import termios
import threading
from pathlib import Path
from typing import IO

import pytest

from client_harness import (
    Terminal,
    gone,
    greeting,
    hear_out,
    meeting,
    reader_of,
)
from harness import CHAT_CLIENT, PATIENCE, Client, Server, eventually, serving
from irc_harness import IRC_LISTEN


def flood(client: socket.socket) -> None:
    """Talk without end."""
    while True:
        client.sendall(b"x : and so on, and so forth\n" * 1000)


def comes_to_rest(pipe: IO[bytes]) -> None:
    """Wait until ``pipe`` holds as much as it did for the last 0.2 s at least, and that is much."""
    levels: list[int] = []

    def rests() -> bool:
        (level,) = struct.unpack("i", fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)))
        levels.append(level)
        return level > 4096 and levels[-20:] == [level] * 20

    eventually("nothing flows any more", rests)


def test_ctrl_c_ends_both(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    alice.sees("now called alice")
    reader = reader_of(alice.pid)
    alice.type("\x03")
    assert alice.exit_code() == 130
    assert not Path(f"/proc/{reader}").exists()


def test_ctrl_c_before_there_is_a_greeting() -> None:
    accepted = threading.Event()

    def act(client: socket.socket) -> None:
        accepted.set()
        hear_out(client)

    with meeting(act) as address:
        alice = Terminal(address, "--plain")
        assert accepted.wait(PATIENCE)
        alice.type("\x03")
        assert alice.exit_code() == 130
    assert "Traceback" not in alice.shown


def test_the_reader_killed(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    before = termios.tcgetattr(alice.screen)
    alice.sees("now called alice")
    reader = reader_of(alice.pid)
    os.kill(reader, signal.SIGKILL)
    alice.sees("the reading process has died of signal 9")
    assert termios.tcgetattr(alice.screen) == before
    alice.type("still here\n")
    alice.sees("alice : still here")
    assert reader_of(alice.pid) != reader
    alice.type("\x04")
    assert alice.exit_code() == 0


def test_the_reader_killed_again_and_again_while_lines_are_said(tmp_path: Path) -> None:
    """Each line comes once, and in order: what is not acknowledged is said again, by its id."""
    said = [f"bot : line {n}" for n in range(3000)]
    config = IRC_LISTEN + '[[listen]]\naddress = "127.0.0.1:0"\n'
    with serving(tmp_path, config) as server:
        irc, text = server.ports
        bob = Client(text).greet("bob")
        with subprocess.Popen(
            [CHAT_CLIENT, f"irc://127.0.0.1:{irc}/lobby", "--nick", "bot", "--quiet"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as client:
            assert client.stdin
            assert client.stderr
            heard: list[str] = []
            for place in range(0, len(said), 500):
                lines = [line.removeprefix("bot : ") for line in said[place : place + 500]]
                client.stdin.write("".join(f"{line}\n" for line in lines))
                client.stdin.flush()
                heard += bob.until(said[place])
                os.kill(reader_of(client.pid), signal.SIGKILL)
            client.stdin.close()
            assert client.wait(60) == 0, client.stderr.read()
        heard += bob.until(said[-1])
        bob.close()
    # Under whatever name: for a moment the former one may still be there.
    lines = [line.partition(" : ")[2] for line in heard if " : line " in line]
    assert lines == [line.partition(" : ")[2] for line in said]


def test_the_keyboards_process_killed(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    alice.sees("now called alice")
    reader = reader_of(alice.pid)
    os.kill(alice.pid, signal.SIGKILL)
    assert alice.exit_code() == -signal.SIGKILL
    gone(reader)
    eventually("the server has noticed", lambda: server.ask("ps") == [])


def test_the_keyboards_process_killed_while_nobody_reads_the_output() -> None:
    with (
        meeting(greeting(flood)) as address,
        subprocess.Popen(
            [CHAT_CLIENT, address], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as client,
    ):
        reader = reader_of(client.pid)
        assert client.stdout
        comes_to_rest(client.stdout)
        client.kill()
        client.wait(PATIENCE)
        gone(reader)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGHUP])
def test_ended_by_a_signal(server: Server, stop: signal.Signals) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    alice.sees("now called alice")
    reader = reader_of(alice.pid)
    os.kill(alice.pid, stop)
    assert alice.exit_code() == -stop
    gone(reader)


def test_the_terminal_closed(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    alice.sees("now called alice")
    reader = reader_of(alice.pid)
    os.close(alice.screen)
    assert os.waitstatus_to_exitcode(os.waitpid(alice.pid, 0)[1]) == -signal.SIGHUP
    gone(reader)


@pytest.mark.parametrize("quitting", ["/quit\n", "/QUIT see you\n", "hello\n/quit\n"])
def test_quitting_by_command_is_in_good_order(server: Server, quitting: str) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--plain")
    alice.sees("Welcome")
    alice.type(quitting)
    alice.sees("closing: ")
    assert alice.exit_code() == 0


def test_the_server_gone_is_said(server: Server) -> None:
    alice = Terminal(f"127.0.0.1:{server.port}", "--plain")
    alice.sees("Welcome")
    server.process.terminate()
    alice.sees("chat-client: .*; trying again")
    alice.type("\x03")
    assert alice.exit_code() == 130


def test_a_connection_cut_is_said() -> None:
    cut = threading.Event()

    def act(client: socket.socket) -> None:
        assert cut.wait(PATIENCE)
        # socket(7), SO_LINGER: with a time of 0, close() resets the connection.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    with meeting(greeting(act)) as address:
        alice = Terminal(address, "--plain")
        alice.sees("Welcome")
        cut.set()
        alice.sees("chat-client: .*; trying again")
        alice.type("\x03")
        assert alice.exit_code() == 130


def test_a_server_that_closes_before_all_was_said() -> None:
    """It may have heard nothing: that is no success."""

    def act(client: socket.socket) -> None:
        assert client.recv(64).startswith(b"/nick a\n")
        client.shutdown(socket.SHUT_RDWR)

    with (
        meeting(greeting(act)) as address,
        subprocess.Popen(
            [CHAT_CLIENT, address, "--nick", "a", "--timeout", "2"],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
        ) as client,
    ):
        assert client.stdin
        client.stdin.write(b"one\n")
        client.stdin.close()
        assert client.wait(PATIENCE) == 1
        assert client.stderr
        assert b"chat-client: given up: the server has not acknowledged" in client.stderr.read()


def test_an_output_that_closes_early_is_quiet_but_no_success(server: Server) -> None:
    """Like any program that a closed pipe ends: 128 and SIGPIPE; with nothing more to show too."""
    holding, keyboard = os.pipe()
    done = subprocess.run(
        [
            "bash",
            "-c",
            f'"{CHAT_CLIENT}" 127.0.0.1:{server.port} | head -n 1; echo ${{PIPESTATUS[@]}}',
        ],
        stdin=holding,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    os.close(holding)
    os.close(keyboard)
    assert done.stdout.splitlines()[1:] == ["141 0"]
    assert done.stderr == ""


def test_an_output_that_takes_nothing_is_said(server: Server) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [CHAT_CLIENT, f"127.0.0.1:{server.port}"],
            input=b"",
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == (
        b"chat-client: what the server says cannot be shown: No space left on device\n"
    )


def test_an_input_that_cannot_be_read_is_said(server: Server) -> None:
    with Path(os.devnull).open("wb") as unreadable:
        done = subprocess.run(
            [CHAT_CLIENT, f"127.0.0.1:{server.port}"],
            stdin=unreadable,
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
    assert done.returncode == 74
    assert done.stderr == b"chat-client: the input cannot be read: Bad file descriptor\n"
