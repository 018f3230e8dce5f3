"""The ledger: one row for each session, with all that a new master must know to take it up.

A row says who the session's worker is (pid and token), which sockets are its client's and our end
of the channel to its worker (by cookie: ``counts.cookie``), and from which place in the outbox on
its output must be looked at, with how many bytes had been written to it by then.

The file is a row of 64 bytes for the header, then a row for each session, in any order; a session
keeps its row's place as long as it lives. Each row is written with one pwrite(2), and 64 divides
the page size: no row lies across two pages. The kernel copies a page at a time and looks for a
SIGKILL only in between (mm/filemap.c, generic_perform_write), so that no kill tears a row. When
many rows are written at once, a kill may leave some as they were; each is right by itself.

The file need only survive the death of processes, so that nothing is ever synced. It is not
mapped: a full file system would be a SIGBUS then. No connection outlives the machine's run, which
has an id (random(4), boot_id): rows of another run are no rows.
"""

import os
import struct
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from chatd_supervisor.sentence_errors import SentenceError
from chatd_supervisor.writing import write_all

MAGIC: Final = b"chatdldg"
VERSION: Final = 3
ROW_SIZE: Final = 64

GROWTH: Final = 1024
"""Rows the file grows by; room for them is reserved, so that writing a row cannot lack it."""

_HEADER: Final = struct.Struct("=8sII16s")
_ROW: Final = struct.Struct("=II8sQQIIQIQI")
"""In use, worker's pid, token, channel's cookie, session, segment, position, written, way, client's
cookie, the worker's start."""
_EMPTY: Final = bytes(ROW_SIZE)
_EMPLOYED: Final = struct.Struct("=I8sQ")
_EMPLOYED_AT: Final = 4
_STARTED: Final = struct.Struct("=I")
_STARTED_AT: Final = 60
_BASE: Final = struct.Struct("=IIQ")
_BASE_AT: Final = 32
_SEGMENT: Final = struct.Struct("=I28xI28x")

BOOT_ID: Final = Path("/proc/sys/kernel/random/boot_id")


class Place(NamedTuple):
    """A place in the outbox. Places are ordered."""

    segment: int
    position: int
    """Bytes from the segment's beginning."""


class Row(NamedTuple):
    """What the ledger says of a session."""

    token: bytes
    """8 bytes that the worker knows, too."""
    pid: int
    """The worker's. 0: it has none, or one that was just being forked."""
    place: Place
    """From here on the outbox has output for it that may not have been written."""
    written: int
    """Bytes of what it is to be sent that come before that place. What of them the client has not
    been written is in its spill."""
    way: int = 0
    """How its client comes (``ways``)."""
    cookie: int = 0
    """Of its client's socket (``counts.cookie``): no other socket of this machine's run has it."""
    started: int = 0
    """When its worker was started, as ``proc.started`` has it: who has its pid later was not."""
    channel: int = 0
    """The cookie of our end of the channel to its worker; 0: it has none."""


class LedgerError(SentenceError):
    """The ledger cannot be used; ``str()`` is the sentence for people."""


