"""``chatd`` with an outbox that is soon full, and no room for another file of it."""

import errno
import os
from pathlib import Path

from chatd_supervisor import outbox, segments
from chatd_supervisor.cli import main

begin = segments.begin


def without_room(directory: Path, segment: int) -> int:
    if segment > 1:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return begin(directory, segment)


segments.begin = without_room
outbox.SEGMENT_BYTES = 1000  # type: ignore[misc]
main(prog_name="chatd")
