"""Which walls are wanted: by the mode, and by who runs the master. Which stand."""

import os
import signal
from pathlib import Path

import pytest

from chatd_supervisor.walling import TRIES, standing, wanted
from chatd_workers.sandbox.walls import ALL, Wall

DUMPABLE = ALL & ~Wall.NOT_DUMPABLE


@pytest.mark.parametrize(
    ("mode", "user", "walls"),
    [
        ("on", 0, ALL),
        ("on", 1000, DUMPABLE),
        ("require", 0, ALL),
        ("require", 1000, ALL),
        ("off", 0, Wall(0)),
        ("off", 1000, Wall(0)),
    ],
)
def test_an_ordinary_user_may_look_at_workers(mode: str, user: int, walls: Wall) -> None:
    assert wanted(mode, user) == walls


@pytest.mark.parametrize(
    ("killed", "walls"), [(0, DUMPABLE), (1, DUMPABLE), (TRIES - 1, DUMPABLE), (TRIES, Wall(0))]
)
def test_a_killed_process_has_not_said_that_no_wall_stands(
    tmp_path: Path, killed: int, walls: Wall
) -> None:
    tried = tmp_path / "tried"
    tried.touch()

    def build() -> int:
        with tried.open("ab") as file:
            file.write(b".")
        if tried.stat().st_size <= killed:
            os.kill(os.getpid(), signal.SIGKILL)
        return int(DUMPABLE)

    assert standing(build) == walls


@pytest.mark.parametrize("code", [int(ALL) + 1, os.EX_SOFTWARE])
def test_a_process_that_failed_has_built_nothing(code: int) -> None:
    assert standing(lambda: code) == Wall(0)
