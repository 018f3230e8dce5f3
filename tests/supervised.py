"""A supervised server for the tests, and what can be seen of its processes."""

import contextlib
import ctypes
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import supervisor_of
from harness import PATIENCE, Client, descriptors, eventually
from server_commands import ServerCommands

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
[limits]
stop_timeout = 0.5
"""

BROKEN = "[limits]\nmax_rooms = -1\n"


class Supervised(ServerCommands):
    """The commands for a supervised server."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CONFIG)
        self.found: set[int] = set()
        """All supervisors and masters that were seen."""
        self.left_over: set[str] = set()
        """What only the next master could clear away, if the last one was killed."""

    def start(self) -> None:
        done = self.do("start")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout == f"chatd: started, pid {self.master}, log {self.log_file}\n"

    @property
    def master(self) -> int:
        return self._pid("chatd.pid")

    @property
    def supervisor(self) -> int:
        return self._pid("supervisor.pid")

    def _pid(self, name: str) -> int:
        pid = self.pid_in(name)
        self.found.add(pid)
        return pid

    def status(self) -> dict[str, str]:
        """Return what ``chatd status`` says; nothing if nobody answers."""
        shown = self.do("status").stdout
        return dict(re.findall(r"^(\w[\w ]*?)  +(.*)$", shown, re.MULTILINE))

    @property
    def port(self) -> int:
        return int(self.status()["listen"].partition(" ")[0].rpartition(":")[2])

    def toggle_damage(self) -> None:
        toggle_damage(self.state_dir)

    def kill_master(self) -> int:
        """Kill the master; return its pid."""
        pid = self.master
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill_both(self) -> None:
        """Kill supervisor and master so that neither can see the other go."""
        supervisor, master = self.supervisor, self.master
        os.kill(supervisor, signal.SIGSTOP)
        os.kill(master, signal.SIGKILL)
        os.kill(supervisor, signal.SIGKILL)
        eventually("both are gone", lambda: not is_running(master) and not is_running(supervisor))

    def kill_supervisor(self) -> int:
        """Kill the supervisor; return its pid."""
        pid = self.supervisor
        os.kill(pid, signal.SIGKILL)
        return pid

    def supervisor_after(self, pid: int) -> int:
        """Wait until another supervisor than ``pid`` is there; return its pid."""

        def other() -> int:
            now = supervisor_of(Paths(self.runtime_dir, self.state_dir))
            return now if now != pid else 0

        found = eventually("another supervisor", other)
        self.found.add(found)
        return found

    def is_pair(self) -> bool:
        """Tell whether the master that serves is the supervisor's child: no guard is between."""
        try:
            supervisor, master = self.supervisor, self.master
        except (FileNotFoundError, ValueError):
            return False
        return bool(supervisor and parent(master) == supervisor and self.status())

    def renewed(self, than: int = 0) -> tuple[int, int]:
        """Wait until another supervisor ``than`` this has a master that serves; return both."""
        eventually("a new pair serves", lambda: self.supervisor != than and self.is_pair())
        return self.supervisor, self.master

    def successor_of(self, pid: int) -> int:
        """Wait until another master than ``pid`` serves; return its pid."""

        def other() -> int:
            now = int(self.status().get("pid", 0))
            return now if now != pid else 0

        successor = eventually("another master serves", other)
        self.found.add(successor)
        return successor

    def workers(self, count: int = 0) -> list[int]:
        """Return the pids of all workers; wait until there are ``count``."""

        def found() -> list[int]:
            shown = json.loads(self.do("ps", "--json").stdout or "[]")
            return [session["pid"] for session in shown if session["pid"]]

        if count:
            eventually(f"{count} workers", lambda: len(found()) == count)
        return found()

    def connect(self, port: int) -> Client:
        client = Client(port)
        self.clients.append(client)
        return client

    def people(self, *nicks: str) -> list[Client]:
        """Return a client for each of ``nicks``, all of whom have seen the others come."""
        port = self.port
        found = [self.connect(port).greet(nick) for nick in nicks]
        for client in found[:-1]:
            client.until(nicks[-1])
        return found


def toggle_damage(state_dir: Path) -> None:
    """Have no other master start, or let one start again: damage the ledger, or mend it."""
    descriptor = os.open(state_dir / "sessions" / "ledger", os.O_RDWR)
    try:
        (first,) = os.pread(descriptor, 1, 0)
        os.pwrite(descriptor, bytes([first ^ 0x80]), 0)
    finally:
        os.close(descriptor)


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False  # it ended before it was looked for, or while it was
    return state != "Z"


def in_session(session: int) -> list[int]:
    """Return the processes of a session that run."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and is_running(int(entry.name)):
            with contextlib.suppress(ProcessLookupError):
                if os.getsid(int(entry.name)) == session:
                    found.append(int(entry.name))
    return found


def is_refused(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), PATIENCE).close()
    except ConnectionRefusedError:
        return True
    return False


def title(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0")


def parent(pid: int) -> int:
    """Return the pid of the parent of ``pid``; 0: it is gone."""
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (FileNotFoundError, ProcessLookupError):
        return 0


def talk(clients: list[Client], text: str) -> None:
    """Have the first of ``clients`` say ``text``; see that all hear it once, and nothing else."""
    clients[0].send(f"{text}\n")
    for client in clients:
        line = client.line()
        assert line.endswith(f" : {text}"), line


def share_a_table(one: int, other: int) -> bool:
    """Tell whether two processes have one descriptor table. kcmp(2), KCMP_FILES."""
    number = {"x86_64": 312, "aarch64": 272, "riscv64": 272}[os.uname().machine]
    found = ctypes.CDLL(None, use_errno=True).syscall(number, one, other, 2, 0, 0)
    assert found >= 0, os.strerror(ctypes.get_errno())
    return bool(found == 0)


def show_the_same(one: int, other: int) -> bool:
    """Tell whether /proc shows the same descriptors of both, numbers and all."""
    return descriptors(one) == descriptors(other)


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


@contextmanager
def supervised(directory: Path) -> Iterator[Supervised]:
    """Commands for a supervised server, of which nothing is left when the test is over."""
    one = Supervised(directory)
    try:
        yield one
    finally:
        for client in one.clients:
            client.close()
        for name in ("supervisor.pid", "chatd.pid"):
            with contextlib.suppress(FileNotFoundError, ValueError):
                one._pid(name)
        done = one.do("stop")
        left = [pid for pid in one.found if is_running(pid)]
        for pid in left:
            os.kill(pid, signal.SIGKILL)
    assert done.returncode in (0, 3), done
    assert left == []
    if one.runtime_dir.exists():
        left_over = {path.name.partition(".")[0] for path in one.runtime_dir.iterdir()}
        assert left_over <= one.left_over
    if one.log_file.exists():
        assert "Traceback" not in one.log()
