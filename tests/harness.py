"""Real servers and real clients for the tests: processes, sockets, signals, deadlines."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import holder, supervisor_of

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
CHATD = str(BIN / "chatd")
CHAT_CLIENT = str(BIN / "chat-client")

PATIENCE = 15.0
"""Seconds after which something that should have happened counts as not happening."""

T = TypeVar("T")


def eventually(what: str, probe: Callable[[], T], patience: float = PATIENCE) -> T:
    """Return the first true result of ``probe``; fail with ``what`` after ``patience`` seconds."""
    deadline = time.monotonic() + patience
    while True:
        result = probe()
        if result:
            return result
        assert time.monotonic() < deadline, f"not within {patience} s: {what} (last: {result!r})"
        time.sleep(0.01)


class Client:
    """A person on ``nc``: sends bytes, reads lines."""

    def __init__(
        self, port: int, host: str = "127.0.0.1", receive_buffer: int = 0, source: str = ""
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family)
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(PATIENCE)
        if source:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.received = bytearray()

    def send(self, data: str | bytes) -> None:
        self.socket.sendall(data.encode() if isinstance(data, str) else data)

    def line(self) -> str:
        """Return the next line without its end; "" at the end of the stream."""
        while b"\n" not in self.received:
            data = self.socket.recv(1 << 16)
            if not data:
                rest = bytes(self.received)
                self.received.clear()
                return rest.decode()
            self.received += data
        line, _, rest = bytes(self.received).partition(b"\n")
        self.received = bytearray(rest)
        return line.decode()

    def until(self, pattern: str) -> list[str]:
        """Read lines up to the first that contains ``pattern``; return all of them."""
        lines = []
        while True:
            line = self.line()
            lines.append(line)
            if pattern in line:
                return lines
            assert line or self.received, f"closed before {pattern!r} came; got {lines}"

    def rest(self) -> str:
        """Return everything up to the end of the stream."""
        while data := self.socket.recv(1 << 16):
            self.received += data
        rest = bytes(self.received).decode()
        self.received.clear()
        return rest

    def silent(self, seconds: float = 0.2) -> bool:
        """Tell whether nothing comes for ``seconds``."""
        if self.received:
            return False
        self.socket.settimeout(seconds)
        try:
            self.received += self.socket.recv(1 << 16)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(PATIENCE)
        return False

    def greet(self, nick: str = "") -> "Client":
        """Read the greeting; take ``nick`` if given, and read what that says."""
        self.until("/help lists the commands")
        if nick:
            self.send(f"/nick {nick}\n")
            self.until(f"is now {nick}")
        return self

    def close(self) -> None:
        self.socket.close()


class Server:
    """A running ``chatd run`` with directories and a port of its own."""

    def __init__(
        self,
        directory: Path,
        config: str = "",
        program: list[str] | None = None,
        *,
        supervised: bool = False,
        runtime_dir: Path | None = None,
    ) -> None:
        """Run it, as ``program`` if that is given, and wait until it is ready.

        ``supervised``: under a supervisor, which then is ``process``. ``runtime_dir``: if it is
        not to be in ``directory``.
        """
        self.directory = directory
        self.supervised = supervised
        self.runtime_dir = runtime_dir or directory / "r"
        self.state_dir = directory / "s"
        self.log_path = directory / "log"
        self.config_path = directory / "chatd.toml"
        if "[history]" not in config:
            # What was said before is shown where that is what is tested.
            config += "\n[history]\non_join = 0\n"
        if "[[listen]]" not in config:
            config += '\n[[listen]]\naddress = "127.0.0.1:0"\n'
        self.config_path.write_text(config)
        self._log = self.log_path.open("ab")
        self._ready = False
        self._ready_after = 0
        self.replaced = False
        """The first supervisor was killed, so ``process`` is no child of ours any more."""
        # Of all its processes, and of those before ``again``.
        self.groups: list[int] = []
        self.process = self._run(program or [CHATD])
        self.clients: list[Client] = []
        try:
            eventually("the server is ready", self.is_ready)
            self.find_ports()
        except BaseException:
            self.kill()
            self.stop()
            raise

    def find_ports(self) -> None:
        """Find out on which ports it listens, also after ``again``: they may be other ones."""
        addresses = [one["address"] for one in self.ask("status")["listen"]]
        found = [address.rpartition(":")[2] for address in addresses]
        self.ports = [int(port) for port in found if port.isdecimal()]
        self.port = self.ports[0]

    def _run(self, program: list[str]) -> "subprocess.Popen[bytes]":
        process = subprocess.Popen(
            [*program, "run", *["--supervise"] * self.supervised, *self.options()],
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            # A group of its own, so that a test can signal all of it.
            start_new_session=True,
        )
        self.groups.append(process.pid)
        return process

    def again(self, program: list[str] | None = None) -> None:
        """Run it again, its process having been killed; does not wait until it is ready."""
        self.process.wait(PATIENCE)
        self.expect_ready()
        self.process = self._run(program or [CHATD])

    def options(self) -> list[str]:
        return [
            f"--config={self.config_path}",
            f"--runtime-dir={self.runtime_dir}",
            f"--state-dir={self.state_dir}",
        ]

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def master(self) -> int:
        """The pid of the master, which is another one than ``pid`` under a supervisor; 0: none."""
        return holder(self.runtime_dir / "chatd.pid") or 0

    def is_ready(self) -> bool:
        """Tell whether a master has become ready since it was started, or ``expect_ready``."""
        assert self.replaced or self.process.poll() is None, self.log()[-20000:]
        if not self._ready:
            with self.log_path.open("rb") as log:
                log.seek(self._ready_after)
                said = log.read()
                self._ready = b"chatd: ready " in said or b'"event": "ready"' in said
        return self._ready

    def expect_ready(self) -> None:
        """Count no master as ready that has been so before."""
        self._ready = False
        self._ready_after = self.log_path.stat().st_size

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def ask(self, command: str) -> Any:
        done = subprocess.run(
            [CHATD, command, f"--runtime-dir={self.runtime_dir}", "--json"],
            capture_output=True,
            timeout=PATIENCE,
            check=True,
        )
        return json.loads(done.stdout)

    def connect(self, nick: str = "", receive_buffer: int = 0) -> Client:
        """Connect, read the greeting, take ``nick`` if given."""
        client = Client(self.port, receive_buffer=receive_buffer)
        self.clients.append(client)
        return client.greet(nick)

    def worker_of(self, nick: str) -> int:
        """Return the pid of the worker that serves ``nick``."""

        def find() -> int:
            for session in self.ask("ps"):
                if session["nick"] == nick and session["pid"]:
                    return int(session["pid"])
            return 0

        return eventually(f"{nick} has a worker", find)

    def workers(self) -> list[int]:
        """Return the pids of all workers; waits until there is one."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")

        def find() -> list[int]:
            found = {int(pid) for pid in path.read_text().split()}
            return sorted(found - {self.master} if self.supervised else found)

        return eventually("workers", find)

    def titles(self) -> list[str]:
        """Return the titles of the server's processes, as ps shows them, dead ones included."""
        shown = subprocess.run(
            ["ps", "-ww", "-o", "pid=,ppid=,args=", "-A"],
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=True,
        ).stdout
        titles = []
        for row in shown.splitlines():
            match = re.match(r"\s*(\d+)\s+(\d+)\s+(.*)", row)
            if match and str(self.pid) in match.groups()[:2]:
                titles.append(match[3])
        return titles

    def kill_master(self) -> int:
        """Kill the master with SIGKILL, and return the pid that it had."""
        pid = self.master
        assert pid, "no master runs"
        self.expect_ready()
        os.kill(pid, signal.SIGKILL)
        return pid

    @property
    def supervisor(self) -> int:
        """The pid of the supervisor, or of the guard in its place; 0: none, just now."""
        return supervisor_of(Paths(self.runtime_dir, self.state_dir))

    def lose_supervisor(self) -> int:
        """Return the pid of the supervisor, which is about to be killed; 0: none, just now."""
        pid = self.supervisor
        self.replaced = self.replaced or pid == self.pid
        return pid

    def kill_supervisor(self) -> int:
        """Kill the supervisor, and return the pid that it had; there will be another."""
        pid = self.lose_supervisor()
        assert pid, "no supervisor runs"
        os.kill(pid, signal.SIGKILL)
        return pid

    def kill(self) -> None:
        """Kill all processes of the server, for a test that has failed."""
        for group in self.groups:
            with suppress(ProcessLookupError):
                os.killpg(group, signal.SIGKILL)

    def stop(self, patience: float = PATIENCE) -> int:
        """Stop with SIGTERM and return the exit code."""
        for client in self.clients:
            client.close()
        if self.replaced:
            return self._stop_replaced(patience)
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(patience)
        self._log.close()
        return code

    def _stop_replaced(self, patience: float) -> int:
        """Stop it by a supervisor that is no child of ours; its exit code is not to be had."""
        os.kill(eventually("a supervisor", lambda: self.supervisor), signal.SIGTERM)
        self.process.wait(patience)
        eventually("it has ended", lambda: not any(map(_is_group, self.groups)), patience)
        self._log.close()
        return 0


