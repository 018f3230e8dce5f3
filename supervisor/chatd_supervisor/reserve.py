"""A little room on the disk that the next master can count on, however full it is by then.

What sessions need to survive is in the state directory, and a master that starts must write there
before it can serve: a segment's header, a mark. So each master sets some pages aside in a file, and
the next one removes it first of all.
"""

import os
from contextlib import suppress
from mmap import PAGESIZE
from pathlib import Path
from typing import Final

PAGES: Final = 16
"""Pages that are set aside, or as many fewer as there is room for."""


def use(path: Path) -> None:
    """Give the room at ``path`` back, if some was set aside there."""
    path.unlink(missing_ok=True)


def set_aside(path: Path) -> None:
    """Set room aside in a file at ``path``; less, or none, if the disk has not as much."""
    with suppress(OSError), open(path, "wb") as file:
        for page in range(PAGES):
            os.posix_fallocate(file.fileno(), page * PAGESIZE, PAGESIZE)
