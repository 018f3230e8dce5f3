"""chatd's commands, and those for a server with directories of its own."""

import subprocess
from pathlib import Path
from typing import Any

from harness import CHATD, PATIENCE, Client


def finished(command: list[str], **how: Any) -> subprocess.CompletedProcess[str]:
    """Run ``command`` to its end, with nothing to read; ``how`` is what subprocess.run takes."""
    if "input" not in how:
        how["stdin"] = subprocess.DEVNULL
    return subprocess.run(
        command, capture_output=True, text=True, timeout=PATIENCE, check=False, **how
    )


def run_chatd(*command: str, **how: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of chatd as it is given; return how it ended, and what it printed."""
    return finished([CHATD, *command], **how)


class ServerCommands:
    """The commands that concern one server, and what it writes."""

    def __init__(self, directory: Path, config: str) -> None:
        self.directory = directory
        self.runtime_dir = directory / "r"
        self.state_dir = directory / "s"
        self.log_file = self.state_dir / "chatd.log"
        self.config = directory / "chatd.toml"
        self.configure(config)
        self.clients: list[Client] = []

    def configure(self, text: str) -> None:
        """Replace the configuration, at once: half of one is one, too, and a master may read it."""
        new = self.config.with_suffix(".new")
        new.write_text(text)
        new.replace(self.config)

    def program(self) -> list[str]:
        return [CHATD]

    def command(self, name: str, *more: str) -> list[str]:
        """Return the command ``name``, which may be two words, with the options of this server."""
        options = [f"--config={self.config}", f"--runtime-dir={self.runtime_dir}"]
        if name in ("run", "start", "restart"):
            options.append(f"--state-dir={self.state_dir}")
        return [*self.program(), *name.split(), *options, *more]

    def do(self, name: str, *more: str, **how: Any) -> subprocess.CompletedProcess[str]:
        """Run a command of this server; ``how`` is what subprocess.run takes."""
        return finished(self.command(name, *more), **how)

    def pid_in(self, name: str) -> int:
        """Return the pid that the file of this name holds."""
        return int((self.runtime_dir / name).read_text())

    def log(self) -> str:
        return self.log_file.read_text()
