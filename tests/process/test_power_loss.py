"""What is left of the journal when the power fails: its files as they were last synced.

Anything that was written since may be there as well, or not; SQLite's own tests see to that. Here
it is seen that chatd lets nobody hear what would not be left.
"""

import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import ROOT, serving

LINES = 120

PROGRAM = """
from chatd_supervisor.journal import tending
tending.CHECKPOINT = 40
from chatd_supervisor.cli import main
main(prog_name="chatd")
"""
"""The write-ahead log is moved into the file more often than usual."""


class Heard(NamedTuple):
    """A line, and when somebody had heard it, by the monotonic clock in ns."""

    when: int
    text: str


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    library = tmp_path_factory.mktemp("shim") / "synced.so"
    source = ROOT / "tests" / "process" / "synced.c"
    flags = ["-O2", "-Wall", "-shared", "-fPIC", "-ldl"]
    subprocess.run(["cc", "-o", library, source, *flags], check=True)
    return library


def talk(directory: Path, shim: Path, synchronous: str) -> tuple[Path, list[Heard]]:
    """Have two talk; return where the synced files are, and what was heard."""
    kept = directory / "synced"
    kept.mkdir()
    preloaded = ["env", f"LD_PRELOAD={shim}", f"SYNCED={kept}", sys.executable, "-c", PROGRAM]
    heard: list[Heard] = []
    with serving(directory, f'[journal]\nsynchronous = "{synchronous}"\n', preloaded) as server:
        alice, bob = server.connect("alice"), server.connect("bob")
        alice.until("bob")
        for n in range(LINES):
            # Each in turn is the one who speaks, and the first whose hearing it counts.
            speaker, other = (alice, bob) if n % 2 else (bob, alice)
            speaker.send(f"line {n}\n")
            for client in (speaker, other) if n % 3 else (other, speaker):
                line = client.until(f"line {n}")[-1]
                heard.append(Heard(time.monotonic_ns(), line.partition(" : ")[2]))
    return kept, heard


def left(kept: Path, when: int, into: Path) -> list[str] | None:
    """Return the lines in the journal as it was left at an instant; None if there was none yet."""
    into.mkdir()
    for name in ("journal.db", "journal.db-wal"):
        synced = [path for path in kept.glob(f"*.{name}") if int(path.name.split(".")[0]) <= when]
        if synced:
            shutil.copy(max(synced, key=lambda path: int(path.name.split(".")[0])), into / name)
    if not (into / "journal.db").exists():
        return None
    database = sqlite3.connect(into / "journal.db")
    assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    found = database.execute("SELECT text FROM entries WHERE kind = 'say' ORDER BY seq").fetchall()
    database.close()
    return [text for (text,) in found]


def lines(count: int) -> Sequence[str]:
    return [f"line {n}" for n in range(count)]


def test_full_keeps_every_line_that_anybody_has_heard(tmp_path: Path, shim: Path) -> None:
    kept, heard = talk(tmp_path, shim, "full")
    moved = list(kept.glob("*.journal.db"))
    assert len(moved) >= 3, "the log is moved into the file while they talk"
    for n, (when, text) in enumerate(heard[::3]):
        found = left(kept, when, tmp_path / f"left{n}")
        assert found is not None
        assert text in found
        assert found == lines(len(found))


def test_normal_keeps_a_beginning_of_what_was_heard(tmp_path: Path, shim: Path) -> None:
    kept, heard = talk(tmp_path, shim, "normal")
    counts = []
    for n, (when, _) in enumerate(heard[::9]):
        found = left(kept, when, tmp_path / f"left{n}")
        assert found is not None
        assert found == lines(len(found))
        counts.append(len(found))
    assert counts == sorted(counts)
    assert 0 < counts[-1] < LINES, "some of it is synced in the pauses, and not all of it"