def _is_group(group: int) -> bool:
    """Return whether there is such a group of processes; the test reaps none of them."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@contextmanager
def serving(
    directory: Path,
    config: str = "",
    program: list[str] | None = None,
    *,
    supervised: bool = False,
) -> Iterator[Server]:
    """Run a server, and see that it ends well: status 0, nothing left over."""
    server = Server(directory, config, program, supervised=supervised)
    try:
        yield server
    except BaseException:
        server.kill()
        server.stop()
        print(server.log()[-20000:])
        raise
    code = server.stop()
    assert code == 0, server.log()[-20000:]
    log = server.log()
    trace = log.find("Traceback")
    assert trace < 0, log[max(0, trace - 1000) : trace + 4000]
    assert list(server.runtime_dir.iterdir()) == []


def chatd(server: Server, *command: str) -> str:
    """Run a command of chatd that concerns ``server``; return what it prints."""
    done = subprocess.run(
        [CHATD, *command, *server.options()],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def descriptors(pid: int) -> dict[int, str]:
    """Return what each descriptor of ``pid`` is, as in /proc/PID/fd."""
    found = {}
    for entry in os.scandir(f"/proc/{pid}/fd"):
        try:
            found[int(entry.name)] = os.readlink(entry.path)
        except FileNotFoundError:
            continue
    return found


@contextmanager
def injected(pid: int, what: str) -> Iterator["subprocess.Popen[bytes]"]:
    """Have strace do ``what`` to the system calls of ``pid`` and its children, until the end."""
    with subprocess.Popen(
        ["strace", "-f", "-o", "/dev/null", "-e", f"inject={what}", "-p", str(pid)],
        stderr=subprocess.PIPE,
    ) as tracer:
        try:
            assert tracer.stderr is not None
            assert b"attached" in tracer.stderr.readline()
            yield tracer
        finally:
            # Also of a test that fails, which would otherwise wait for it: for ever.
            tracer.terminate()
