"""The README's two commands, as a newcomer gives them; run by ``.ci/bare`` in a bare Debian.

``python3 newcomer.py [ARGUMENT ...]``: in ``~/chatd``, as whoever runs this. The arguments are for
``python3 tests``. Exits with 0 if the first command serves and the second passes, if nothing is
left of either, and if whoever cannot install what is missing has been told what that is.
"""

import io
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

CHECKOUT: Final = Path.home() / "chatd"

PORT: Final = ("127.0.0.1", 5015)

SET_UP: Final = 300.0
"""Seconds until a server must serve that sets itself up first."""

PATIENCE: Final = 15.0


def serves() -> None:
    """Run the first command, talk to it, and end it."""
    _port_is_free()
    server = subprocess.Popen([sys.executable, "supervisor"], cwd=CHECKOUT)
    try:
        with _connected(server) as client, client.makefile("rw", newline="\n") as lines:
            _hear(lines, "/help lists the commands")
            lines.write("hello\n")
            lines.flush()
            _hear(lines, " : hello")
    finally:
        server.send_signal(signal.SIGTERM)
        code = server.wait(PATIENCE)
    assert code == 0, f"the server exited with {code}"


def _port_is_free() -> None:
    """See that nobody else is talked to instead: a root has the network of its machine."""
    try:
        socket.create_server(PORT).close()
    except OSError as error:
        raise AssertionError(f"{error}: end whatever listens there") from error


def _connected(server: "subprocess.Popen[bytes]") -> socket.socket:
    deadline = time.monotonic() + SET_UP
    while True:
        try:
            return socket.create_connection(PORT, PATIENCE)
        except ConnectionRefusedError:
            assert server.poll() is None, f"it has exited with {server.returncode}"
            assert time.monotonic() < deadline, f"it does not serve after {SET_UP:g} s"
            time.sleep(0.1)


def _hear(lines: io.TextIOBase, what: str) -> None:
    for line in lines:
        if what in line:
            return
    raise AssertionError(f"the server has closed the connection before it said {what!r}")


def passes(arguments: list[str]) -> None:
    """Run the second command, and pass on what it prints."""
    command = [sys.executable, "tests", *arguments]
    with subprocess.Popen(
        command, cwd=CHECKOUT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as tests:
        assert tests.stdout is not None, "a pipe"
        printed = []
        for line in tests.stdout:
            print(line, end="", flush=True)
            printed.append(line)
    assert tests.returncode == 0, f"the tests exited with {tests.returncode}"
    told = [line for line in printed if "NOT RUN: " in line]
    if os.geteuid() == 0:
        assert not told, "root has everything"
    elif any("chatd: not here: " in line for line in printed):
        assert any("apt-get install" in line for line in printed), "it says how to have it"
        assert told, "the end says what was not run"


def nothing_is_left(files: set[str]) -> None:
    """See that there is no process but this one's ancestors, and nothing in /tmp but ``files``."""
    ancestors = set()
    pid = os.getpid()
    while pid:
        ancestors.add(pid)
        pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    deadline = time.monotonic() + PATIENCE
    while left := _processes() - ancestors:
        assert time.monotonic() < deadline, f"left: {[_title(pid) for pid in left]}"
        time.sleep(0.1)
    assert _temporary() == files, f"in {tempfile.gettempdir()}: {_temporary()}"


def _temporary() -> set[str]:
    return set(os.listdir(tempfile.gettempdir()))


def _processes() -> set[int]:
    return {int(name) for name in os.listdir("/proc") if name.isdecimal()}


def _title(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return f"{pid}, which has just ended"


print(f"\n--- in {CHECKOUT}: python3 supervisor", flush=True)
serves()
# Its runtime directory stays (chatd(8), FILES), and is used again.
kept = _temporary()
nothing_is_left(kept)
print(f"\n--- in {CHECKOUT}: python3 tests {' '.join(sys.argv[1:])}", flush=True)
passes(sys.argv[1:])
nothing_is_left(kept)
