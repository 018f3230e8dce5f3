"""Which report is being applied: what a master leaves behind that dies or hangs of it.

Before a report is applied its session and offset are written to a small file, and taken away after.
The file is mapped, so that costs no system call, and it outlives the process, however that ends. If
the next master finds a mark, the last one died while it applied that report. Then it counts:

* a master that hung, or crashed (``watchdog`` has left its stack), condemns the report at once;
* DEATHS masters in a row that died at the same report by a signal of which nobody knows the cause
  condemn it, too: the kernel kills what uses up the memory by SIGKILL, and so does a person. Ten
  kills a second in the middle of a thousand lines do not hit the same one three times.

A condemned report is set aside, as a line that kills its workers is (``restarts``): it is kept in
the quarantine, its client is told, and everybody else is served.

The file's one page is reserved when it is opened, so that a full disk is no SIGBUS (mmap(2)).
"""

import mmap
import os
import struct
from pathlib import Path
from typing import Final

DEATHS: Final = 3
"""Deaths of masters at one report, of unknown cause, that condemn it."""

_MARK: Final = struct.Struct("=QQI")
"""Session, offset, deaths before. Sessions are numbered from 1."""
_NONE: Final = bytes(_MARK.size)


class CrashMark:
    """The open file."""

    def __init__(self, path: Path, *, crashed: bool) -> None:
        """Open or make the file at ``path``.

        ``crashed``: it is known that the last master hung or crashed. Raises OSError.
        """
        self._path = path
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(fd, 0, mmap.PAGESIZE)
            self._file = mmap.mmap(fd, mmap.PAGESIZE)
        finally:
            os.close(fd)
        session, offset, deaths = _MARK.unpack_from(self._file)
        self.suspect = (session, offset)
        """The report at which the last master died; (0, 0): at none."""
        self.deaths = (DEATHS if crashed else deaths + 1) if session else 0
        """How many masters in a row have died at it."""

    def begin(self, session: int, offset: int) -> None:
        """Note that the report of ``session`` that begins at ``offset`` is about to be applied."""
        deaths = self.deaths if (session, offset) == self.suspect else 0
        _MARK.pack_into(self._file, 0, session, offset, deaths)

    def clear(self) -> None:
        """Note that no report is being applied."""
        self._file[: _MARK.size] = _NONE

    def condemns(self, session: int, offset: int) -> bool:
        """Return whether the report of ``session`` that begins at ``offset`` is to be set aside."""
        return self.deaths >= DEATHS and (session, offset) == self.suspect

    def close(self) -> None:
        """Close the file, which keeps what it says."""
        self._file.close()

    def discard(self) -> None:
        """Close and remove the file."""
        self.close()
        self._path.unlink(missing_ok=True)