class Ledger:
    """The open file, of which ``_rows`` is a copy, without the header."""

    def __init__(self, path: Path) -> None:
        """Open the ledger at ``path`` with the rows it has; begin a new one if there is none.

        Raises LedgerError if it is not a ledger of this version, other OSErrors of open(2).
        """
        self._path = path
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            data = _data(path, self._fd)
            if not data:
                os.ftruncate(self._fd, 0)
                # In one write, and before anything else: the file is empty or has a header.
                os.pwrite(self._fd, _header().ljust(ROW_SIZE, b"\0"), 0)
            self._rows = bytearray(data)
            self._offsets = _offsets(path, data)
        except BaseException:
            os.close(self._fd)
            raise
        taken = set(self._offsets.values())
        # The last is the first to be taken: low rows, which keeps short what is written at once.
        self._free = [at for at in range(0, len(data), ROW_SIZE) if at not in taken][::-1]

    @staticmethod
    def read(path: Path) -> dict[int, Row]:
        """Return what the ledger at ``path`` says, by session; nothing if there is none.

        Raises LedgerError, and other OSErrors of open(2).
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return {}
        try:
            data = _data(path, fd)
        finally:
            os.close(fd)
        return _parse(data, _offsets(path, data))

    def rows(self) -> dict[int, Row]:
        """Return all rows, by session."""
        return _parse(self._rows, self._offsets)

    def enter(
        self, session: int, token: bytes, place: Place, way: int = 0, cookie: int = 0
    ) -> None:
        """Begin a row for ``session``, to which nothing has been written.

        Raises OSError, and then there is no row.
        """
        if not self._free:
            self._grow()
        at = self._free.pop()
        _ROW.pack_into(self._rows, at, 1, 0, token, 0, session, *place, 0, way, cookie, 0)
        try:
            self._write(at)
        except OSError:
            self._rows[at : at + ROW_SIZE] = _EMPTY
            self._free.append(at)
            raise
        self._offsets[session] = at

    def employ(
        self, session: int, token: bytes, pid: int, started: int = 0, channel: int = 0
    ) -> None:
        """Note who is to be the worker of ``session``, by ``token``, its ``pid`` and start.

        ``channel`` is the cookie of our end of the channel to it. Before it is forked, its pid is
        0: whoever has the token may be it. Raises OSError.
        """
        at = self._offsets[session]
        _EMPLOYED.pack_into(self._rows, at + _EMPLOYED_AT, pid, token, channel)
        _STARTED.pack_into(self._rows, at + _STARTED_AT, started)
        self._write(at)

    def leave(self, session: int) -> None:
        """Free the row of ``session``, if there is one. Raises OSError."""
        at = self._offsets.pop(session, None)
        if at is not None:
            self._rows[at : at + ROW_SIZE] = _EMPTY
            self._free.append(at)
            self._write(at)

    def rebase(self, bases: Iterable[tuple[int, Place, int]]) -> None:
        """Give each session of ``bases`` another place, and how many bytes come before it.

        All rows are written in one write, which is quicker than to find those that need be. Raises
        OSError, and then each row of the file is as it was or as it should be, and the ledger says
        that all are as they were.
        """
        rows, offsets = self._rows, self._offsets
        before = bytes(rows)
        for session, (segment, position), written in bases:
            _BASE.pack_into(rows, offsets[session] + _BASE_AT, segment, position, written)
        try:
            write_all(self._fd, rows, ROW_SIZE)
        except OSError:
            self._rows = bytearray(before)
            raise

    def __contains__(self, session: int) -> bool:
        """Tell whether there is a row of ``session``."""
        return session in self._offsets

    def place(self, session: int) -> Place:
        """Return the place in the row of ``session``."""
        segment, position, _ = _BASE.unpack_from(self._rows, self._offsets[session] + _BASE_AT)
        return Place(segment, position)

    def oldest(self) -> int | None:
        """Return the oldest segment that any session needs; None if there is no session."""
        segments = [segment for used, segment in _SEGMENT.iter_unpack(self._rows) if used]
        return min(segments, default=None)

    def close(self) -> None:
        """Close the file, which keeps what it says."""
        os.close(self._fd)

    def discard(self) -> None:
        """Close and remove the file."""
        self.close()
        self._path.unlink(missing_ok=True)

    def _write(self, at: int) -> None:
        # A row is never written in part: room for it is reserved.
        os.pwrite(self._fd, self._rows[at : at + ROW_SIZE], ROW_SIZE + at)

    def _grow(self) -> None:
        size = len(self._rows)
        more = GROWTH * ROW_SIZE
        os.posix_fallocate(self._fd, ROW_SIZE + size, more)
        self._rows += bytes(more)
        self._free += range(size + more - ROW_SIZE, size - ROW_SIZE, -ROW_SIZE)


def _header() -> bytes:
    boot = uuid.UUID(BOOT_ID.read_text().strip())
    return _HEADER.pack(MAGIC, VERSION, ROW_SIZE, boot.bytes)


def _data(path: Path, fd: int) -> bytes:
    """Return the rows of the open file; none if they are of another run of the machine."""
    header = os.pread(fd, ROW_SIZE, 0)
    if not header:
        return b""
    if len(header) < ROW_SIZE or not header.startswith(MAGIC):
        raise LedgerError(f"{path} is not a ledger of chatd; move it away to start without it")
    _, version, row_size, boot = _HEADER.unpack_from(header)
    if (version, row_size) != (VERSION, ROW_SIZE):
        raise LedgerError(
            f"{path} is a ledger of another version of chatd ({version}, this one writes "
            f"{VERSION}); stop that one, or move the file away to start without it"
        )
    if boot != _HEADER.unpack(_header())[3]:
        return b""
    size = os.fstat(fd).st_size - ROW_SIZE
    data = b""
    while len(data) < size:
        more = os.pread(fd, size - len(data), ROW_SIZE + len(data))
        if not more:
            break
        data += more
    return data[: len(data) // ROW_SIZE * ROW_SIZE]


def _offsets(path: Path, data: bytes) -> dict[int, int]:
    """Return where the row of each session is."""
    offsets: dict[int, int] = {}
    for at in range(0, len(data), ROW_SIZE):
        used, _, _, _, session, *_ = _ROW.unpack_from(data, at)
        if not used and data[at : at + ROW_SIZE] == _EMPTY:
            continue
        if used != 1 or session in offsets:
            raise LedgerError(
                f"{path} is damaged at byte {ROW_SIZE + at}; move it away to start without it"
            )
        offsets[session] = at
    return offsets


def _parse(data: bytes | bytearray, offsets: Mapping[int, int]) -> dict[int, Row]:
    rows = {}
    for session, at in offsets.items():
        _, pid, token, channel, _, segment, position, written, *client = _ROW.unpack_from(data, at)
        way, cookie, started = client
        place = Place(segment, position)
        rows[session] = Row(token, pid, place, written, way, cookie, started, channel)
    return rows
