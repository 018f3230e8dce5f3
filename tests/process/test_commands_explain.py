"""What the commands say when something is not as it was thought."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from harness import CHATD, PATIENCE, Client, Server, chatd, eventually, serving
from rootless import UID, rootless
from server_commands import run_chatd


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
@pytest.mark.parametrize(
    ("command", "more"),
    [
        ("stop", []),
        ("status", []),
        ("history", []),
        ("account list", []),
        ("account add", ["a", "--password-stdin"]),
        ("backup", ["/tmp/none"]),
    ],
)
def test_a_missing_permission_is_a_sentence_that_says_whose_it_is(
    command: str, more: list[str]
) -> None:
    with rootless("") as server:
        state = [f"--state-dir={server.state_dir}"] if command != "status" else []
        assert server.do("start", "--listen=127.0.0.1:0").returncode == 0
        done = server.do(command, *more, *state, user=UID, input="secret\n")
        assert done.returncode
        assert "Errno" not in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.startswith("chatd: ")
        assert "ermission" in done.stderr
        assert server.do("stop").returncode == 0


def test_a_room_that_is_not_there_is_told_and_is_no_success(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        server.connect("alice").send("hello\n")
        eventually("it is written", lambda: "hello" in chatd(server, "history", "lobby"))
        done = run_chatd("history", *server.options(), "nosuch")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == "chatd: nothing was ever said in #nosuch, as far as is kept\n"
        done = run_chatd("history", *server.options(), "lobby", "--search", "goodbye")
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_say_knows_a_room_without_its_sign(tmp_path: Path) -> None:
    with serving(tmp_path) as server:
        alice = server.connect("alice")
        done = run_chatd("say", f"--runtime-dir={server.runtime_dir}", "lobby", "tea", "time")
        assert done.stdout == "chatd: said to 1 client in #lobby\n"
        alice.until("tea time")


def test_few_descriptors_are_told(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as written:
        server = subprocess.Popen(
            [
                *["sh", "-c", 'ulimit -n 64; exec "$@"', "sh", CHATD, "run"],
                "--listen=127.0.0.1:0",
                f"--runtime-dir={tmp_path / 'r'}",
                f"--state-dir={tmp_path / 's'}",
            ],
            stderr=written,
        )
    try:
        eventually("it is ready", lambda: "chatd: ready " in log.read_text())
        assert "chatd: few descriptors limit=64 clients=0 " in log.read_text()
    finally:
        server.terminate()
        server.wait(PATIENCE)


def test_a_name_means_all_its_addresses(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    found = socket.getaddrinfo("localhost", port, type=socket.SOCK_STREAM)
    hosts = {str(where[0]) for *_, where in found}
    listen = f'[[listen]]\naddress = "localhost:{port}"\n'
    with serving(tmp_path, listen) as server:
        for host in hosts:
            Client(port, host).greet().close()
        shown = {one["address"] for one in server.ask("status")["listen"]}
        assert shown == {f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host in hosts}
        assert run_chatd("reload", f"--runtime-dir={server.runtime_dir}").returncode == 0
        assert server.log().count("chatd: listening ") == len(hosts)


def test_what_changes_nothing_is_told_by_check_config_and_a_start(tmp_path: Path) -> None:
    config = '[sandbox]\nmode = "off"\nmemory_mb = 64\n'
    server = Server(tmp_path, config)
    try:
        key = "sandbox.memory_mb"
        said = f'chatd: key without effect key={key} reason="sandbox.mode is off"'
        assert said in server.log()
        done = run_chatd("check-config", f"--config={server.config_path}")
        assert done.returncode == 0
        assert done.stderr == f"chatd: {key} has no effect: sandbox.mode is off\n"
    finally:
        assert server.stop() == 0
