"""What ``chatd inspect`` makes of what the kernel tells: TCP_INFO, /proc, and words for people."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor import process_view, tcp_info
from chatd_supervisor.inspect_text import text


def test_tcp_info_is_read_as_the_kernel_writes_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        near = socket.create_connection(listener.getsockname())
        far, _ = listener.accept()
    with near, far:
        near.sendall(b"x" * 1234)
        assert far.recv(1234, socket.MSG_WAITALL | socket.MSG_PEEK) == b"x" * 1234
        info = tcp_info.read(far.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256))
        assert info["state"] == "ESTABLISHED"
        assert info["bytes_received"] == 1234
        assert info["last_data_received"] < 10_000
        near.shutdown(socket.SHUT_WR)
        far.recv(2000)
        assert far.recv(1) == b""
        info = tcp_info.read(far.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256))
        assert info["state"] == "CLOSE-WAIT"


@pytest.mark.parametrize("size", [0, 1, 7, 104, 135])
def test_a_shorter_answer_has_fewer_fields(size: int) -> None:
    whole = tcp_info.read(bytes(256))
    short = tcp_info.read(bytes(size))
    assert set(short) < set(whole)
    assert "bytes_received" not in short


def test_a_state_that_nobody_knows_is_a_number() -> None:
    assert tcp_info.read(b"\x2a" + bytes(200))["state"] == "42"


def test_our_own_process_is_seen_as_it_is() -> None:
    found = process_view.look(os.getpid())
    assert found is not None
    assert (found["pid"], found["parent"], found["uid"]) == (os.getpid(), os.getppid(), os.getuid())
    assert found["nice"] == os.getpriority(os.PRIO_PROCESS, 0)
    assert found["descriptors"]["0"] == os.readlink("/proc/self/fd/0")
    assert found["limits"]["open files"][0].isdecimal()
    assert found["resident"] > found["private"] > 0


def test_who_may_not_look_is_told_less() -> None:
    """Process 1 is root's; of it, nobody else may see descriptors."""
    script = (
        "import os, json\n"
        "from chatd_supervisor import process_view\n"
        "process_view.look(os.getpid())\n"  # has all imported that nobody else may read
        "os.getuid() or os.setuid(65534)\n"
        "print(json.dumps(process_view.look(1)))\n"
    )
    environ = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environ
    )
    found = json.loads(done.stdout)
    assert found["descriptors"] is None
    assert found["private"] is None
    assert found["walls"]["seccomp"] in process_view.SECCOMP.values()


def test_a_process_that_is_gone_is_none() -> None:
    gone = subprocess.Popen(["true"])
    gone.wait()
    assert process_view.look(gone.pid) is None


@pytest.mark.parametrize(
    ("uid", "seen"), [(0, None), (os.getuid() + 1, False)], ids=["root", "another owner"]
)
def test_whose_files_in_proc_tell_whether_it_is_dumpable(
    tmp_path: Path, uid: int, seen: bool | None
) -> None:
    (tmp_path / "environ").touch()
    status = {"Uid": f"{uid}\t{uid}\t{uid}\t{uid}", "NoNewPrivs": "1", "Seccomp": "2"}
    assert process_view.walls(status, tmp_path) == {
        "no_new_privs": True,
        "seccomp": "filter",
        "seccomp_filters": None,
        "capabilities": None,
        "dumpable": seen,
    }


SESSION: dict[str, Any] = {
    "session": 3,
    "pid": None,
    "nick": "ali\x1bce",
    "account": None,
    "peer": "127.0.0.1:52984",
    "dialect": "text",
    "way": ["tls"],
    "room": None,
    "age": 61.5,
    "idle": None,
    "lines": 3,
    "restarts": 0,
    "queue": 0,
    "state": "absent",
    "person": None,
    "reading": {
        "committed": 5,
        "consumed": None,
        "unread": None,
        "carried": 2,
        "discarding": True,
        "careful": True,
    },
    "writing": {"written": None, "unacknowledged": None, "queued": 9, "broken": True},
    "socket": {"descriptor": None, "inode": None, "relay": "tls"},
    "worker": None,
    "deaths": [],
}


def test_what_is_not_there_is_a_sentence() -> None:
    shown = text({"session": SESSION, "tcp": None, "process": None, "quarantined": None})
    for words in (
        "ali\\x1bce",
        "text over tls",
        "unknown: the connection is broken",
        "2 bytes, the beginning of a line, taken already",
        "no master has it yet",
        "between two of them, or not born yet",
        "nothing can be written any more",
    ):
        assert words in shown, words
    assert "QUARANTINED" not in shown
    assert "\x1b" not in shown


def test_who_may_not_look_at_descriptors_is_told_who_may() -> None:
    process = process_view.look(os.getpid())
    assert process is not None
    process["descriptors"] = None
    process["walls"]["dumpable"] = False
    worker = {
        "child": True,
        "age": 1.0,
        "committed": True,
        "announced": 7,
        "reporting": True,
        "owed": True,
    }
    session = {**SESSION, "pid": os.getpid(), "worker": worker}
    shown = text({"session": session, "tcp": None, "process": process, "quarantined": ["f.bin"]})
    assert "only root may look: the process is not dumpable, or another user's" in shown
    assert "a line of 7 bytes" in shown
    assert "dumpable           no" in shown
    assert "f.bin" in shown
