"""The outbox: what was rendered for whom, so that a new master can finish every client's output.

A tick's runs are appended before the tick is committed to the journal, and written to the clients
thereafter. If the master is killed, the next one reads the outbox up to the last committed tick,
asks the kernel how much was ever written to each client (``counts``), and has the rest, to the
byte. Nothing of this need survive more than the death of processes: write(2) into the page cache,
no sync; and no mapping, as a full file system would be a SIGBUS then.

The outbox is a row of files, segments (see there); the last is written. A session's row in the
ledger is its base: a place in the outbox, and how many bytes of what it is to be sent come before
that place. When a segment is full, the next one is begun, and everybody is based there; nobody
needs the old one any more, and it is removed. What a client with a queue had still to be written
by then goes into a file of its own (``spills``).
"""

import os
import socket
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from typing import Final

from chatd_supervisor import segments, spills
from chatd_supervisor.counts import written
from chatd_supervisor.egress import Output, Run
from chatd_supervisor.ledger import Ledger, Place, Row
from chatd_supervisor.segments import MEMBERS, ONE, REPLACE, RUN, OutboxError, head
from chatd_supervisor.sentence_errors import SentenceError
from chatd_supervisor.spills import Spills
from chatd_supervisor.writing import write_all

__all__ = ["LostOutput", "Outbox", "OutboxError", "Place", "Recovered", "recover"]

SEGMENT_BYTES: Final = 1 << 20
"""A segment that has grown by so much is full,"""

SEGMENT_DELIVERIES: Final = 100_000
"""or has been written for so many clients, each run counted with each of its clients: so long is
what a new master has to go through;"""

DELIVERIES_EACH: Final = 50
"""or so many times the number of clients, if that is more: with each segment, each of them costs
something."""

SPILLED_BYTES: Final = 4 << 20
"""So many bytes of queues in spills are enough at a time, or it would take long; who is left over
is based where he was until the next time."""

_BUFFERS: Final = 1024
"""In one pwritev(2): IOV_MAX."""


class LostOutput(SentenceError):
    """What is still to be sent to a client is not known; ``str()`` is the sentence for people."""


