"""The package's unit under systemd itself, which is PID 1 of the root that ``try --systemd`` boots.

What ``tests/process/test_service_manager.py`` holds against a stand-in, held against the original.
The sandbox of the unit is there and takes nothing away that is needed; nobody is disconnected by
a restart, a crash, a hang, a reload, and an upgrade of the package.
"""

import glob
import os
import pwd
import re
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path

from trial import NEW, OLD, Client, eventually, run, status

UNIT = "chatd.service"
CONFIG = Path("/etc/chatd/chatd.toml")
DROP_IN = Path(f"/etc/systemd/system/{UNIT}.d/trial.conf")
CERTIFICATE = Path("/etc/chatd/both.pem")

OTHERS = f"""
[[listen]]
address = "127.0.0.1:5016"
tls = true
cert = "{CERTIFICATE}"

[[listen]]
address = "unix:/run/chatd/chat.sock"

[accounts]
registration = true
"""

COME_AND_WAIT = (
    'import socket; s = socket.socket(socket.AF_UNIX); s.connect("/run/chatd/chat.sock"); '
    "s.makefile().read()"
)


def show(key: str) -> str:
    """Return a property of the unit."""
    return run("systemctl", "show", "--value", f"--property={key}", UNIT).strip()


def main_pid() -> int:
    """Return the pid of the master."""
    return int(show("MainPID"))


def is_active() -> bool:
    """Tell whether the unit is active, and neither starting nor reloading."""
    return show("ActiveState") == "active"


def await_successor_of(pid: int) -> None:
    """Wait for another master than ``pid``."""
    eventually("another master", lambda: main_pid() not in (0, pid) and is_active())


def has_nursery() -> bool:
    """Tell whether the master has a nursery that is ready."""
    return status()["nursery"].isdecimal()


def workers() -> list[int]:
    """Return the pids of all workers."""
    return [int(pid) for pid in re.findall(r"^\s*(\d+)", run("chatd", "ps"), re.MULTILINE)]


def talk(*clients: Client) -> None:
    """See that all hear what each says, once, and nothing else."""
    word = f"it is {time.monotonic()}"
    for one in clients:
        one.talk(f"{word}, {one.nick}")
        for other in clients:
            if other is not one:
                assert other.until(f"{one.nick} : {word}") == []


def connect_securely() -> socket.socket:
    """Connect by TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(("127.0.0.1", 5016), timeout=20))


def make_certificate() -> None:
    """Make one, and its key, in one file that the server may read."""
    words = ["-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-days", "2"]
    run("openssl", "req", *words, "-keyout", str(CERTIFICATE), "-out", "/tmp/certificate.pem")
    with CERTIFICATE.open("a") as both:
        both.write(Path("/tmp/certificate.pem").read_text())
    os.chown(CERTIFICATE, pwd.getpwnam("chatd").pw_uid, -1)


def try_installation() -> None:
    """It is started when it is installed, in its sandbox."""
    (old,) = glob.glob(f"/run/debs/chatd_{OLD}*.deb")
    run("dpkg", "--install", old)
    assert is_active()
    wall = Path(f"/proc/{main_pid()}/status").read_text()
    for line in (r"Seccomp:\s+2", r"NoNewPrivs:\s+1", r"CapBnd:\s+0+"):
        assert re.search(f"^{line}$", wall, re.MULTILINE), line
    eventually("its workers have a nursery", has_nursery)


def try_deaths(alice: Client, bob: Client) -> None:
    """Nobody notices any of it."""
    eventually("its status is shown", lambda: show("StatusText") == "127.0.0.1:5015 2 clients")
    assert int(show("NFileDescriptorStore")) == 4, "two clients, two listening sockets"

    first, known = main_pid(), workers()
    run("systemctl", "restart", UNIT)
    assert main_pid() != first
    talk(alice, bob)
    assert workers() == known, "no worker was born again"

    before = main_pid()
    os.kill(before, signal.SIGKILL)
    await_successor_of(before)
    talk(alice, bob)
    assert workers() == known, "no worker was born again"

    before = main_pid()
    os.kill(before, signal.SIGSTOP)
    for pid in known:
        os.kill(pid, signal.SIGKILL)
    os.kill(before, signal.SIGKILL)
    await_successor_of(before)
    talk(alice, bob)

    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\nWatchdogSec=2s\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    before = main_pid()
    time.sleep(3)
    assert main_pid() == before, "its watchdog is fed"
    os.kill(before, signal.SIGSTOP)
    await_successor_of(before)
    talk(alice, bob)


def try_everything_else(alice: Client, bob: Client) -> None:
    """What needs more than the plain way: OpenSSL, a process for a password, others' numbers."""
    text = CONFIG.read_text()
    CONFIG.write_text(f"{text}\n[limits]\nmax_clients = -1\n")
    run("systemctl", "reload", UNIT, fails=True)
    make_certificate()
    CONFIG.write_text(text + OTHERS)
    run("systemctl", "reload", UNIT)
    dora = Client("dora", connect_securely())
    for one in (alice, bob):
        one.until("is now dora")
    dora.socket.sendall(b"/register correct-horse-battery-staple\n")
    dora.until("account dora is made")
    as_games = ["setpriv", "--reuid=games", "--regid=games", "--clear-groups"]
    with subprocess.Popen([*as_games, "/usr/bin/python3", "-c", COME_AND_WAIT]) as games:
        eventually("games is known", lambda: "unix:games:" in run("chatd", "ps"))
        for one in (alice, bob, dora):
            one.until("joined")
        run("systemctl", "restart", UNIT)
        talk(alice, bob, dora)
        games.kill()
    for one in (alice, bob, dora):
        one.until("left")
    (new,) = glob.glob(f"/run/debs/chatd_{NEW}*.deb")
    before = main_pid()
    run("dpkg", "--install", new)
    assert (main_pid(), status()["version"]) == (before, NEW)
    talk(alice, bob, dora)


def try_the_end(alice: Client) -> None:
    """A stop is told, and leaves nothing; a socket unit starts it again."""
    run("systemctl", "stop", UNIT)
    alice.until("the server is stopping")
    assert show("NFileDescriptorStore") == "0"
    assert not Path("/run/chatd").exists()
    run("systemctl", "start", "chatd.socket")
    assert not is_active()
    Client("carol").talk("hello")
    assert is_active()
    run("dpkg", "--purge", "chatd")
    eventually("all are gone", lambda: not glob.glob("/sys/fs/cgroup/system.slice/chatd.service"))


def main() -> None:
    """Go through all of it."""
    run("ip", "link", "set", "lo", "up")
    try_installation()
    alice, bob = Client("alice"), Client("bob")
    alice.until("is now bob")
    try_deaths(alice, bob)
    try_everything_else(alice, bob)
    try_the_end(alice)
    print("\nsystemd: nobody was disconnected but by a stop.")


if __name__ == "__main__":
    main()
