"""The life of the Debian package, looked at from inside the root it is installed in: see ``try``.

With Debian's Python and nothing but its library. There is no systemd there that runs, so this also
shows that the maintainer scripts do not need it.
"""

import contextlib
import glob
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

OLD, NEW = "0.", "9.9.9"
ADDRESS = ("127.0.0.1", 5015)


def run(*command: str, fails: bool = False) -> str:
    """Run a command, show it, and return what it says."""
    done = subprocess.run(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
        check=False,
    )
    print(f"$ {' '.join(command)}\n{done.stdout}", end="", flush=True)
    assert (done.returncode != 0) == fails, f"exit status {done.returncode}"
    return done.stdout


class Client:
    """Somebody on nc."""

    def __init__(self, nick: str, connected: socket.socket | None = None) -> None:
        self.nick = nick
        self.socket = connected or socket.create_connection(ADDRESS, timeout=20)
        self.lines = self.socket.makefile("r")
        self.until("/help lists")
        self.socket.sendall(f"/nick {nick}\n".encode())
        self.until(f"is now {nick}")

    def until(self, part: str) -> list[str]:
        """Return all lines up to one with ``part``."""
        heard: list[str] = []
        while part not in (line := self.lines.readline()):
            assert line, f"disconnected before {part!r}; heard {heard}"
            heard.append(line)
        return heard

    def talk(self, word: str) -> None:
        """Say ``word`` and hear it, and nothing but it."""
        self.socket.sendall(f"{word}\n".encode())
        heard = self.until(f"{self.nick} : {word}")
        assert heard == [], heard


def status() -> dict[str, str]:
    """Return what ``chatd status`` shows."""
    return dict(re.findall(r"^(\w[\w ]*?)  +(.*)$", run("chatd", "status"), re.MULTILINE))


def processes() -> list[str]:
    """Return the titles of all of chatd's processes."""
    found = []
    for path in glob.glob("/proc/[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            title = Path(path).read_bytes().split(b"\0")[0].decode()
            if title.startswith("chatd:"):
                found.append(title)
    return found


def left() -> Iterator[str]:
    """Yield what is left of the package's files outside of /var/lib/dpkg."""
    for top in ("/etc", "/usr", "/lib/systemd", "/run", "/var/lib/chatd", "/var/lib/systemd"):
        for directory, _, files in os.walk(top):
            for name in files:
                if "chatd" in os.path.join(directory, name).split("/work/")[0]:
                    yield os.path.join(directory, name)


def try_as_first_process() -> None:
    """What the container file says is run: as PID 1 of a namespace, as an ordinary user."""
    text = Path("/run/debs/Containerfile").read_text()
    command = [
        word
        for instruction in ("ENTRYPOINT", "CMD")
        for word in json.loads(re.findall(rf"^{instruction} (\[.*\])$", text, re.MULTILINE)[-1])
    ]
    as_user = ["setpriv", "--reuid=chatd", "--regid=chatd", "--clear-groups", "--no-new-privs"]
    unshare = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child"]
    with subprocess.Popen([*unshare, *as_user, *command]) as container:
        eventually("it is ready", lambda: "chatd: supervisor" in processes())
        first = child_of(container.pid)
        eventually("it answers", lambda: in_namespace(first, "chatd", "status") == 0)
        alice = Client("alice")
        alice.talk("to the first process")
        # An orphan, whose parent by now is PID 1.
        in_namespace(first, "sh", "-c", "sleep 0.2 &")
        in_namespace(first, "pkill", "-KILL", "-f", "^chatd: master")
        alice.talk("after the master was killed in it")
        eventually("orphans are reaped", lambda: "Z" not in states_of_children(first))
        for _ in range(2):
            assert in_namespace(first, "chatd", "upgrade") == 0
            alice.talk("after an upgrade in it")
        # Beside the first process there is one pair; another one follows if one of it is killed.
        eventually("no more are there", lambda: processes().count("chatd: supervisor") == 2)
        in_namespace(first, "pkill", "-KILL", "-f", "^chatd: master")
        alice.talk("and after the master of that was killed")
        # Nobody waits for an orphan that stays, nor for how it ends.
        in_namespace(first, "sh", "-c", "(sleep 0.2; exit 3) & sleep 1000 &")
        eventually("orphans are reaped", lambda: "Z" not in states_of_children(first))
        os.kill(first, signal.SIGTERM)
        alice.until("the server is stopping")
        assert container.wait(20) == 0


def child_of(pid: int) -> int:
    """Return the only child of ``pid``."""
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def states_of_children(pid: int) -> list[str]:
    """Return the states of all children of ``pid``, as proc_pid_stat(5) has them."""
    found = []
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
        with contextlib.suppress(OSError):
            found.append(Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0])
    return found