class Outbox:
    """The open outbox: the segments that are there, of which the last is written."""

    def __init__(self, directory: Path, after: int = 0) -> None:
        """Begin a segment in ``directory``, after those that are there, and after number ``after``.

        Where another master has been, this is for ``recover`` to do. Raises OSError.
        """
        self._directory = directory
        self._segments = deque(segments.found(directory))
        self.spills = Spills(directory)
        self._fd = -1
        self._begin(max([after, *self._segments]) + 1)
        self._settle(0)

    @property
    def place(self) -> Place:
        """The end: where the next record will be."""
        return Place(self._segment, self._position)

    @property
    def is_full(self) -> bool:
        """Whether it is time for ``roll``."""
        return self._position >= self._full_at or self._deliveries >= self._enough

    def append(self, tick: int, runs: Sequence[Run]) -> None:
        """Append ``runs``, which belong to ``tick``.

        Raises OSError, and then nothing has been appended, and it can be tried again.
        """
        buffers: list[bytes] = []
        deliveries = 0
        for data, route in runs:
            sessions = route.sessions
            deliveries += len(sessions)
            if len(sessions) == 1:
                buffers += head(ONE, tick, sessions[0], data), data
                continue
            if route.place < self._first:
                route.place = self._next
                self._next += 1
                members = array("Q", sessions).tobytes()
                buffers += head(MEMBERS, tick, route.place, members), members
            buffers += head(RUN, tick, route.place, data), data
        self._write(buffers)
        self._deliveries += deliveries

    def replace(self, tick: int, session: int, written: int, data: bytes) -> None:
        """Append that ``data`` is all that is to be sent to ``session`` after ``written`` bytes.

        It belongs to ``tick``. Raises OSError, and then nothing has been appended.
        """
        self.spills.spoil(session)
        data = segments.WRITTEN.pack(written) + data
        self._write([head(REPLACE, tick, session, data), data])

    def retract(self, place: Place) -> None:
        """Take back what was appended since ``place`` was the end: its tick was not committed.

        Raises OSError.
        """
        assert place.segment == self._segment, "no segment is begun within a tick"
        os.ftruncate(self._fd, place.position)
        self._position = place.position
        self._first = self._next

    def _write(self, buffers: list[bytes]) -> None:
        size = sum(map(len, buffers))
        try:
            if len(buffers) > _BUFFERS or os.pwritev(self._fd, buffers, self._position) != size:
                # Written in part: the file system is full, which is said to the next attempt.
                write_all(self._fd, b"".join(buffers), self._position)
        except OSError as error:
            os.ftruncate(self._fd, self._position)
            # What members were among it has not been written.
            self._first = self._next
            path = segments.path_of(self._directory, self._segment)
            raise OutboxError(
                error.errno,
                f"{path} cannot be written: {error.strerror}; is its file system full?",
            ) from error
        self._position += size

    def roll(self, outputs: Iterable[tuple[int, socket.socket, Output]], ledger: Ledger) -> None:
        """Begin a new segment, base in it who can be, and remove segments that nobody needs.

        ``outputs`` are of sessions in the ledger; for those that are missing the segments are kept.
        What was appended must have been written. Raises OSError; then nothing that is needed is
        lost, and ``is_full`` says when to try again.
        """
        outputs = list(outputs)
        bases: list[tuple[int, Place, int]] = []
        slow = []
        done = set()
        try:
            self._begin(self._segment + 1)
            base = self.place
            for session, client, output in outputs:
                try:
                    count = written(client)
                except OSError:
                    # The connection is no more: nobody will ask what is left for it.
                    count = 0
                else:
                    if output.queue:
                        slow.append((ledger.place(session), session, count, output))
                        continue
                bases.append((session, base, count))
                done.add(session)
            ledger.rebase(bases + self._spilled(slow, base))
        finally:
            self._settle(len(outputs))
        # Not before the ledger says so.
        self._remove_before(ledger.oldest())
        self.spills.keep(lambda session: session not in done and session in ledger)

    def _spilled(
        self, slow: list[tuple[Place, int, int, Output]], base: Place
    ) -> list[tuple[int, Place, int]]:
        """Write queues into spills; return the new bases of those whose queues are there."""
        bases = []
        spilled = 0
        # Those who have kept segments for longest come first, so that everybody's turn comes.
        for _, session, count, output in sorted(slow, key=itemgetter(0)):
            if spilled >= SPILLED_BYTES:
                break
            try:
                spilled += self.spills.extend(session, count, output)
            except OSError:
                break  # no room; there may be once old segments are removed
            bases.append((session, base, count + output.queued))
        return bases

    def _begin(self, segment: int) -> None:
        fd = segments.begin(self._directory, segment)
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._segment = segment
        self._segments.append(segment)
        self._position = segments.HEADER.size
        # The numbers for members hold the segment's: what a route was given in another one, be it
        # by another outbox, is less than any of these.
        self._first = self._next = segment << 32

    def _settle(self, clients: int) -> None:
        self._full_at = self._position + SEGMENT_BYTES
        self._enough = max(SEGMENT_DELIVERIES, DELIVERIES_EACH * clients)
        self._deliveries = 0

    def _remove_before(self, oldest: int | None) -> None:
        # The oldest first: a kill leaves no gap.
        while self._segments[0] < (self._segment if oldest is None else oldest):
            segments.path_of(self._directory, self._segments[0]).unlink(missing_ok=True)
            self._segments.popleft()

    def close(self) -> None:
        """Close the outbox, which keeps what it says."""
        os.close(self._fd)

    def discard(self) -> None:
        """Close the outbox and remove all of it."""
        self.close()
        for segment in self._segments:
            segments.path_of(self._directory, segment).unlink(missing_ok=True)
        self.spills.keep(lambda _: False)


def _key(segment: int, position: int) -> int:
    """Return a place as one number, which is compared faster."""
    return segment << 32 | position


class _Group:
    """Runs for the same sessions, in order."""

    __slots__ = ("_ends", "places", "runs")

    def __init__(self) -> None:
        self.places: list[int] = []
        self.runs: list[memoryview] = []
        self._ends: list[int] = []

    def ends(self) -> list[int]:
        """Return how many bytes there are before each run, and in all of them."""
        if not self._ends:
            self._ends = [0, *accumulate(map(len, self.runs))]
        return self._ends


