"""The spills: what clients that read slowly are still to be sent, each in a file of its own.

A client with a queue would keep all of the outbox since its queue began, and a new master would
have to go through that. So when the outbox begins another segment, what the queue has gained is
appended to the session's spill, and the session is based in the new segment like everybody else.

The file is a header, which names the first of its bytes by its place in all that was ever to be
sent to the client, and those bytes. How many of them count is not in it: as many as come before
what the session's row in the ledger calls written. So a master that is killed while it appends, or
before the ledger says so, leaves a file that is as good as before. It is begun anew, and replaces
the old one, when more of it is history than is not, or when something in its midst was taken back.

A new master maps it and reads nothing: what was just written is in memory (the page cache), and is
read from there when somebody is to be sent it. It is never written through the mapping, so a full
file system is an error, not a SIGBUS.
"""

import mmap
import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.egress import Output
from chatd_supervisor.writing import write_all

MAGIC: Final = b"chatdspl"
VERSION: Final = 1

HEADER: Final = struct.Struct("=8sI4xQQ")
"""Magic, version, session, place of the first byte that follows."""

HISTORY: Final = 1 << 20
"""Bytes that were written to the client and may stay in its file, if there is not more to come."""

_NAME: Final = "spill."
_BEGUN: Final = ".new"


def path_of(directory: Path, session: int) -> Path:
    """Return where the spill of ``session`` is."""
    return directory / f"{_NAME}{session}"


def found(directory: Path) -> list[int]:
    """Return the sessions that have spills in ``directory``."""
    names = (path.name.removeprefix(_NAME) for path in directory.glob(f"{_NAME}*"))
    return [int(name) for name in names if name.isdecimal()]


class _Extent(NamedTuple):
    """What of a client's stream is in its spill."""

    first: int
    end: int


class Spills:
    """The spills in a directory, for the one who writes them."""

    def __init__(self, directory: Path) -> None:
        """Those that others have left are there until they are replaced or removed."""
        self._directory = directory
        for begun in directory.glob(f"{_NAME}*{_BEGUN}"):
            begun.unlink()  # by one who was killed before it was a spill
        self._there = set(found(directory))
        # Of those whose files hold what their queues do.
        self._extents: dict[int, _Extent] = {}

    def extend(self, session: int, written: int, output: Output) -> int:
        """Append what the queue of ``output`` has gained; return how many bytes that were.

        ``written`` bytes were written to the client. Raises OSError, and then what was in the file
        still is.
        """
        extent = self._extents.get(session)
        if extent is None or _is_history(extent, written):
            self._begin(session, written, output)
            return output.queued
        end = written + output.queued
        gained = end - extent.end
        fd = os.open(path_of(self._directory, session), os.O_WRONLY | os.O_CLOEXEC)
        try:
            write_all(fd, _last(output, gained), HEADER.size + extent.end - extent.first)
        finally:
            os.close(fd)
        self._extents[session] = _Extent(extent.first, end)
        return gained

    def _begin(self, session: int, written: int, output: Output) -> None:
        path = path_of(self._directory, session)
        begun = path.with_name(path.name + _BEGUN)
        try:
            fd = os.open(begun, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            try:
                header = HEADER.pack(MAGIC, VERSION, session, written)
                write_all(fd, header + _last(output, output.queued), 0)
            finally:
                os.close(fd)
            # What the ledger says of the old one holds for this one, too.
            begun.replace(path)
        except OSError:
            begun.unlink(missing_ok=True)
            raise
        self._there.add(session)
        self._extents[session] = _Extent(written, written + output.queued)

    def resume(self, session: int, begin: int, end: int) -> memoryview | None:
        """Return what is to be sent to ``session`` from its byte ``begin`` to ``end``.

        ``end`` is what the ledger calls written. Nothing is read before it is needed. None if the
        file has not all of that, or there is none. Raises other OSErrors of open(2).
        """
        try:
            fd = os.open(path_of(self._directory, session), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        try:
            header = os.pread(fd, HEADER.size, 0)
            if len(header) < HEADER.size:
                return None
            magic, version, of, first = HEADER.unpack(header)
            at = HEADER.size - first
            if (magic, version, of) != (MAGIC, VERSION, session) or not first <= begin <= end:
                return None
            if os.fstat(fd).st_size < at + end:
                return None
            content = mmap.mmap(fd, at + end, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        # What others are sent is no worker's business.
        content.madvise(mmap.MADV_DONTFORK)
        self._extents[session] = _Extent(first, end)
        return memoryview(content)[at + begin :]

    def spoil(self, session: int) -> None:
        """Take note that the queue of ``session`` is not what it was."""
        self._extents.pop(session, None)

    def keep(self, needed: Callable[[int], bool]) -> None:
        """Remove the spills of all sessions that are not ``needed``."""
        for session in [one for one in self._there if not needed(one)]:
            path_of(self._directory, session).unlink(missing_ok=True)
            self._there.discard(session)
            self._extents.pop(session, None)


def _is_history(extent: _Extent, written: int) -> bool:
    """Tell whether all of it was ``written``, or so much that it is to be begun anew."""
    left = extent.end - written
    return left < 0 or written - extent.first > max(HISTORY, left)


def _last(output: Output, count: int) -> bytes:
    """Return the last ``count`` bytes of the queue of ``output``."""
    pieces: list[bytes | memoryview] = []
    for piece in reversed(output.queue):
        if count <= 0:
            break
        pieces.append(piece if len(piece) <= count else memoryview(piece)[len(piece) - count :])
        count -= len(piece)
    pieces.reverse()
    return b"".join(pieces)
