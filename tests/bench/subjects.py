"""What is measured, as running processes: chatd, the floors, ngircd; and the load upon them."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.figures import on_cpu, read_pairs, unshared
from harness import ROOT, Server, eventually

BENCH = ROOT / "tests" / "bench"

STOPPING = 120.0
"""Seconds in which a server with thousands of clients has stopped."""


class Subject(NamedTuple):
    """A server under load."""

    name: str
    protocol: str
    port: int
    pid: int
    parent: int = 0
    """Whose children those are that serve clients, if it is another process."""

    def cpu(self) -> float:
        """Return the seconds on a CPU of all its processes that live."""
        others = [self.parent] * bool(self.parent) + self.children()
        return self.own_cpu() + sum(map(_on_cpu, others))

    def own_cpu(self) -> float:
        """Return the seconds on a CPU of the process alone."""
        return _on_cpu(self.pid)

    def children(self) -> list[int]:
        """Return the pids of those who serve clients."""
        return [pid for pid in children(self.parent or self.pid) if pid != self.pid]


MEMORY_FILES = "/dev/shm" if os.path.isdir("/dev/shm") else None
"""Where the runtime directory is: in memory (tmpfs), as below /run."""


def read(path: str) -> str:
    """Return what a file in /proc says."""
    return Path(path).read_text("ascii")


def _on_cpu(pid: int) -> float:
    return on_cpu(read(f"/proc/{pid}/schedstat"))


def children(pid: int) -> list[int]:
    """Return the pids of the children of ``pid``."""
    return list(map(int, read(f"/proc/{pid}/task/{pid}/children").split()))


def memory(pids: Sequence[int]) -> list[float]:
    """Return the unshared MB of each of ``pids``."""
    return [unshared(read(f"/proc/{pid}/smaps_rollup")) for pid in pids]


def compile_c(name: str, directory: Path) -> Path:
    """Return the program made of ``name``.c."""
    program = directory / name
    subprocess.run(["cc", "-O3", "-o", program, BENCH / f"{name}.c"], check=True)
    return program


@contextmanager
def chatd(
    directory: Path,
    name: str = "chatd",
    program: list[str] | None = None,
    *,
    protocol: str = "text",
    config: str = "",
    supervised: bool = False,
) -> Iterator[Subject]:
    """Run chatd in either profile, or ``program``; its first listener speaks ``protocol``."""
    directory.mkdir()
    with tempfile.TemporaryDirectory(dir=MEMORY_FILES) as runtime_dir:
        server = Server(
            directory, config, program, supervised=supervised, runtime_dir=Path(runtime_dir)
        )
        yield from _served(server, name, protocol)


def _served(server: Server, name: str, protocol: str) -> Iterator[Subject]:
    try:
        parent = server.pid if server.supervised else 0
        yield Subject(name, protocol, server.port, server.master, parent)
    except BaseException:
        server.process.kill()
        server.stop(STOPPING)
        print(server.log()[-4000:], file=sys.stderr)
        raise
    code = server.stop(STOPPING)
    assert code == 0, server.log()[-4000:]
    assert "Traceback" not in server.log(), server.log()[-4000:]


@contextmanager
def floor(name: str, *command: str | Path) -> Iterator[Subject]:
    """Run one of the floors: a command that prints its port and ends with its input."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Subject(name, "raw", int(process.stdout.readline()), process.pid)
        finally:
            process.stdin.close()


def install_ngircd() -> None:
    """Have ngircd, from Debian's package. Raises SystemExit if that cannot be."""
    if shutil.which("ngircd"):
        return
    if os.geteuid():
        raise SystemExit("ngircd is not installed, and only root can: apt-get install ngircd")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in ("update", "install -y --no-install-recommends ngircd"):
        subprocess.run(
            ["apt-get", "-qq", *command.split()],
            check=True,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sys.stderr,
        )


@contextmanager
def ngircd(directory: Path, port: int = 0) -> Iterator[Subject]:
    """Run ngircd at ``port``, with everything out of its way that would slow it down."""
    if not port:
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
    directory.mkdir(exist_ok=True)
    config = directory / "ngircd.conf"
    config.write_text(
        f"""\
[Global]
Name = irc.bench.test
Info = measured
AdminInfo1 = nobody
MotdPhrase = hello
Listen = 127.0.0.1
Ports = {port}
ServerUID = 0
ServerGID = 0
[Limits]
MaxConnections = 0
MaxConnectionsIP = 0
MaxJoins = 0
MaxPenaltyTime = 0
PingTimeout = 3600
[Options]
DNS = no
Ident = no
PAM = no
SyslogFacility = local1
[SSL]
""",
        "ascii",
    )
    with (directory / "log").open("wb") as log:
        process = subprocess.Popen(
            ["ngircd", "--nodaemon", "--config", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )

    def is_listening() -> bool:
        assert process.poll() is None, (directory / "log").read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    try:
        eventually("ngircd listens", is_listening)
        yield Subject("ngircd", "irc", port, process.pid)
    finally:
        process.terminate()
        process.wait()


class Load(NamedTuple):
    """What the clients do: see driver.c."""

    clients: int
    senders: int
    lines: int
    window: int
    size: int = 40


def drive(driver: Path, subject: Subject, load: Load) -> dict[str, float]:
    """Put ``load`` on ``subject``; return the driver's figures, and ``cpu`` of the subject in s."""
    command = [str(driver), subject.protocol, str(subject.port), *map(str, load)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        ready = process.stdout.readline()
        assert ready == "ready\n", f"the driver did not get ready: {ready!r}"
        before = subject.cpu()
        process.stdin.write("\n")
        process.stdin.flush()
        figures = read_pairs(process.stdout.readline())
        assert figures, f"the driver ended with {process.wait()}"
        figures["cpu"] = subject.cpu() - before
        process.stdin.close()
    return figures
