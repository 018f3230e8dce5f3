"""The daemon's life: started, asked, reloaded, restarted, killed, stopped."""

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness import CHATD, PATIENCE, Client, descriptors, eventually
from server_commands import ServerCommands

CONFIG = """
[[listen]]
address = "127.0.0.1:0"
[limits]
stop_timeout = 0.5
"""


class Daemon(ServerCommands):
    """The commands for a server that is a daemon."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, CONFIG)

    def start(self, *more: str) -> int:
        """Start, and return the daemon's pid."""
        done = self.do("start", *more)
        assert (done.returncode, done.stderr) == (0, "")
        return self.pid

    @property
    def pid(self) -> int:
        return self.pid_in("chatd.pid")

    def workers(self) -> list[int]:
        """Return the pids of all workers; waits until there is one."""

        def found() -> list[int]:
            shown = json.loads(self.do("ps", "--json").stdout)
            return [session["pid"] for session in shown if session["pid"]]

        return eventually("a worker", found)

    def connect(self, port: int = 0) -> Client:
        """Connect, to the first address unless told otherwise, and read the greeting."""
        shown = self.do("status").stdout
        ports = re.findall(r"^listen .*:(\d+) \(text\)", shown, re.MULTILINE)
        client = Client(port or int(ports[0]))
        self.clients.append(client)
        return client.greet()


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False  # it ended before it was looked for, or while it was
    return state != "Z"


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Commands for a daemon, and no daemon left when the test is over."""
    one = Daemon(tmp_path)
    yield one
    for client in one.clients:
        client.close()
    done = one.do("stop")
    assert done.returncode in (0, 3), done


def test_start_returns_when_clients_can_connect_and_stop_when_all_is_gone(daemon: Daemon) -> None:
    done = daemon.do("start")
    pid = daemon.pid
    assert done.returncode == 0
    assert done.stdout == f"chatd: started, pid {pid}, log {daemon.log_file}\n"
    client = daemon.connect()
    workers = daemon.workers()
    assert len(workers) == 1
    supervisor = daemon.pid_in("supervisor.pid")

    done = daemon.do("stop")
    assert done.returncode == 0
    assert re.fullmatch(rf"chatd: stopped, pid {pid}, in \d+\.\d s\n", done.stdout)
    assert not any(map(is_running, [supervisor, pid, *workers]))
    assert list(daemon.runtime_dir.iterdir()) == []
    assert "the server is stopping" in client.rest()

    done = daemon.do("stop")
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr == f"chatd: not running in {daemon.runtime_dir}\n"


def test_a_daemon_has_nothing_of_whoever_started_it(daemon: Daemon) -> None:
    reading, writing = os.pipe()
    # A large number too: as a shell's own descriptors have.
    high = os.dup2(writing, 200)
    assert daemon.do("start", pass_fds=(writing, high)).returncode == 0
    os.close(writing)
    os.close(high)
    pid = daemon.pid
    assert os.getsid(pid) not in (pid, os.getsid(0)), "a session leader could get a terminal"
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert "Umask:\t0022" in Path(f"/proc/{pid}/status").read_text()
    held = descriptors(pid)
    assert [held[standard] for standard in (0, 1, 2)] == ["/dev/null"] * 3
    assert os.readlink(f"/proc/self/fd/{reading}") not in held.values(), held
    assert os.read(reading, 1) == b"", "somebody still holds the pipe"
    os.close(reading)


def test_start_works_with_standard_descriptors_closed(daemon: Daemon) -> None:
    command = shlex.join(daemon.command("start"))
    done = subprocess.run(["sh", "-c", f"{command} <&- >&- 2>&-"], timeout=PATIENCE, check=False)
    assert done.returncode == 0
    held = descriptors(daemon.pid)
    assert [held[standard] for standard in (0, 1, 2)] == ["/dev/null"] * 3
    daemon.connect()


def test_run_works_with_standard_descriptors_closed(daemon: Daemon) -> None:
    command = shlex.join(daemon.command("run"))
    with subprocess.Popen(["sh", "-c", f"exec {command} <&- >&- 2>&-"]) as process:
        eventually("it answers", lambda: daemon.do("status").returncode == 0)
        held = descriptors(process.pid)
        assert [held[standard] for standard in (0, 1, 2)] == ["/dev/null"] * 3
        assert daemon.do("stop").returncode == 0
        assert process.wait(PATIENCE) == 0


def test_a_second_server_on_the_same_directory_is_refused(daemon: Daemon) -> None:
    pid = daemon.start()
    for command in ("start", "run"):
        done = daemon.do(command)
        assert (done.returncode, done.stdout) == (4, "")
        assert done.stderr == (
            f"chatd: chatd is already running in {daemon.runtime_dir} as pid {pid} "
            "(chatd status tells more)\n"
        )
    assert daemon.pid == pid
    assert "already running" not in daemon.log(), "the log is the running server's"
    daemon.connect()


def test_of_many_starts_at_once_one_serves(daemon: Daemon) -> None:
    starts = [
        subprocess.Popen(
            daemon.command("start"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(6)
    ]
    assert sorted(start.wait(PATIENCE) for start in starts) == [0, 4, 4, 4, 4, 4]
    daemon.connect()


def test_what_a_killed_master_left_is_replaced(daemon: Daemon) -> None:
    pid = daemon.start("--plain")
    os.kill(pid, signal.SIGKILL)
    eventually("it is gone", lambda: not is_running(pid))
    left = {path.name for path in daemon.runtime_dir.iterdir()}
    assert left == {"chatd.pid", "control.sock", "adoption.sock", "state"}
    kept = {path.name for path in (daemon.state_dir / "sessions").iterdir()}
    assert kept == {"applying", "config.json", "crash", "ledger", "outbox.1", "reserve", "sockets"}
    assert daemon.do("status").returncode == 3
    assert daemon.do("stop").returncode == 3
    assert daemon.start("--plain") != pid
    daemon.connect()


def test_a_port_in_use_is_told_to_whoever_starts(daemon: Daemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        for command in ("start", "run"):
            done = daemon.do(command, "--listen", address)
            assert done.returncode == 69
            said = f"chatd: cannot listen on {address}: Address already in use; who has it: ss"
            assert done.stderr.splitlines()[-1].startswith(said)
    assert list(daemon.runtime_dir.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_told_to_whoever_starts(daemon: Daemon) -> None:
    for command in ("start", "run"):
        done = daemon.do(command, "--runtime-dir=/proc/chatd")
        assert done.returncode == 73
        assert done.stderr.startswith("chatd: cannot make directory /proc/chatd: ")
        assert done.stderr.count("\n") == 1


def test_a_log_that_cannot_be_opened_is_told_to_whoever_starts(daemon: Daemon) -> None:
    daemon.log_file.mkdir(parents=True)
    done = daemon.do("start")
    assert done.returncode == 73
    assert str(daemon.log_file) in done.stderr
    assert list(daemon.runtime_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("1 / 0", "chatd: ended by a fault in chatd: ZeroDivisionError('division by zero')"),
        ("sys.exit(3)", "chatd: the daemon failed: SystemExit(3)"),
        ("os.kill(os.getpid(), 9)", "chatd: the daemon was killed before it was ready"),
        ("os._exit(0)", "chatd: the daemon was killed before it was ready"),
    ],
)
def test_a_daemon_that_falls_before_it_is_ready_is_told_of(
    daemon: Daemon, fault: str, said: str
) -> None:
    script = (
        "import os, sys; from chatd_supervisor import cli, master;"
        f"master.Master.run = lambda self, ready: {fault}; cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *daemon.command("start", "--plain")[1:]],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (70, "", f"{said}\n")
    if "1 / 0" in fault:
        assert "ZeroDivisionError" in daemon.log(), "with its stack"


FAULTY = """
import os, sys

