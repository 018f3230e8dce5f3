"""The files of the outbox: what they look like, and how they are read.

A segment is a header and then records. Each has a head: length (all of it), kind, the tick it
belongs to, a number whose meaning depends on the kind, and checksums of what follows it and of
itself:

=======  ======================  =========================================================
kind     the number              what follows the head
=======  ======================  =========================================================
MEMBERS  one for these sessions  the numbers of the sessions, 8 bytes each
RUN      that of a MEMBERS       bytes for all of these sessions; MEMBERS are named by number
                                 in their own segment only
ONE      a session               bytes for it alone
REPLACE  a session               how many bytes were written to it, 8 bytes, and everything
                                 that is still to be written: what came before is forgotten
=======  ======================  =========================================================

A master that is killed may leave a record in part, at the very end (the kernel heeds SIGKILL
between two pages of one write), and records of a tick that was never committed. Both are cut off:
nothing of them was sent to anybody, as that is done when they are written and committed.
"""

import os
import struct
from binascii import crc32
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from chatd_supervisor.sentence_errors import SentenceError
from chatd_supervisor.writing import write_all

MAGIC: Final = b"chatdout"
VERSION: Final = 1

HEADER: Final = struct.Struct("=8sII")
"""Magic, version, number of the segment."""

_SUMMED: Final = struct.Struct("=IIQQI")
"""Length, kind, tick, number, checksum of what follows the head."""
_SUM: Final = struct.Struct("=I")
_RECORD: Final = struct.Struct("=IIQQII")
"""Both of them: the head."""

WRITTEN: Final = struct.Struct("=Q")

MEMBERS: Final = 1
RUN: Final = 2
ONE: Final = 3
REPLACE: Final = 4


class OutboxError(SentenceError):
    """The outbox cannot be used; ``str()`` is the sentence for people."""


def found(directory: Path) -> list[int]:
    """Return the numbers of the segments in ``directory``, in order."""
    names = (path.name.partition(".")[2] for path in directory.glob("outbox.*"))
    return sorted(int(name) for name in names if name.isdecimal())


def path_of(directory: Path, segment: int) -> Path:
    """Return where the segment of that number is."""
    return directory / f"outbox.{segment}"


def head(kind: int, tick: int, number: int, data: bytes) -> bytes:
    """Return the head of a record with ``data``."""
    summed = _SUMMED.pack(_RECORD.size + len(data), kind, tick, number, crc32(data))
    return summed + _SUM.pack(crc32(summed))


def begin(directory: Path, segment: int) -> int:
    """Make the file of a new segment and return its descriptor. Raises OSError."""
    path = path_of(directory, segment)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        write_all(fd, HEADER.pack(MAGIC, VERSION, segment), 0)
    except OSError:
        os.close(fd)
        path.unlink()
        raise
    return fd


def read(
    directory: Path, segment: int, tick: int, *, last: bool
) -> Iterator[tuple[int, int, int, memoryview]]:
    """Yield position, kind, number and data of the records of a segment up to ``tick``.

    If it is the ``last``, what is not of these is then cut off the file. Raises OutboxError if
    the file has been damaged.
    """
    path = path_of(directory, segment)
    content = path.read_bytes()
    if len(content) < HEADER.size and last:
        path.unlink()  # killed before it had begun it
        return
    position = HEADER.size
    if content[:position] != HEADER.pack(MAGIC, VERSION, segment):
        raise _damaged(path, "has not the header of such a file")
    view = memoryview(content)
    size = len(content)
    while position + _RECORD.size <= size:
        length, kind, of, number, data_sum, head_sum = _RECORD.unpack_from(content, position)
        if head_sum != crc32(view[position : position + _SUMMED.size]):
            raise _damaged(path, f"was changed at byte {position}")
        if of > tick:
            break
        end = position + length
        if end > size:
            break  # torn
        data = view[position + _RECORD.size : end]
        if data_sum != crc32(data):
            raise _damaged(path, f"was changed in the record at byte {position}")
        yield position, kind, number, data
        position = end
    if position < size:
        if not last:
            raise _damaged(path, f"is cut short at byte {position}")
        os.truncate(path, position)


def _damaged(path: Path, what: str) -> OutboxError:
    return OutboxError(
        f"{path} {what}: what clients have still to be sent is not known; "
        f"stop chatd, move {path.parent} away, and start it again"
    )
