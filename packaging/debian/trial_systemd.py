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
    """Return the pid that systemd watches: a supervisor's."""
    return int(show("MainPID"))


def master() -> int:
    """Return the pid of the master; 0: none answers."""
    return int(status().get("pid", 0))


def supervisor() -> int:
    """Return the pid of its supervisor; 0: no master answers."""
    return int(status().get("supervisor", 0))


def is_active() -> bool:
    """Tell whether the unit is active, and neither starting nor reloading."""
    return show("ActiveState") == "active"


def await_pair_after(*pids: int) -> None:
    """Wait until the unit runs, and master and supervisor are others than ``pids``."""

    def other() -> bool:
        return is_active() and not {main_pid(), supervisor(), master()} & {0, *pids}

    eventually("another pair, of which systemd knows", other)


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
    for pid in (main_pid(), master()):
        wall = Path(f"/proc/{pid}/status").read_text()
        for line in (r"Seccomp:\s+2", r"NoNewPrivs:\s+1", r"CapBnd:\s+0+"):
            assert re.search(f"^{line}$", wall, re.MULTILINE), line


def try_deaths(alice: Client, bob: Client) -> None:
    """Nobody notices the death of any process, and nobody is born again for another's."""
    eventually("its status is shown", lambda: show("StatusText") == "127.0.0.1:5015 2 clients")
    assert int(show("NFileDescriptorStore")) == 4, "two clients, two listening sockets"
    known = workers()

    for _ in range(3):
        before = master()
        os.kill(before, signal.SIGKILL)
        talk(alice, bob)
        await_pair_after(before)
    assert show("NRestarts") == "0", "the supervisor was there"

    for _ in range(3):
        before = supervisor()
        os.kill(before, signal.SIGKILL)
        talk(alice, bob)
        await_pair_after(before)
        assert main_pid() == supervisor()
    before = supervisor()
    os.kill(before, signal.SIGKILL)
    eventually("a guard", lambda: supervisor() != before)
    os.kill(supervisor(), signal.SIGKILL)
    talk(alice, bob)
    await_pair_after(before)

    both = supervisor(), master()
    for pid in both:
        os.kill(pid, signal.SIGKILL)
    talk(alice, bob)
    await_pair_after(*both)

    both = supervisor(), master()
    run("systemctl", "restart", UNIT)
    await_pair_after(*both)
    talk(alice, bob)
    assert workers() == known, "no worker was born again"
    assert int(show("NFileDescriptorStore")) == 4

    for pid in workers():
        os.kill(pid, signal.SIGKILL)
    talk(alice, bob)

    for _ in range(3):
        both = supervisor(), master()
        run("systemctl", "kill", "--signal=KILL", UNIT)
        talk(alice, bob)
        await_pair_after(*both)
    assert int(show("NFileDescriptorStore")) == 4


def try_watchdog(alice: Client, bob: Client) -> None:
    """A master that is stopped, or hangs otherwise, is followed by another one."""
    DROP_IN.parent.mkdir(parents=True, exist_ok=True)
    DROP_IN.write_text("[Service]\nWatchdogSec=2s\n")
    run("systemctl", "daemon-reload")
    run("systemctl", "restart", UNIT)
    for _ in range(2):
        both = supervisor(), master()
        time.sleep(3)
        assert (supervisor(), master()) == both, "its watchdog is fed"
        known = workers()
        os.kill(both[1], signal.SIGSTOP)
        talk(alice, bob)
        await_pair_after(*both)
        assert workers() == known, "no worker was born again"
        # Of one that has followed another it is fed as well.
        run("chatd", "upgrade")


def try_everything_else(alice: Client, bob: Client) -> None:
    """What needs more than the plain way: OpenSSL, a process for a password, others' numbers."""
    text = CONFIG.read_text()
    CONFIG.write_text(f"{text}\n[limits]\nmax_clients = -1\n")
    run("systemctl", "reload", UNIT, fails=True)
    make_certificate()
    CONFIG.write_text(text + OTHERS)
    main = main_pid()
    run("systemctl", "reload", UNIT)
    assert main_pid() == main
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
        for who in (master, supervisor):
            before = who()
            os.kill(before, signal.SIGKILL)
            talk(alice, bob, dora)
            await_pair_after(before)
        games.kill()
    for one in (alice, bob, dora):
        one.until("left")
    (new,) = glob.glob(f"/run/debs/chatd_{NEW}*.deb")
    before = main_pid()
    run("dpkg", "--install", new)
    assert (main_pid(), status()["version"]) == (before, NEW)
    talk(alice, bob, dora)
    # It is the parent of the others, and no more.
    os.kill(before, signal.SIGKILL)
    talk(alice, bob, dora)
    await_pair_after(before)


def try_the_end(alice: Client) -> None:
    """A stop is told, and leaves nothing."""
    run("systemctl", "stop", UNIT)
    alice.until("the server is stopping")
    assert show("Result") == "success"
    assert show("NFileDescriptorStore") == "0"
    assert not Path("/run/chatd").exists()


def try_socket_unit() -> None:
    """A socket unit starts it again; its socket stays, whoever is killed."""
    run("systemctl", "start", "chatd.socket")
    assert not is_active()
    carol = Client("carol")
    carol.talk("hello")
    assert is_active()
    for number, who in enumerate((master, supervisor, main_pid)):
        before = who()
        os.kill(before, signal.SIGKILL)
        newcomer = Client(f"newcomer{number}")
        newcomer.talk("hello")
        await_pair_after(before)
        newcomer.socket.shutdown(socket.SHUT_RDWR)
        carol.until("left")
    run("systemctl", "kill", "--signal=KILL", UNIT)
    dave = Client("dave")
    dave.talk("hello")
    carol.until("dave : hello")
    # Two clients; and what listens for workers, by TLS and in the file system.
    eventually("nothing else is stored", lambda: show("NFileDescriptorStore") == "5")
    run("dpkg", "--purge", "chatd")
    eventually("all are gone", lambda: not glob.glob("/sys/fs/cgroup/system.slice/chatd.service"))


def main() -> None:
    """Go through all of it."""
    run("ip", "link", "set", "lo", "up")
    try_installation()
    alice, bob = Client("alice"), Client("bob")
    alice.until("is now bob")
    try_deaths(alice, bob)
    try_watchdog(alice, bob)
    try_everything_else(alice, bob)
    try_the_end(alice)
    try_socket_unit()
    print("\nsystemd: nobody was disconnected but by a stop.")


if __name__ == "__main__":
    main()
