"""``chatd inspect``: what it shows is what the kernel, the log and the client know themselves."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness import PATIENCE, Client, Server, descriptors, eventually, serving
from server_commands import run_chatd

POISONOUS = [sys.executable, str(Path(__file__).with_name("poisonous.py"))]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One for all tests here, who each bring their own people."""
    with serving(tmp_path_factory.mktemp("server")) as running:
        yield running


def run(server: Server, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_chatd("inspect", f"--runtime-dir={server.runtime_dir}", *arguments)


def inspect(server: Server, who: str) -> dict[str, Any]:
    done = run(server, who, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def sections(server: Server, who: str) -> dict[str, dict[str, str]]:
    """Return what people are shown, by section and key."""
    done = run(server, who)
    assert (done.returncode, done.stderr) == (0, "")
    found = {}
    for part in done.stdout.strip().split("\n\n"):
        head, *rows = part.splitlines()
        found[head] = {key: value for key, _, value in (r.strip().partition("  ") for r in rows)}
    return {head: {k: v.strip() for k, v in rows.items()} for head, rows in found.items()}


def test_a_session_is_found_by_nick_pid_and_number(server: Server) -> None:
    server.connect("bob")
    server.connect("ben")
    found = inspect(server, "BOB")
    assert found["session"]["nick"] == "bob"
    number, pid = found["session"]["session"], found["session"]["pid"]
    assert pid == server.worker_of("bob")
    for who in (f"#{number}", str(pid)):
        assert inspect(server, who)["session"]["nick"] == "bob"


@pytest.mark.parametrize(
    ("who", "told"),
    [
        ("nobody", "nobody is called nobody"),
        ("#99", "there is no session #99"),
        ("1", "no worker has the pid 1"),
        ("#lobby", "nobody is called #lobby"),
    ],
)
def test_who_is_not_there_is_told(server: Server, who: str, told: str) -> None:
    done = run(server, who)
    assert (done.returncode, done.stdout, done.stderr) == (1, "", f"chatd: {told}\n")


def test_the_offsets_and_the_socket_are_what_the_kernel_counts(server: Server) -> None:
    alice = server.connect("alice")
    said = b"/nick alice\nhello\n"
    alice.send("hello\n")
    alice.until("alice : hello")
    alice.send("half a line")
    unread = eventually(
        "it has come",
        lambda: (f := inspect(server, "alice"))["session"]["reading"]["unread"] and f,
    )
    session, tcp = unread["session"], unread["tcp"]
    reading = session["reading"]
    assert (reading["committed"], reading["consumed"]) == (len(said), len(said))
    assert reading["unread"] == len("half a line")
    assert tcp["bytes_received"] == reading["consumed"] + reading["unread"]
    assert tcp["state"] == "ESTABLISHED"
    # What ss(8) says of the same socket.
    port = alice.socket.getsockname()[1]
    shown = subprocess.check_output(
        ["ss", "-tinH", "state", "established", f"sport = :{server.port} and dport = :{port}"],
        text=True,
    )
    assert f"bytes_received:{tcp['bytes_received']} " in shown
    assert f"bytes_acked:{tcp['bytes_acked']} " in shown
    assert re.search(rf"\bcwnd:{tcp['cwnd']}\b", shown)
    written = session["writing"]["written"]
    assert written == tcp["bytes_acked"] + session["writing"]["unacknowledged"]
    seen = sections(server, "alice")
    assert seen["READING"]["unread"] == "11 bytes, in the socket (FIONREAD)"
    assert seen["SOCKET"]["tcp state"] == "ESTABLISHED"


def test_what_the_client_has_not_taken_is_shown(server: Server) -> None:
    server.connect("slow", receive_buffer=4096)
    ann = server.connect("ann")
    for number in range(40):
        ann.send(f"{number} {'x' * 8000}\n")
        ann.until(f"ann : {number} x")
    found = inspect(server, "slow")["session"]["writing"]
    assert found["unacknowledged"] > 0
    assert found["written"] + found["queued"] > 40 * 8000


def test_descriptors_limits_and_walls_are_those_of_proc(server: Server) -> None:
    server.connect("carol")
    pid = server.worker_of("carol")
    found = inspect(server, "carol")
    process = found["process"]
    assert {int(k): v for k, v in process["descriptors"].items()} == descriptors(pid)
    assert f"socket:[{found['session']['socket']['inode']}]" in process["descriptors"].values()
    soft = subprocess.check_output(
        ["prlimit", f"--pid={pid}", "--nofile", "--raw", "--noheadings", "--output=SOFT"]
    )
    assert process["limits"]["open files"][0] == soft.decode().strip()
    status = Path(f"/proc/{pid}/status").read_text()
    walls = process["walls"]
    assert walls["no_new_privs"] == ("NoNewPrivs:\t1\n" in status)
    assert f"CapEff:\t{walls['capabilities']}\n" in status
    seen = sections(server, "carol")
    assert any("the client" in value for value in seen["DESCRIPTORS"].values())
    assert seen["WALLS"]["seccomp"].startswith(walls["seccomp"])
    assert set(seen["LIMITS"]) >= {"open files", "address space", "processes"}


def test_deaths_are_told_with_cause_and_offset(server: Server) -> None:
    dave = server.connect("dave")
    offset = len("/nick dave\n")
    pids = []
    for round_ in range(7):
        pid = server.worker_of("dave")
        os.kill(pid, signal.SIGKILL if round_ else signal.SIGSEGV)
        pids.append(pid)
        dave.send("on\n")
        dave.until("dave : on")
    deaths = inspect(server, "dave")["session"]["deaths"]
    assert [death["pid"] for death in deaths] == pids[-5:]
    assert {death["how"] for death in deaths} == {"was killed by SIGKILL"}
    assert [death["offset"] for death in deaths] == [offset + 3 * n for n in range(2, 7)]
    seen = sections(server, "dave")["RESTARTS"]
    assert seen["in all"] == "7; the log has every one"
    assert sum("was killed by SIGKILL at offset" in told for told in seen.values()) == len(
        {death["when"] // 1 for death in deaths}
    )


def test_quarantined_lines_are_named(tmp_path: Path) -> None:
    with serving(tmp_path, program=POISONOUS) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.send("boom\n")
        alice.until("crashed")
        (kept,) = (server.state_dir / "quarantine").iterdir()
        found = inspect(server, "alice")
        assert found["quarantined"] == [str(kept)]
        assert found["session"]["deaths"][-1]["how"] == "was killed by SIGSEGV"
        assert found["session"]["deaths"][-1]["announced"] == len("boom\n")
        assert inspect(server, "bob")["quarantined"] == []
        assert str(kept) in sections(server, "alice")["QUARANTINED LINES"]
        bob.close()


def test_of_a_relay_it_is_said_which_socket_that_is(tmp_path: Path) -> None:
    path = tmp_path / "chat.sock"
    listen = '[[listen]]\naddress = "127.0.0.1:0"\n'
    with serving(tmp_path, f'{listen}[[listen]]\naddress = "unix:{path}"\n') as server:
        client = Client.__new__(Client)
        client.socket = socket.socket(socket.AF_UNIX)
        client.socket.settimeout(PATIENCE)
        client.socket.connect(str(path))
        client.received = bytearray()
        client.greet("alice")
        found = inspect(server, "alice")
        assert found["session"]["way"] == ["unix"]
        assert found["session"]["socket"]["relay"] == "unix"
        assert len(found["process"]["descriptors"]) > 2
        which = sections(server, "alice")["SOCKET"]["which"]
        assert "a Unix socket, is the worker's alone" in which
        client.close()