def in_namespace(first: int, *command: str) -> int:
    """Run ``command`` where ``first`` is PID 1; return its exit status."""
    enter = ["nsenter", f"--target={first}", "--pid", "--mount", "--root"]
    done = subprocess.run([*enter, *command], stdin=subprocess.DEVNULL, check=False, timeout=20)
    return done.returncode


def eventually(what: str, probe: Callable[[], object]) -> None:
    """Wait until ``probe`` is true."""
    deadline = time.monotonic() + 20
    while not probe():
        assert time.monotonic() < deadline, f"not within 20 s: {what}"
        time.sleep(0.1)


def main() -> None:
    """Go through all of it."""
    before = set(left())
    (old,) = glob.glob(f"/run/debs/chatd_{OLD}*.deb")
    (new,) = glob.glob(f"/run/debs/chatd_{NEW}*.deb")
    options = ("--force-unsafe-io", "--no-triggers")  # manual pages are not looked for here
    install = ("dpkg", *options, "--install")

    run(*install, old)
    user = pwd.getpwnam("chatd")
    assert Path("/var/lib/chatd").stat().st_uid == user.pw_uid
    assert run("chatd", "--version").startswith("chatd 0.")
    assert run("chat-client", "--version").startswith("chat-client 0.")
    assert "can be used" in run("chatd", "check-config")
    for page in ("man8/chatd.8", "man1/chat-client.1", "man5/chatd.toml.5"):
        # A bare Debian in a container drops manual pages (path-exclude in dpkg.cfg).
        assert Path(f"/usr/share/man/{page}.gz").exists() or "path-exclude" in run(
            "cat", *glob.glob("/etc/dpkg/dpkg.cfg.d/*")
        )
    run("chatd", "status", fails=True)

    run("setpriv", "--reuid=chatd", "--regid=chatd", "--clear-groups", "chatd", "start")
    alice = Client("alice")
    alice.talk("hello")
    first = status()
    assert first["version"].startswith(OLD)

    with open("/etc/chatd/chatd.toml", "a") as config:
        config.write("\n# The administrator was here.\n")
    run(*install, new)
    alice.talk("still here, after an upgrade")
    second = status()
    assert second["version"] == NEW
    assert second["pid"] != first["pid"]
    assert "was here" in Path("/etc/chatd/chatd.toml").read_text()
    eventually("a pair and a worker are there", lambda: len(processes()) == 3)
    owner = Path(f"/proc/{second['pid']}").stat().st_uid
    assert owner == user.pw_uid, "nothing of it runs as root"

    # One that cannot start: everything goes on as it was.
    site = glob.glob("/usr/lib/chatd/lib/python3*/site-packages/chatd_supervisor/master.py*")
    for path in (*site, *glob.glob(f"{os.path.dirname(site[0])}/__pycache__/master.*")):
        os.unlink(path)
    run("chatd", "upgrade", fails=True)
    alice.talk("and after one that failed")
    run(*install, new)
    alice.talk("and was put right")

    run("dpkg", *options, "--remove", "chatd")
    alice.until("the server is stopping")
    eventually("its processes are gone", lambda: not processes())
    assert Path("/etc/chatd/chatd.toml").exists()
    assert Path("/var/lib/chatd/journal.db").exists()
    assert not Path("/usr/bin/chatd").exists()

    run(*install, new)
    assert "still here, after an upgrade" in run("chatd", "history")
    try_as_first_process()
    run("dpkg", *options, "--purge", "chatd")
    assert set(left()) <= before, set(left()) - before
    print("\nThe package was installed, started, upgraded, stopped, removed and purged.")


if __name__ == "__main__":
    main()
