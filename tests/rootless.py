"""Servers that are started as root and become another user, and what can be seen of that."""

import json
import os
import pwd
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

from chatd_supervisor.stepping_down import PRIVILEGED
from harness import ROOT, Client
from server_commands import ServerCommands

USER = "nobody"
"""Whom the servers become: there is one everywhere, and nothing is this user's."""

UID = pwd.getpwnam(USER).pw_uid

OTHERS_MAY = 0o005


def is_open(path: Path) -> bool:
    """Tell whether everybody may reach ``path`` and read it."""
    way = [path, *path.parents]
    return all(one.stat().st_mode & OTHERS_MAY == OTHERS_MAY for one in way)


def python() -> str:
    """Return a Python of the version that runs this, which everybody may run."""
    own = Path(sys.executable)
    if is_open(own.parent) and is_open(own.resolve()):
        return str(own)
    system = "/usr/bin/python3"
    version = "import sys; print(*sys.version_info[:2])"
    said = subprocess.run([system, "-c", version], capture_output=True, text=True, check=True)
    needed = "{} {}".format(*sys.version_info[:2])
    assert said.stdout.strip() == needed, f"only root may run {own}, and {system} is no {needed}"
    return system


def packages(directory: Path) -> list[str]:
    """Return where chatd is, and what it is made with: where everybody may read it.

    That is where it runs from, or if it is in a place that is closed to others, as /root is, a copy
    in ``directory``.
    """
    ours = [ROOT / part for part in ("supervisor", "workers", "client")]
    installed = Path(next(path for path in sys.path if path.endswith("site-packages")))
    if is_open(ROOT) and is_open(installed):
        return [str(path) for path in (*ours, installed)]
    copy = directory / "packages"
    for path in ours:
        shutil.copytree(path, copy, dirs_exist_ok=True)
    for line in (ROOT / "supervisor" / "requirements.lock").read_text().splitlines():
        if match := re.match(r"([a-z0-9-]+)==", line):
            for file in distribution(match[1]).files or ():
                if ".." not in file.parts:
                    target = copy / file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copy2(file.locate(), target)
    return [str(copy)]


class Rootless(ServerCommands):
    """The commands for a server with directories where everybody may go."""

    def __init__(self, directory: Path, config: str) -> None:
        super().__init__(directory, config)
        self.config.chmod(0o644)
        self.packages = packages(directory)

    def program(self) -> list[str]:
        return [python(), "-P", "-m", "chatd_supervisor"]

    def environ(self) -> dict[str, str]:
        """Return the environment in which ``program`` finds chatd."""
        return {**os.environ, "PYTHONPATH": ":".join(self.packages)}

    def do(self, name: str, *more: str, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of chatd, as root unless ``user`` is given."""
        return super().do(name, *more, env=self.environ(), cwd="/", **how)

    def ask(self, name: str, user: int = 0) -> Any:
        return json.loads(self.do(name, "--json", user=user).stdout)

    def connect(self, port: int, nick: str) -> Client:
        client = Client(port)
        self.clients.append(client)
        return client.greet(nick)

    def end(self) -> None:
        """End it, whatever has become of it."""
        for client in self.clients:
            client.close()
        if self.do("stop").returncode not in (0, 3):
            for name in ("supervisor.pid", "chatd.pid"):
                with suppress(OSError, ValueError):
                    os.kill(self.pid_in(name), signal.SIGKILL)


@contextmanager
def rootless(config: str) -> Iterator[Rootless]:
    """Provide for a server, and see that nothing is left of it."""
    # Not below pytest's own, which is closed to others.
    directory = Path(tempfile.mkdtemp(prefix="chatd-rootless-"))
    directory.chmod(0o755)
    server = Rootless(directory, config)
    try:
        yield server
    finally:
        server.end()
        left = list(server.runtime_dir.iterdir()) if server.runtime_dir.exists() else []
        shutil.rmtree(directory)
    assert left == []


def low_port() -> int:
    """Return a port that only root may listen on, and nobody does."""
    # By chance, for tests that run beside each other look as well.
    for port in random.sample(range(600, PRIVILEGED), 100):
        with suppress(OSError), socket.socket() as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(("127.0.0.1", port))
            return port
    raise AssertionError("all ports below 1024 are in use")


def rights(pid: int) -> dict[str, str]:
    """Return what the kernel says of the rights of ``pid``; /proc/PID/status, proc(5)."""
    status = Path(f"/proc/{pid}/status").read_text()
    fields = re.findall(
        r"^(Uid|Gid|Groups|CapPrm|CapEff|CapAmb|NoNewPrivs):\s*(.*?)\s*$", status, re.MULTILINE
    )
    return {name: " ".join(value.split()) for name, value in fields}
