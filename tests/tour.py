"""The examples of chatd-debugging(7), run against a real server.

In a literal display of the page stand command lines, ``$ COMMAND``, or ``# COMMAND`` for root, each
followed by what it prints. ``# alice says hello`` behind a command is what happens meanwhile, or
after it if it ends by itself. A line ``...`` stands for any lines that are left out, three dots
within a line for anything, and a line that begins with many spaces goes on with the one before it.

The page's pids and ports are those of ``PLACES``; they stand for what they are in the run. Times,
ages, sizes and such differ from run to run, and count as alike, as do spaces.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from chatd_supervisor.asking import ControlError, ask
from harness import BIN, PATIENCE, ROOT, Client, eventually

PAGE: Final = ROOT / "man" / "chatd-debugging.7"

PLACES: Final = {
    "port": ["5015"],
    "supervisor": ["2869", "2940", "2948"],
    "master": ["2870", "2931", "2941", "2949"],
    "alice": ["2874", "2893"],
    "bob": ["2875", "2956"],
    "alice's port": ["43052"],
    "bob's port": ["43060"],
}
"""Numbers of the page, by what they stand for: of the first process that is so, the second ..."""

STATE_DIR: Final = "/home/ann/.local/state/chatd"
RUNTIME_DIR: Final = "/run/user/1000/chatd"
"""Where the log is, and the control socket, on the page."""

CGROUPS: Final = "/sys/fs/cgroup"

CAP_SYS_PTRACE: Final = 19
"""capabilities(7)."""

GAP: Final = "..."

LASTING: Final = ("strace", "chatd trace")
"""What goes on until Ctrl-C."""

UNORDERED: Final = ("ss", "ps")
"""What lists sockets and processes as the kernel has them."""

CONTINUED: Final = " " * 12


class Example(NamedTuple):
    """A command line of the page."""

    command: str
    root: bool
    who: str
    says: str
    printed: list[str]

    @property
    def tool(self) -> str:
        return self.command.split()[0]

    @property
    def lasts(self) -> bool:
        return self.command.startswith(LASTING)


def examples(page: str) -> list[Example]:
    """Return the examples of a ``page`` in mdoc, without those that it says are not checked."""
    page = re.sub(r'^\.\\" not checked:.*?^\.Ed$', "", page, flags=re.MULTILINE | re.DOTALL)
    found = []
    for display in re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed$", page, re.MULTILINE | re.DOTALL):
        plain = display.replace("\\e", "\\").replace("\\&", "")
        lines = plain.replace(f"\n{CONTINUED}", " ").splitlines()
        for line in lines:
            match = re.fullmatch(r"([$#]) (.*?)(?:  # (\w+) says (.*))?", line)
            if match:
                prompt, command, who, says = match.groups()
                found.append(Example(command, prompt == "#", who or "", says or "", []))
            else:
                assert found, f"printed by nothing: {line}"
                found[-1].printed.append(line)
    return found


def unchecked(page: str) -> list[str]:
    """Return the commands that the ``page`` shows and no test runs."""
    shown = re.findall(r'^\.\\" not checked:.*?^\.Ed$', page, re.MULTILINE | re.DOTALL)
    return [line[2:] for one in shown for line in one.splitlines() if re.match(r"[$#] ", line)]


class Stage:
    """A server with alice and bob on it, in directories of its own."""

    def __init__(self, directory: Path) -> None:
        self.state = directory / "s"
        self._runtime = directory / "r"
        config = directory / "c" / "chatd" / "chatd.toml"
        for made in (self.state, self._runtime, config.parent):
            made.mkdir(parents=True)
        config.write_text('[[listen]]\naddress = "127.0.0.1:0"\n[history]\non_join = 0\n')
        self._environment = {
            **os.environ,
            "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "RUNTIME_DIRECTORY": str(self._runtime),
            "STATE_DIRECTORY": str(self.state),
            "XDG_CONFIG_HOME": str(directory / "c"),
        }
        # What is it in the run, by what it is on the page.
        self._real: dict[str, str] = {}
        self.run("chatd start")
        address = json.loads(self.run("chatd status --json"))["listen"][0]["address"]
        port = address.rpartition(":")[2]
        self._people = {name: Client(int(port)).greet(name) for name in ("alice", "bob")}
        self._real["5015"] = port
        # Another port would be listened on by the master that comes when this one was killed.
        config.write_text(config.read_text().replace("127.0.0.1:0", address))
        for name, client in self._people.items():
            (place,) = PLACES[f"{name}'s port"]
            self._real[place] = str(client.socket.getsockname()[1])

    def run(self, command: str) -> str:
        """Run ``command`` in a shell; return what it prints."""
        done = subprocess.run(
            ["sh", "-c", command],
            env=self._environment,
            cwd=self.state,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=PATIENCE,
            check=False,
        )
        return done.stdout.decode(errors="replace")

    def learn(self) -> None:
        """Learn which processes there are now; a new one gets the next number of the page."""
        pid_file = self._runtime / "chatd.pid"
        master = int(pid_file.read_text().split()[0]) if pid_file.exists() else 0
        self._meet("master", master)
        # Not the guard of a master whose supervisor was killed: that is its child.
        parent = parent_of(master)
        if is_supervisor(parent):
            self._meet("supervisor", parent)
        try:
            sessions = ask(self._runtime / "control.sock", "ps")["sessions"]
        except ControlError:
            return  # no master
        for session in sessions:
            self._meet(session["nick"], session["pid"] or 0)
        # It has answered, and may be on its way back from that: what it does is on the page, too.
        eventually("the master has nothing to do", lambda: is_at_rest(master))

    def _meet(self, who: str, pid: int) -> None:
        if not pid or str(pid) in self._real.values():
            return
        place = next((place for place in PLACES[who] if place not in self._real), None)
        assert place, f"the page has not so many of {who}"
        self._real[place] = str(pid)

    def really(self, command: str) -> str:
        """Return ``command`` of the page as it is to be here."""
        for place, real in self._real.items():
            command = re.sub(rf"(?<!\0)\b{place}\b", f"\0{real}", command)
        return command.replace("\0", "").replace(CGROUPS, cgroups() or CGROUPS)

    def as_on_the_page(self, printed: str) -> str:
        """Return what was ``printed`` here with the numbers and places of the page."""
        for place, real in self._real.items():
            printed = re.sub(rf"(?<!\0)\b{real}\b", f"\0{place}", printed)
        printed = printed.replace("\0", "").replace(str(self.state), STATE_DIR)
        return printed.replace(str(self._runtime), RUNTIME_DIR)

    def happen(self, example: Example) -> None:
        """Have said what is said."""
        if example.who:
            self._people[example.who].send(f"{example.says}\n")

    def knows(self, command: str) -> bool:
        """Return whether it is known by now what the numbers in ``command`` stand for."""
        self.learn()
        return all(number in self._real for number in re.findall(r"\d{4,}", command))

    def play(self, example: Example) -> str:
        """Run ``example``; return what is wrong with it, "" if nothing is."""
        eventually(f"all in {example.command} are there", lambda: self.knows(example.command))
        command = self.really(example.command)
        if example.lasts:
            return self._play_lasting(example, command)
        deadline = time.monotonic() + PATIENCE
        while True:
            printed = self.run(command)
            self.learn()
            wrong = difference(example, self.as_on_the_page(printed).splitlines())
            if not wrong or time.monotonic() > deadline:
                self.happen(example)
                return wrong
            time.sleep(0.1)

    def _play_lasting(self, example: Example, command: str) -> str:
        out = self.state / "out"
        with out.open("wb") as to:
            process = subprocess.Popen(
                command.split(),
                env=self._environment,
                cwd=self.state,
                stdin=subprocess.DEVNULL,
                stdout=to,
                stderr=to,
            )

        def printed() -> list[str]:
            return self.as_on_the_page(out.read_text(errors="replace")).splitlines()

        try:
            eventually(f"{command} begins", lambda: printed() or process.poll() is not None)
            self.happen(example)
            deadline = time.monotonic() + PATIENCE
            while wrong := difference(example, [*printed(), GAP]):
                if time.monotonic() > deadline or process.poll() is not None:
                    return wrong
                time.sleep(0.1)
            return ""
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(PATIENCE)

    def end(self) -> None:
        """Leave nothing behind."""
        for client in self._people.values():
            client.close()
        self.run("chatd stop")
        clear_cgroup()


@contextmanager
def staged(directory: Path) -> Iterator[Stage]:
    clear_cgroup()
    stage = Stage(directory)
    try:
        yield stage
    finally:
        stage.end()


def parent_of(pid: int) -> int:
    """Return the parent of ``pid``; 0 if it has ended."""
    with suppress(FileNotFoundError, ProcessLookupError):
        (found,) = re.findall(
            r"^PPid:\t(\d+)$", Path(f"/proc/{pid}/status").read_text(), re.MULTILINE
        )
        return int(found)
    return 0


def is_supervisor(pid: int) -> bool:
    """Return whether ``pid`` is called one."""
    with suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/cmdline").read_bytes().startswith(b"chatd: supervisor")
    return False


def is_at_rest(pid: int) -> bool:
    """Tell whether ``pid`` slept for a while, and was not once awake; True if it has ended."""

    def sleeps() -> str:
        """Return how often it has gone to sleep, "" if it is awake (proc(5))."""
        status = Path(f"/proc/{pid}/status").read_text()
        asleep = r"^State:\tS.*^voluntary_ctxt_switches:\t(\d+)$"
        found = re.search(asleep, status, re.MULTILINE | re.DOTALL)
        return found[1] if found else ""

    with suppress(FileNotFoundError, ProcessLookupError):
        before = sleeps()
        time.sleep(0.02)
        return before != "" and sleeps() == before
    return True


def cgroups() -> str:
    """Return where a cgroup can be made on this machine; "": nowhere."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(place, os.W_OK) and os.geteuid() == 0:
            return place
    return ""


