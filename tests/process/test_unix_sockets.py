"""Unix sockets to listen on: who comes there is known by name, and is a client as any other."""

import os
import pwd
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from administered import done
from chatd_supervisor.account_editing import editing, new_account
from chatd_supervisor.hashing import derive
from harness import CHATD, PATIENCE, Client, Server, eventually, serving

ME = pwd.getpwuid(os.getuid()).pw_name


class LocalClient(Client):
    """A person on ``nc -U``."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.received = bytearray()


def listeners(path: Path, more: str = "") -> str:
    plain = '[[listen]]\naddress = "127.0.0.1:0"\n'
    return f'{plain}[[listen]]\naddress = "unix:{path}"\n{more}'


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chat.sock"


@pytest.fixture
def server(tmp_path: Path, path: Path) -> Iterator[Server]:
    with serving(tmp_path, listeners(path)) as running:
        yield running
    assert not path.exists()


def connect(server: Server, path: Path, nick: str) -> LocalClient:
    client = LocalClient(path)
    server.clients.append(client)
    client.greet(nick)
    return client


def test_people_talk_over_a_unix_socket_and_tcp(server: Server, path: Path) -> None:
    alice, bob = connect(server, path, "alice"), server.connect("bob")
    alice.until("is now bob")
    alice.send("hello\n")
    assert alice.line() == bob.line() == "alice : hello"
    shown = {one["nick"]: one for one in server.ask("ps")}["alice"]
    assert shown["way"] == ["unix"]
    assert shown["peer"] == f"unix:{ME}:{os.getpid()}"
    assert f"chatd: alice@unix:{ME}:{os.getpid()} text #lobby" in server.titles()
    listed = server.ask("status")["listen"][1]
    assert listed == {
        "address": f"unix:{path}",
        "dialect": "text",
        "way": ["unix"],
        "certificate": None,
    }


def test_nc_is_a_client_and_gets_the_last_words(server: Server, path: Path) -> None:
    bob = server.connect("bob")
    done = subprocess.run(
        ["nc", "-N", "-U", str(path)],
        input=b"/nick alice\n" + b"hello\n" * 1000,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    heard = bob.until("alice left #lobby (connection closed)")
    assert heard.count("alice : hello") == 1000
    assert done.stdout.decode().splitlines().count("alice : hello") == 1000


def test_one_who_has_gone_is_heard_to_the_end(server: Server, path: Path) -> None:
    bob = server.connect("bob")
    for n in range(20):
        alice = LocalClient(path)
        alice.send(f"line {n}\n")
        # Nothing can be sent to it any more, and what it has said is still to be read.
        alice.close()
        bob.until(f": line {n}")


def test_the_master_and_the_worker_are_killed(tmp_path: Path, path: Path) -> None:
    server = Server(tmp_path, listeners(path))
    alice, bob = connect(server, path, "alice"), server.connect("bob")
    alice.until("is now bob")
    worker = server.worker_of("alice")
    for n in range(3):
        alice.send("half ")
        server.kill_master()
        alice.send(f"a line {n}\n")
        server.again()
        eventually("the next master is ready", server.is_ready)
        assert alice.line() == bob.line() == f"alice : half a line {n}"
    assert server.worker_of("alice") == worker
    os.kill(worker, signal.SIGKILL)
    assert bob.line() == "--- alice left #lobby (its Unix socket worker is gone)"
    assert alice.rest() == ""
    connect(server, path, "carol")
    assert server.stop() == 0


def test_an_upgrade_leaves_it_and_a_stop_tells_it(server: Server, path: Path) -> None:
    alice = connect(server, path, "alice")
    worker = server.worker_of("alice")
    os.kill(server.pid, signal.SIGUSR2)
    eventually("it has been upgraded", lambda: "all workers are new" in server.log())
    assert server.worker_of("alice") == worker
    bob = connect(server, path, "bob")
    alice.until("is now bob")
    begun = time.monotonic()
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(PATIENCE) == 0
    assert time.monotonic() - begun < 2.0
    for client in (alice, bob):
        assert client.rest().endswith("--- closing: the server is stopping\n")


def test_a_supervised_master_is_killed(tmp_path: Path, path: Path) -> None:
    with serving(tmp_path, listeners(path), supervised=True) as server:
        alice = connect(server, path, "alice")
        server.kill_master()
        # It is listened on all the time.
        bob = LocalClient(path)
        alice.send("hello\n")
        alice.until("alice : hello")
        bob.greet("bob")
        bob.close()
        eventually("ready", server.is_ready)
    assert not path.exists()


def test_the_mode_of_its_file_and_a_file_that_was_left(tmp_path: Path, path: Path) -> None:
    server = Server(tmp_path, listeners(path, 'mode = "0600"\n'))
    assert path.stat().st_mode & 0o777 == 0o600
    alice = connect(server, path, "alice")
    server.kill_master()
    server.again()
    eventually("the next master is ready", server.is_ready)
    alice.send("hello\n")
    assert alice.line() == "alice : hello"
    text = server.config_path.read_text()
    server.config_path.write_text(text.replace("0600", "0660"))
    os.kill(server.pid, signal.SIGHUP)
    eventually("the mode has changed", lambda: path.stat().st_mode & 0o777 == 0o660)
    server.config_path.write_text(re.sub(r'\[\[listen\]\]\naddress = "unix.*\n.*\n', "", text))
    os.kill(server.pid, signal.SIGHUP)
    eventually("it is not listened on", lambda: not path.exists())
    alice.send("still here\n")
    assert alice.line() == "alice : still here"
    assert server.stop() == 0


def test_the_limit_on_clients_counts_users(tmp_path: Path, path: Path) -> None:
    limit = "[limits]\nmax_clients_per_ip = 1\n[exempt]\naddresses = []\n"
    with serving(tmp_path, listeners(path) + limit) as server:
        connect(server, path, "alice")
        second = LocalClient(path)
        assert second.rest() == f"--- closing: the limit is 1 connection from unix:{ME}\n"
        second.close()
        server.connect("bob")


def test_whose_account_is_banned_is_told_so(server: Server, path: Path) -> None:
    with editing(server.state_dir / "journal.db") as editor:
        editor.change(new_account(ME, derive("sesame")))
    bob = server.connect("bob")
    done(server, "ban", "--account", ME, "enough")
    refused = LocalClient(path)
    assert refused.rest().endswith("--- closing: you are banned from this server: enough\n")
    refused.close()
    bob.until("left #lobby (banned)")
    bob.send("hello\n")
    assert bob.line() == "bob : hello"
    eventually("nobody else is there", lambda: len(server.ask("ps")) == 1)


def start(tmp_path: Path, path: Path) -> subprocess.CompletedProcess[str]:
    (tmp_path / "c.toml").write_text(f'[[listen]]\naddress = "unix:{path}"\n')
    directories = [f"--runtime-dir={tmp_path}/r", f"--state-dir={tmp_path}/s"]
    return subprocess.run(
        [CHATD, "run", f"--config={tmp_path}/c.toml", *directories],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def test_what_somebody_listens_on_and_what_is_no_socket_is_left_alone(
    tmp_path: Path, path: Path
) -> None:
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen(0)
        for _ in range(3):  # also when nobody accepts
            done = start(tmp_path, path)
            assert done.returncode == 69
            said = f"chatd: cannot listen on unix:{path}: somebody listens there"
            assert said in done.stderr
    path.unlink()
    path.write_text("mine")
    done = start(tmp_path, path)
    assert done.returncode == 69
    assert "there is something that is no socket; move it away" in done.stderr
    assert path.read_text() == "mine"
