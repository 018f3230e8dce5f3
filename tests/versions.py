"""Versions of chatd in virtual environments of their own, for upgrades between them."""

import shutil
import subprocess
import sys
import sysconfig
import threading
import time
import zipfile
from pathlib import Path

from harness import PATIENCE, ROOT, Client, Server, eventually


class Versions:
    """Installs versions of the package, each in a virtual environment of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def install(self, version: str, changes: dict[str, tuple[str, str]] | None = None) -> str:
        """Build a wheel of ``version`` and install it; return the interpreter that has it.

        ``changes`` are replacements in its files, by path.
        """
        source = self.directory / f"source-{version}"
        for name in ("supervisor", "workers", "client", "man"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, source / name, ignore=ignored)
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(ROOT / name, source)
        init = "workers/chatd_workers/__init__.py"
        before = (source / init).read_text()
        (source / init).write_text(
            before.replace('__version__ = "', f'__version__ = "{version}+was.')
        )
        for path, (old, new) in (changes or {}).items():
            text = (source / path).read_text()
            assert old in text, f"{path} has no {old!r}"
            (source / path).write_text(text.replace(old, new))
        wheels = self.directory / f"wheel-{version}"
        self._run(
            [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)], source
        )
        venv = self.directory / f"venv-{version}"
        self._run([sys.executable, "-m", "venv", "--without-pip", str(venv)], source)
        python = str(venv / "bin" / "python")
        site = Path(
            subprocess.check_output(
                [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"], text=True
            ).strip()
        )
        for wheel in wheels.iterdir():
            zipfile.ZipFile(wheel).extractall(site)
        # What it depends on is the tests' own.
        (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        return python

    @staticmethod
    def _run(command: list[str], directory: Path) -> None:
        subprocess.run(command, cwd=directory, check=True, capture_output=True, timeout=60)


def upgrade(python: str, server: Server) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [python, "-P", "-m", "chatd_supervisor", "upgrade", f"--runtime-dir={server.runtime_dir}"],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


class Talker:
    """Says numbered lines all the time, and keeps what comes."""

    def __init__(self, client: Client, nick: str) -> None:
        self.client = client
        self.nick = nick
        self.said = 0
        self.heard: list[str] = []
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._talk, daemon=True)
        self._thread.start()

    def _talk(self) -> None:
        while not self._stopped.is_set():
            self.client.send(f"{self.said}\n")
            self.said += 1
            self.heard += self.client.until(f"{self.nick} : {self.said - 1}")
            time.sleep(0.002)

    def stop(self) -> list[int]:
        """Return the numbers that came back, in order."""
        self._stopped.set()
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        own = [line for line in self.heard if line.startswith(f"{self.nick} : ")]
        return [int(line.split()[2]) for line in own]


def talk_through_an_upgrade(server: Server, python: str, version: str) -> None:
    """Upgrade ``server`` while people talk; see that nobody notices, and all workers are new."""
    speaker = server.connect("alice")
    deaf = server.connect("deaf", receive_buffer=4096)
    crowd = [server.connect(f"p{n}") for n in range(5)]
    speaker.until("p4")
    alice = Talker(speaker, "alice")
    before = {one["nick"]: one["pid"] for one in server.ask("ps")}
    eventually("alice has said something", lambda: alice.said > 50)
    done = upgrade(python, server)
    assert done.returncode == 0, done.stderr
    assert f"pid {server.master} goes on with version {version}" in done.stdout
    assert server.ask("status")["version"].startswith(version)

    def replaced() -> bool:
        now = {one["nick"]: one["pid"] for one in server.ask("ps")}
        return now.keys() == before.keys() and all(now[n] not in (before[n], None) for n in now)

    eventually("every worker is a new one", replaced)
    said = alice.said
    eventually("alice goes on", lambda: alice.said > said + 50)
    heard = alice.stop()
    assert heard == list(range(alice.said))
    alice.client.send("the end\n")
    for person in (deaf, *crowd):
        lines = [line for line in person.until("the end") if line.startswith("alice : ")]
        assert [int(line.split()[2]) for line in lines[:-1]] == heard
        # The new version's way of writing begins once, and stays.
        anew = [line.endswith("(anew)") for line in lines]
        assert anew == sorted(anew)
        assert (anew[0], anew[-1]) == (False, True)