class Recovered:
    """What the outbox of another master says. Holds all of it in memory; let go of it soon."""

    def __init__(
        self, directory: Path, tick: int, rows: Mapping[int, Row], there: Sequence[int]
    ) -> None:
        self._directory = directory
        self._bases = {session: (_key(*row.place), row.written) for session, row in rows.items()}
        self._groups: dict[int, list[_Group]] = {session: [] for session in rows}
        self._own: dict[int, _Group] = {}
        last = there[-1] if there else 0
        needed = {row.place.segment for row in rows.values()}
        needed.update(range(min(needed, default=0), last))
        # The last segment that should be there and is not.
        self._missing = max(needed.difference(there), default=0)
        for segment in there:
            self._read(segment, tick, last=segment == last)
        self.outbox = Outbox(directory, after=self._missing)
        self.outbox.spills.keep(rows.__contains__)

    def _read(self, segment: int, tick: int, *, last: bool) -> None:
        begin = _key(segment, 0)
        end = _key(segment + 1, 0)
        # Whoever is based later needs nothing of this segment.
        needing = {session for session, (base, _) in self._bases.items() if base < end}
        groups: dict[int, _Group] = {}
        for position, kind, number, data in segments.read(
            self._directory, segment, tick, last=last
        ):
            if kind == RUN:
                group = groups[number]
            elif kind == MEMBERS:
                group = groups[number] = _Group()
                for session in needing.intersection(data.cast("Q")):
                    self._groups[session].append(group)
                continue
            elif number not in needing:
                continue
            else:
                group = self._own_group(number)
                if kind == REPLACE:
                    (written,) = segments.WRITTEN.unpack_from(data)
                    data = data[segments.WRITTEN.size :]  # noqa: PLW2901  # what is behind it
                    self._bases[number] = begin + position, written
            if data:
                group.places.append(begin + position)
                group.runs.append(data)

    def _own_group(self, session: int) -> _Group:
        group = self._own.get(session)
        if group is None:
            group = self._own[session] = _Group()
            self._groups[session].append(group)
        return group

    def rest(self, session: int, written: int) -> list[memoryview]:
        """Return what is still to be sent to ``session``, to which ``written`` bytes were written.

        Nothing is copied. Raises LostOutput if that is not known.
        """
        if session not in self._bases:
            raise LostOutput(f"session {session}: it is not in the ledger")
        base, before = self._bases[session]
        if base < _key(self._missing + 1, 0):
            path = segments.path_of(self._directory, self._missing)
            raise LostOutput(f"session {session}: some of what it is to be sent was in {path}")
        groups = [
            (group, group.ends(), bisect_left(group.places, base))
            for group in self._groups[session]
        ]
        size = sum(ends[-1] - ends[first] for _, ends, first in groups)
        left = before + size - written
        if not left:
            return []
        spilled: list[memoryview] = []
        if written < before:
            spilled.append(self._spilled(session, written, before))
            left = size
        if not 0 <= left <= size:
            raise LostOutput(
                f"session {session}: {written} bytes were written to it, and the outbox has what "
                f"comes after {before} to {before + size}"
            )
        parts: list[tuple[int, memoryview]] = []
        for group, ends, first in groups:
            # Those of its runs that hold its last ``left`` bytes.
            start = max(first, bisect_right(ends, ends[-1] - left) - 1)
            parts += zip(group.places[start:], group.runs[start:], strict=True)
        if len(groups) > 1:
            parts.sort()
        rest: list[memoryview] = []
        for _, data in reversed(parts):
            if left < len(data):
                rest.append(data[len(data) - left :])
                break
            rest.append(data)
            left -= len(data)
            if not left:
                break
        return spilled + rest[::-1]

    def _spilled(self, session: int, written: int, before: int) -> memoryview:
        found = self.outbox.spills.resume(session, written, before)
        if found is None:
            path = spills.path_of(self._directory, session)
            raise LostOutput(
                f"session {session}: {written} bytes were written to it, and what comes after "
                f"them, to {before}, is not in {path}"
            )
        return found


def recover(directory: Path, tick: int, rows: Mapping[int, Row]) -> Recovered:
    """Read the outbox that another master has left, and open it for appending.

    ``tick`` is the last one that was committed; what is of later ones is removed. ``rows`` is what
    the ledger says; segments that nobody in it needs are removed unread, so that with no rows
    there is a fresh start. Raises OutboxError if a file is damaged, other OSErrors.
    """
    oldest = min((row.place.segment for row in rows.values()), default=None)
    there = []
    for segment in segments.found(directory):
        if oldest is None or segment < oldest:
            segments.path_of(directory, segment).unlink()
        else:
            there.append(segment)
    return Recovered(directory, tick, rows, there)
