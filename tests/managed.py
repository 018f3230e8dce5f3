"""A server under the stand-in for systemd (``manager``), as the shipped unit says."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from chatd_supervisor.pidfile import holder, written_pid
from chatd_supervisor.proc import parent_of
from descendants import descendants
from harness import CHATD, PATIENCE, ROOT, Client, eventually

UNIT = ROOT / "packaging" / "systemd" / "chatd.service"

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
[history]
on_join = 0
[limits]
stop_timeout = 0.5
"""


class Managed:
    """A unit, its manager and its clients."""

    def __init__(self, directory: Path, drop_in: str = "", config: str = CONFIG) -> None:
        """``drop_in`` is what is set otherwise than in the shipped unit."""
        self.directory = directory
        self.config = directory / "chatd.toml"
        self.config.write_text(config)
        self.unit = directory / "chatd.service"
        self.unit.write_text(UNIT.read_text())
        more = self.unit.with_name("chatd.service.d")
        more.mkdir()
        (more / "test.conf").write_text(
            f"[Service]\nExecStart=\nExecStart=chatd run --supervise --config={self.config}\n"
            f"ExecReload=\nExecReload=chatd reload --config={self.config}\n{drop_in}\n"
        )
        program = [sys.executable, str(ROOT / "tests" / "manager.py"), str(self.unit)]
        self.process = subprocess.Popen(
            [*program, str(directory), CHATD],
            env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
            stdin=subprocess.DEVNULL,
        )
        self.clients: list[Client] = []
        eventually("the manager is there", (directory / "control").exists)

    def do(self, what: str, **more: Any) -> dict[str, Any]:
        """Have the manager do ``what``; return how the unit is when that is done."""
        with socket.socket(socket.AF_UNIX) as asking:
            asking.settimeout(PATIENCE * 2)
            asking.connect(str(self.directory / "control"))
            asking.sendall(json.dumps({"do": what, **more}).encode() + b"\n")
            with asking.makefile() as answered:
                found: dict[str, Any] = json.loads(answered.readline())
            return found

    def show(self) -> dict[str, Any]:
        return self.do("show")

    def start(self) -> dict[str, Any]:
        shown = self.do("start")
        assert shown["state"] == "running", self.log()
        return shown

    def log(self) -> str:
        return (self.directory / "log").read_text()

    @property
    def master(self) -> int:
        return holder(self.directory / "chatd" / "chatd.pid") or 0

    @property
    def port(self) -> int:
        return int(self.ask("status")["listen"][0]["address"].rpartition(":")[2])

    def ask(self, command: str) -> Any:
        done = subprocess.run(
            [CHATD, command, f"--runtime-dir={self.directory / 'chatd'}", "--json"],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
        )
        return json.loads(done.stdout) if done.returncode == 0 else {}

    def workers(self) -> list[int]:
        return [session["pid"] for session in self.ask("ps") if session["pid"]]

    def connect(self, nick: str, port: int = 0) -> Client:
        client = Client(port or self.port)
        self.clients.append(client)
        return client.greet(nick)

    @property
    def supervisor(self) -> int:
        return written_pid(self.directory / "chatd" / "supervisor.pid")

    def successor_of(self, pid: int) -> int:
        """Wait until another master than ``pid`` serves, and the unit runs; return its pid."""

        def other() -> int:
            return self.master if self.show()["state"] == "running" else 0

        return eventually("another master", lambda: (now := other()) != pid and now)

    def is_whole(self) -> bool:
        """Tell whether the unit runs, and its main process is the supervisor of its master."""
        shown = self.show()
        supervisor = parent_of(self.master)
        return bool(shown["state"] == "running" and shown["main"] == supervisor)

    def end(self) -> None:
        for client in self.clients:
            client.close()
        # Nobody is to start another one meanwhile, neither the manager nor a master.
        self.process.send_signal(signal.SIGSTOP)
        while living := descendants(self.process.pid):
            for number in (signal.SIGSTOP, signal.SIGKILL):
                for pid in living:
                    with suppress(ProcessLookupError):
                        os.kill(pid, number)
        self.process.kill()
        self.process.wait(PATIENCE)


@contextmanager
def managed(directory: Path, drop_in: str = "", config: str = CONFIG) -> Iterator[Managed]:
    """Run a manager, and see that nothing of it is left."""
    made = Managed(directory, drop_in, config)
    try:
        yield made
    except BaseException:
        print(made.log()[-20000:])
        raise
    finally:
        made.end()
