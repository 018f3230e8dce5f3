"""chat-client from outside: in a pipe and on a terminal, with chatd and with the lab's server."""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_harness import Terminal, greeting, hear_out, meeting, piped, reader_of
from harness import CHAT_CLIENT, PATIENCE, Server

HERE = Path(__file__).parent


@pytest.fixture
def lab() -> Iterator[str]:
    """Run the lab's server; the address."""
    server = subprocess.Popen(
        [sys.executable, HERE / "lab_server.py", "0"],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert server.stdout
    yield f"127.0.0.1:{server.stdout.readline().strip()}"
    os.killpg(server.pid, signal.SIGKILL)
    server.wait(PATIENCE)
    server.stdout.close()


def test_a_line_through_a_pipe(server: Server) -> None:
    bob = server.connect("bob")
    done = piped("hi\n", f"localhost:{server.port}", "--nick", "bot")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-2:] == ["bot : hi", "--- closing: goodbye"]
    assert bob.until("left")[-2] == "bot : hi"


def test_many_lines_through_a_pipe_all_come_back(server: Server) -> None:
    lines = [f"line {n}" for n in range(20_000)]
    done = piped("\n".join(lines), f"127.0.0.1:{server.port}", "--nick", "bot", patience=60)
    assert done.returncode == 0, done.stderr
    shown = done.stdout.splitlines()
    assert [line for line in shown if line.startswith("bot :")] == [f"bot : {x}" for x in lines]


def test_on_a_terminal(server: Server) -> None:
    bob = server.connect("bob")
    alice = Terminal(f"127.0.0.1:{server.port}", "--nick", "alice", "--plain")
    alice.sees("now called alice")
    titles = [
        Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        for pid in (alice.pid, reader_of(alice.pid))
    ]
    assert titles == ["chat-client: alice", "chat-client: alice (reading)"]
    bob.send("hello\n")
    alice.sees("bob : hello")
    alice.type("good day\n")
    alice.sees("alice : good day")
    alice.type("\x04")
    assert alice.exit_code() == 0
    assert bob.until("alice left")[-2] == "alice : good day"