def may_trace() -> bool:
    """Tell whether this process may trace one that is not dumpable (CAP_SYS_PTRACE)."""
    (held,) = re.findall(r"CapEff:\t(\w+)", Path("/proc/self/status").read_text())
    return bool(int(held, 16) >> CAP_SYS_PTRACE & 1)


def clear_cgroup() -> None:
    """Remove the cgroup that is made on the page, if it is there and empty."""
    with suppress(OSError):
        os.rmdir(f"{cgroups()}/quiet")


def can_run(example: Example) -> bool:
    """Tell whether this machine has what ``example`` needs."""
    if example.root and os.geteuid() != 0:
        return False
    if CGROUPS in example.command:
        return bool(cgroups())
    # Also kcmp(2) is for who may trace, in a container.
    if example.tool in ("strace", "gdb", "python3") and not may_trace():
        return False
    found = shutil.which(example.tool, path=f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin")
    return found is not None or example.tool in ("kill", "cd", "echo")


_KNOWN: Final = {number for numbers in PLACES.values() for number in numbers}


def alike(line: str) -> str:
    """Return ``line`` without what differs from run to run.

    Small numbers are left, which do not: bytes of a line, restarts, how many there are.
    """
    for pattern, instead in _VARYING:
        line = re.sub(pattern, instead, line)
    line = re.sub(r"\d{3,}", lambda number: number[0] if number[0] in _KNOWN else "0", line)
    return " ".join(line.split())


_VARYING: Final = (
    (r"\d{4}-\d\d-\d\dT[\d:]+Z|\b\d\d:\d\d:\d\d\.\d+", "TIME"),
    (r"0x[0-9a-f]+|\b[0-9a-f]{11,}-\d+\b", "0"),
    (r"\b(\d+[smhd])+\b", "0s"),
    (r"(?<![\d.])\d+\.\d+(M\b|(?![\d.]))", "0"),
    # Which descriptor it is, depends on what there was before.
    (r"\bfd=\d+|(?<=^recvfrom\()\d+|(?<=^sendto\()\d+|(?<=^pwrite64\()\d+", "0"),
    (r"^ *\d+ +(?=socket:)", ""),
    (r"\b(uid|by)=\d+", r"\1=0"),
    # The tests may be run by nice(1).
    (r"\b([DRSTt])[N<](?=[Lsl+]* )", r"\1"),
    (r"\bold priority -?\d+", "old priority 0"),
    (r'File ".*/', 'File "'),
    (r", line \d+,", ", line 0,"),
)


def difference(example: Example, printed: list[str]) -> str:
    """Return how what was ``printed`` is not what the page shows; "" if it is."""
    shown = [alike(line) for line in example.printed]
    seen = [alike(line) for line in printed]
    if example.tool in UNORDERED:
        shown.sort()
        seen.sort()
    if _fits(shown, seen):
        return ""
    return "\n".join(["the page shows", *shown, "and it is", *seen, "namely", *printed])


def _fits(shown: list[str], seen: list[str]) -> bool:
    if not shown:
        return not seen or seen == [GAP]
    first, *rest = shown
    if first == GAP:
        return any(_fits(rest, seen[place:]) for place in range(len(seen) + 1))
    wanted = re.escape(first).replace(re.escape(GAP), ".*")
    return bool(seen) and bool(re.fullmatch(wanted, seen[0])) and _fits(rest, seen[1:])


def main() -> None:
    """Print what each example prints, for who writes the page: ``tour.py DIRECTORY``."""
    with staged(Path(sys.argv[1]).resolve()) as stage:
        for example in examples(PAGE.read_text("utf-8")):
            wrong: Any = stage.play(example) if can_run(example) else "CANNOT RUN"
            print(f"$ {example.command}\n{wrong}\n", flush=True)


if __name__ == "__main__":
    main()
