"""File systems that are full, as far as those who test may make them so."""

import os
import resource
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol

from harness import CHATD, Server

MOUNTED: Final = 'mount -t tmpfs -o size=4m,mode=700 none "$0" && exec "$@"'

ROOM: Final = 70_000
"""Bytes that a file may have: more than ledger and outbox come to, less than the journal."""


class Disk(Protocol):
    """Where the journal is."""

    program: list[str]
    """What to run."""

    def fill(self, server: Server) -> None:
        """Leave no room on it."""

    def free(self, server: Server) -> None:
        """Let there be room again."""


class SmallDisk:
    """A file system of its own, in memory, with four megabytes; only its processes see it."""

    def __init__(self, directory: Path) -> None:
        self._state_dir = directory / "s"
        self._state_dir.mkdir()
        self.program = ["unshare", "-Urm", "sh", "-c", MOUNTED, str(self._state_dir), CHATD]

    def _filler(self, server: Server) -> Path:
        return Path(f"/proc/{server.pid}/root{self._state_dir}/filler")

    def fill(self, server: Server) -> None:
        """Write until there is no room."""
        with open(self._filler(server), "ab", buffering=0) as filler:
            for size in (1 << 16, 1 << 12):
                with suppress(OSError):
                    while filler.write(bytes(size)):
                        pass

    def free(self, server: Server) -> None:
        """Remove what was written."""
        self._filler(server).unlink()


class ShortFiles:
    """Files that may not become longer, by setrlimit(2): as good as full, and anybody may."""

    def __init__(self, _: Path) -> None:
        self.program = [CHATD]

    def _limit(self, server: Server, most: int) -> None:
        for pid in {server.pid, server.master}:
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))

    def fill(self, server: Server) -> None:
        """Set the limit."""
        self._limit(server, ROOM)

    def free(self, server: Server) -> None:
        """Lift it."""
        self._limit(server, resource.RLIM_INFINITY)


def kinds(scratch: Path) -> "list[type[SmallDisk | ShortFiles]]":
    """Return what can be had here."""
    try:
        probe = ["unshare", "-Urm", "sh", "-c", MOUNTED, str(scratch), "true"]
        mounted = subprocess.run(probe, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        mounted = False
    return [ShortFiles, SmallDisk] if mounted else [ShortFiles]


def mortal() -> list[str]:
    """Return what makes root heed the modes of files, as everybody else does."""
    if os.geteuid() or not shutil.which("setpriv"):
        return []
    override = "-dac_override,-dac_read_search"
    return ["setpriv", f"--bounding-set={override}", f"--inh-caps={override}"]