class Finder:
    @classmethod
    def find_spec(cls, name, path, target=None):
        if name == "chatd_supervisor.subreaper":
            sys.meta_path.remove(cls)
            from chatd_supervisor import master
            master.Master.run = lambda self, ready: eval(os.environ["FAULT"])
        return None

if any("chatd_supervisor.supervise" in word for word in sys.orig_argv):
    sys.meta_path.insert(0, Finder)
"""
"""A sitecustomize.py by which the masters of a supervisor have a fault."""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("1 / 0", "chatd: ended by a fault in chatd: ZeroDivisionError('division by zero')"),
        ("os.kill(os.getpid(), 9)", "chatd: the daemon was killed before it was ready"),
        ("os._exit(3)", "chatd: the daemon was killed before it was ready"),
    ],
)
def test_of_a_first_master_that_falls_whoever_starts_is_told(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch, fault: str, said: str
) -> None:
    (daemon.directory / "sitecustomize.py").write_text(FAULTY)
    monkeypatch.setenv("PYTHONPATH", str(daemon.directory))
    monkeypatch.setenv("FAULT", fault)
    done = daemon.do("start")
    assert (done.returncode, done.stdout, done.stderr) == (70, "", f"{said}\n")
    if "1 / 0" in fault:
        assert "ZeroDivisionError" in daemon.log(), "with its stack"
    monkeypatch.undo()
    # None is tried again, and nothing is in the way of another.
    daemon.start()
    daemon.connect()


def test_a_server_that_does_not_respond_is_reported_with_what_to_do(daemon: Daemon) -> None:
    pid = daemon.start()
    os.kill(pid, signal.SIGSTOP)
    try:
        done = daemon.do("stop")
    finally:
        os.kill(pid, signal.SIGCONT)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == f"chatd: pid {pid} has not stopped within 5.5 s; kill -9 {pid}\n"
    # What it was asked meanwhile it does as soon as it can.
    eventually("it has stopped", lambda: not is_running(pid))


def test_a_full_disk_under_the_log_stops_nobody(daemon: Daemon) -> None:
    daemon.log_file.parent.mkdir()
    daemon.log_file.symlink_to("/dev/full")
    daemon.start()
    client = daemon.connect()
    client.send("hello\n")
    client.until("guest1 : hello")


@pytest.mark.parametrize("profile", ["--plain", "--supervise"])
def test_restart_needs_no_server_and_disconnects_nobody(daemon: Daemon, profile: str) -> None:
    done = daemon.do("restart", profile)
    assert (done.returncode, done.stderr) == (0, "")
    before = daemon.pid
    client = daemon.connect()
    done = daemon.do("restart")
    assert (done.returncode, done.stderr) == (0, "")
    assert (daemon.pid == before) == (profile == "--plain")
    client.send("still here\n")
    client.until("still here")
    # The daemon is one still: it goes on in its own log.
    assert daemon.log_file.read_text().count("chatd: ready ") == 2


def test_a_full_restart_is_another_process(daemon: Daemon) -> None:
    before = daemon.start()
    client = daemon.connect()
    assert daemon.do("restart", "--full").returncode == 0
    assert daemon.pid != before
    assert not is_running(before)
    assert client.rest().endswith("--- closing: the server is stopping\n")
    daemon.connect()


def test_a_restart_that_would_fail_costs_nobody_the_server(daemon: Daemon) -> None:
    pid = daemon.start()
    client = daemon.connect()
    daemon.config.write_text("[limits]\nmax_clients = true\n")
    done = daemon.do("restart")
    assert done.returncode == 78
    assert "limits.max_clients = true: must be an integer of 0 or more" in done.stderr
    assert is_running(pid)
    client.send("still here\n")
    client.until("still here")


def test_a_broken_configuration_keeps_nobody_from_asking_and_stopping(daemon: Daemon) -> None:
    daemon.start()
    daemon.config.write_text("not toml")
    assert daemon.do("status").returncode == 0
    assert daemon.do("stop").returncode == 0


def test_stop_needs_no_control_socket(daemon: Daemon) -> None:
    pid = daemon.start()
    (daemon.runtime_dir / "control.sock").unlink()
    assert daemon.do("stop").returncode == 0
    assert not is_running(pid)


def test_reload_drops_nobody(daemon: Daemon) -> None:
    daemon.start()
    client = daemon.connect()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    daemon.config.write_text(
        f'[server]\nlog_level = "debug"\n[[listen]]\naddress = "127.0.0.1:{port}"\n'
    )
    done = daemon.do("reload")
    assert (done.returncode, done.stdout) == (0, "chatd: configuration reloaded\n")
    other = daemon.connect(port)
    client.send("over there\n")
    other.until("guest1 : over there")


def test_reload_says_what_needs_a_restart(daemon: Daemon) -> None:
    daemon.config.write_text(CONFIG + '[server]\nstate_dir = "/nowhere"\n')
    # The option goes before the key, so nothing changes.
    daemon.start()
    assert daemon.do("reload").stderr == ""
    daemon.do("stop")
    command = [CHATD, "start", f"--config={daemon.config}", f"--runtime-dir={daemon.runtime_dir}"]
    here = daemon.directory / "s"
    daemon.config.write_text(CONFIG + f'[server]\nstate_dir = "{here}"\n')
    subprocess.run(command, timeout=PATIENCE, check=True, stdout=subprocess.DEVNULL)
    daemon.config.write_text(
        CONFIG + '[server]\nstate_dir = "/nowhere"\n[journal]\nsynchronous = "full"\n'
    )
    done = daemon.do("reload")
    assert done.returncode == 0
    assert done.stderr == (
        "chatd: server.state_dir changes only with a restart\n"
        "chatd: journal.synchronous changes only with a restart\n"
    )


def test_a_reload_that_cannot_be_leaves_everything(daemon: Daemon) -> None:
    pid = daemon.start()
    client = daemon.connect()
    daemon.config.write_text("[limits]\nmax_rooms = -1\n")
    done = daemon.do("reload")
    assert done.returncode == 1
    said = f"{daemon.config}: limits.max_rooms = -1: must be an integer of 0 or more"
    assert done.stderr == f"chatd: {said}\n"
    os.kill(pid, signal.SIGHUP)
    eventually(
        "it is logged", lambda: f'configuration not reloaded reason="{said}"' in daemon.log()
    )
    client.send("still here\n")
    client.until("still here")


@pytest.mark.parametrize("how", ["reload", "SIGHUP"])
def test_a_log_moved_away_is_begun_anew_on_reload(daemon: Daemon, how: str) -> None:
    pid = daemon.start()
    daemon.log_file.rename(daemon.log_file.with_suffix(".1"))
    if how == "reload":
        assert daemon.do("reload").returncode == 0
    else:
        os.kill(pid, signal.SIGHUP)
    eventually(
        "a new log",
        lambda: daemon.log_file.exists() and "configuration reloaded" in daemon.log(),
    )
    assert "reloaded" not in daemon.log_file.with_suffix(".1").read_text()


@pytest.mark.parametrize("environ", [{}, {"A": ""}, {"A": "b" * 300}], ids=["no", "one", "more"])
@pytest.mark.parametrize("arguments", ["short", "long"])
def test_under_any_environment_there_is_room_for_titles(
    daemon: Daemon, environ: dict[str, str], arguments: str
) -> None:
    daemon.log_file.parent.mkdir()
    if arguments == "long":
        done = daemon.do("start", env=environ)
    else:
        command = [CHATD, "start", "--config=chatd.toml", "--runtime-dir=r", "--state-dir=s"]
        done = subprocess.run(
            command,
            cwd=daemon.directory,
            env=environ,
            timeout=PATIENCE,
            check=False,
            capture_output=True,
            text=True,
        )
    assert (done.returncode, done.stderr) == (0, "")
    client = daemon.connect()
    nick = "abcdefghijklmnopqrstuvwx"
    room = "#" + "r" * 31
    client.send(f"/nick {nick}\n/join {room}\n")
    client.until(f"you are in {room}")
    port = client.socket.getsockname()[1]
    title = f"chatd: {nick}@127.0.0.1:{port} text {room}"
    (worker,) = daemon.workers()
    eventually(title, lambda: Path(f"/proc/{worker}/cmdline").read_text().rstrip("\0") == title)


def test_the_master_carries_no_tls(daemon: Daemon) -> None:
    maps = Path(f"/proc/{daemon.start()}/maps").read_text()
    assert "_asyncio" in maps
    assert "libssl" not in maps
    assert "_ssl" not in maps