def test_through_a_pipe_each_line_comes_at_once(server: Server) -> None:
    bob = server.connect("bob")
    cat = subprocess.Popen(
        f"{CHAT_CLIENT} 127.0.0.1:{server.port} --nick cat | cat",
        shell=True,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert cat.stdin
    assert cat.stdout
    while "now called cat" not in cat.stdout.readline():
        pass
    for word in ("one", "two", "three"):
        bob.send(f"{word}\n")
        assert cat.stdout.readline() == f"bob : {word}\n"
    cat.stdin.close()
    assert cat.wait(PATIENCE) == 0
    cat.stdout.close()


@pytest.mark.parametrize("url", [False, True])
def test_the_labs_server_is_spoken_to(lab: str, *, url: bool) -> None:
    where = [f"lab://{lab}"] if url else [lab, "--lab"]
    done = piped("bonjour\nà tous", *where, "--nick", "zoé")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "zoé : bonjour\nzoé : à tous\n"


def test_with_the_labs_server_one_is_called_as_one_is(lab: str) -> None:
    done = subprocess.run(
        [CHAT_CLIENT, lab, "--lab"],
        input=b"bonjour\n",
        capture_output=True,
        timeout=PATIENCE,
        check=True,
        env={**os.environ, "USER": "zo\x1b\xe9\udcff"},
    )
    assert done.stdout.decode() == "zo\ufffdé\ufffd : bonjour\n"


def heard_until(program: "subprocess.Popen[str]", words: str) -> str:
    """Return what ``program`` prints, until it has printed ``words``."""
    assert program.stdout
    heard = ""
    while words not in heard:
        assert select.select([program.stdout], [], [], PATIENCE)[0], f"only {heard!r}"
        data = os.read(program.stdout.fileno(), 4096)
        assert data, f"it has ended after {heard!r}"
        heard += data.decode()
    return heard


def test_people_talk_on_the_labs_server(lab: str) -> None:
    alice = Terminal(lab, "--nick", "alice", "--lab", "--plain")
    host, port = lab.split(":")
    other = subprocess.Popen(
        [sys.executable, HERE / "lab_client.py", host, "bob", port],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert other.stdin
    assert other.stdout
    # Nobody is told who is there: bob repeats himself until alice has heard him.
    deadline = time.monotonic() + PATIENCE
    while "bob : salut" not in alice.shown:
        assert time.monotonic() < deadline
        other.stdin.write("salut\n")
        other.stdin.flush()
        alice.sees_more(0.2)
    alice.type("bonjour\n")
    alice.sees("\nalice : bonjour\r\n")
    # That client prints the first of what comes in one read: she goes when he has heard her.
    heard = heard_until(other, "alice : bonjour")
    alice.type("\x04")
    # She leaves though that server never closes her connection.
    assert alice.exit_code() == 0
    heard += heard_until(other, "alice :")
    assert re.search("(bob : salut)+alice : bonjouralice :", heard)
    os.killpg(other.pid, signal.SIGKILL)
    other.communicate()


def test_one_leaves_a_server_that_never_falls_silent() -> None:
    def act(client: socket.socket) -> None:
        said = b""
        client.settimeout(0.05)
        while not said.endswith(b"a :\0"):
            client.sendall(b"b : and so on\0\0")
            try:
                heard = client.recv(1023)
            except TimeoutError:
                continue
            client.sendall(heard + b"\0")
            said += heard
        while True:  # until the client has gone
            client.sendall(b"b : and so on\0\0")

    with meeting(act) as address:
        done = piped("hi\n", address, "--lab", "--nick", "a")
    assert done.returncode == 0, done.stderr
    assert "\na : hi\n" in done.stdout


def test_what_another_sends_cannot_touch_the_terminal() -> None:
    def act(client: socket.socket) -> None:
        client.sendall(b"evil : \x1b[2J\x07\xff\r\0tab\there\n\0")
        hear_out(client)

    with meeting(act) as address:
        done = piped("", address, "--lab", "--nick", "a")
    assert done.stdout.splitlines() == ["evil : \ufffd[2J\ufffd\ufffd", "--- tab here"]


def test_what_is_no_chat_server_is_said() -> None:
    def act(client: socket.socket) -> None:
        client.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
        hear_out(client)

    with meeting(act) as address:
        done = piped("", address)
    assert done.returncode == 76
    assert "is not a chat server" in done.stderr


def test_a_server_that_hangs_up_at_once_is_said() -> None:
    with meeting(socket.socket.close) as address:
        done = piped("", address)
    assert (done.returncode, done.stderr) == (
        69,
        f"chat-client: {where(address)} hung up at once\n",
    )


def test_a_name_that_is_taken_is_the_servers_to_say(server: Server) -> None:
    server.connect("bob")
    done = piped("", f"127.0.0.1:{server.port}", "--nick", "bob")
    assert done.returncode == 0
    assert "--- nick bob is in use" in done.stdout


@pytest.mark.parametrize("nick", [b"", b" ", b"a\nb", b"\xff", b"\x1b[2J"])
def test_what_cannot_be_a_name_is_refused_before_anything_is_said(nick: bytes) -> None:
    done = piped("", "127.0.0.1:1", "--nick", nick)
    assert done.returncode == 2
    assert "cannot be a name" in done.stderr
    assert "\x1b" not in done.stderr


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


def where(address: str) -> str:
    host, port = address.split(":")
    return f"{host} port {port}"


def test_nobody_listens() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        done = piped("", f"127.0.0.1:{unused.getsockname()[1]}")
    assert done.returncode == 69
    assert "no server listens on 127.0.0.1 port" in done.stderr


@pytest.mark.parametrize("stream", ["<&-", "</dev/null >&-", "</dev/null 2>&-", "<&- >&- 2>&-"])
def test_a_standard_stream_that_is_closed_is_not_the_socket(stream: str) -> None:
    heard = b""

    def act(client: socket.socket) -> None:
        nonlocal heard
        while not heard.endswith(b"/quit \n"):
            heard += client.recv(1024)

    with meeting(greeting(act)) as address:
        done = subprocess.run(
            f"{CHAT_CLIENT} {address} --nick a {stream}", shell=True, timeout=PATIENCE, check=False
        )
    assert (done.returncode, heard) == (0, b"/nick a\n/quit \n")
