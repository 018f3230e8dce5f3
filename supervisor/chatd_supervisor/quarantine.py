"""Lines that killed the workers that parsed them, kept for the operator to look at."""

import time
from pathlib import Path
from typing import Final

from chatd_supervisor.connections import Connection
from chatd_supervisor.logbook import note

MAX_FILES: Final = 1000
"""More are not kept: whoever sends poison in bulk must not fill the disk."""


def keep_next(directory: Path, connection: Connection, used: int) -> None:
    """Keep the next ``used`` bytes of ``connection``, with the beginning of a line before them."""
    line = connection.carry + connection.look(used)
    keep(directory, connection.session, connection.offset - len(connection.carry), line)


def keep(directory: Path, session: int, offset: int, data: bytes) -> None:
    """Write ``data``, found at ``offset`` of a session's stream, to a file of its own (0600).

    Errors are logged and nothing more: the line is out of the way in any case.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    path = directory / f"{stamp}-session{session}-offset{offset}.bin"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if sum(1 for _ in directory.iterdir()) >= MAX_FILES:
            note("quarantine full", directory=directory, files=MAX_FILES)
            return
        path.touch(mode=0o600)
        path.write_bytes(data)
    except OSError as error:
        note("quarantine failed", file=path, reason=error.strerror)
        return
    note("line quarantined", session=session, bytes=len(data), file=path)
