"""Which walls are wanted: by the mode, and by who runs the master."""

import pytest

from chatd_supervisor.walling import wanted
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
