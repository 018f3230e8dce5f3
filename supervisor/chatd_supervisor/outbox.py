"""The outbox: what was rendered for whom, so that a new master can finish every client's output.

A tick's runs are appended before the tick is committed to the journal, and written to the clients
thereafter. If the master is killed, the next one reads the outbox up to the last committed tick,
asks the kernel how much was ever written to each client (``counts``), and has the rest, to the
byte. Nothing of this need survive more than the death of processes: write(2) into the page cache,
no sync; and no mapping, as a full file system would be a SIGBUS then.

The outbox is a row of files, segments (see there); the last is written. A session's row in the
ledger is its base: a place in the outbox, and how many bytes had been written to the client when
that place was the end. When a segment is full, the next one is begun, and everybody who has been
written everything is based there; nobody needs the old one any more, and it is removed. A client
with a queue stays based where it was, for KEPT_SEGMENTS; thereafter its queue is written again, in
the new segment.
"""

import os
import socket
from array import array
from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final

from chatd_supervisor import segments
from chatd_supervisor.counts import written
from chatd_supervisor.egress import Output, Run
from chatd_supervisor.ledger import Ledger, Place, Row
from chatd_supervisor.segments import MEMBERS, ONE, REPLACE, RUN, OutboxError, head

__all__ = ["LostOutput", "Outbox", "OutboxError", "Place", "Recovered", "recover"]

SEGMENT_BYTES: Final = 1 << 20
"""A segment that has grown by so much is full,"""

SEGMENT_DELIVERIES: Final = 100_000
"""or has been written for so many clients, each run counted with each of its clients: so long is
what a new master has to go through;"""

DELIVERIES_EACH: Final = 50
"""or so many times the number of clients, if that is more: with each segment, each of them costs
something."""

KEPT_SEGMENTS: Final = 16
"""Full segments that are kept for clients with queues."""

REPLACED_BYTES: Final = 4 << 20
"""Bytes of queues that are written again at a time, so that it does not take long; who is left
over is based where he was until the next time."""

_BUFFERS: Final = 1024
"""In one pwritev(2): IOV_MAX."""


class LostOutput(OSError):
    """What is still to be sent to a client is not known; ``str()`` is the sentence for people."""

    def __str__(self) -> str:
        """Return the sentence alone, without the errno that OSError puts before it."""
        return str(self.args[-1])


class Outbox:
    """The open outbox: the segments that are there, of which the last is written."""

    def __init__(self, directory: Path, after: int = 0) -> None:
        """Begin a segment in ``directory``, after those that are there, and after number ``after``.

        Where another master has been, this is for ``recover`` to do. Raises OSError.
        """
        self._directory = directory
        self._segments = deque(segments.found(directory))
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
                buffers += (head(ONE, tick, sessions[0], data), data)
                continue
            if route.place < self._first:
                route.place = self._next
                self._next += 1
                members = array("Q", sessions).tobytes()
                buffers += (head(MEMBERS, tick, route.place, members), members)
            buffers += (head(RUN, tick, route.place, data), data)
        self._write(buffers)
        self._deliveries += deliveries

    def replace(self, tick: int, session: int, written: int, data: bytes) -> None:
        """Append that ``data`` is all that is to be sent to ``session`` after ``written`` bytes.

        It belongs to ``tick``. Raises OSError, and then nothing has been appended.
        """
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
                segments.write_all(self._fd, b"".join(buffers), self._position)
        except OSError:
            os.ftruncate(self._fd, self._position)
            # What members were among it has not been written.
            self._first = self._next
            raise
        self._position += size

    def roll(
        self, outputs: Iterable[tuple[int, socket.socket, Output]], ledger: Ledger, tick: int
    ) -> None:
        """Begin a new segment, base in it who can be, and remove segments that nobody needs.

        ``outputs`` are of sessions in the ledger; for those that are missing the segments are kept.
        What was appended must have been written; ``tick`` is the last one that is committed.
        Raises OSError; then it can be tried again, and nothing that is needed is lost.
        """
        self._begin(self._segment + 1)
        base = self.place
        clients = 0
        bases = []
        try:
            for session, client, output in outputs:
                clients += 1
                if output.queue and not self._is_to_replace(ledger.place(session), base):
                    continue
                try:
                    count = written(client)
                except OSError:
                    # The connection is no more: nobody will ask what is left for it.
                    bases.append((session, base, 0))
                    continue
                if output.queue:
                    try:
                        self.replace(tick, session, count, b"".join(output.queue))
                    except OSError:
                        continue  # no room; there may be once the old segments are removed
                bases.append((session, base, count))
            ledger.rebase(bases)
        finally:
            self._settle(clients)
        # Not before the ledger says so.
        self._remove_before(ledger.oldest())

    def _is_to_replace(self, place: Place, base: Place) -> bool:
        return (
            place.segment < base.segment - KEPT_SEGMENTS
            and self._position < base.position + REPLACED_BYTES
        )

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


class _Group:
    """Runs for the same sessions, in order."""

    __slots__ = ("ends", "places", "runs")

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.runs: list[memoryview] = []
        # Bytes in all runs before each, and in all of them.
        self.ends = [0]

    def add(self, place: Place, data: memoryview) -> None:
        if not data:
            return
        self.places.append(place)
        self.runs.append(data)
        self.ends.append(self.ends[-1] + len(data))


class Recovered:
    """What the outbox of another master says. Holds all of it in memory; let go of it soon."""

    def __init__(
        self, directory: Path, tick: int, rows: Mapping[int, Row], there: Sequence[int]
    ) -> None:
        needed = {row.place.segment for row in rows.values()}
        needed.update(range(min(needed, default=0), there[-1] if there else 0))
        self._bases = {session: (row.place, row.written) for session, row in rows.items()}
        self._own: dict[int, _Group] = {}
        self._groups: dict[int, list[_Group]] = {session: [] for session in rows}
        self._directory = directory
        # The last segment that should be there and is not.
        self._missing = max(needed.difference(there), default=0)
        for segment in there:
            self._read(segment, tick, last=segment == there[-1])
        self.outbox = Outbox(directory, after=self._missing)

    def _read(self, segment: int, tick: int, *, last: bool) -> None:
        # The others are based in later segments.
        needing = {s for s, (place, _) in self._bases.items() if place.segment <= segment}
        groups: dict[int, _Group] = {}
        for position, kind, number, data in segments.read(
            self._directory, segment, tick, last=last
        ):
            if kind == RUN:
                groups[number].add(Place(segment, position), data)
            elif kind == MEMBERS:
                group = groups[number] = _Group()
                for session in needing.intersection(data.cast("Q")):
                    self._groups[session].append(group)
            elif number in needing:
                own = self._own.get(number)
                if own is None:
                    own = self._own[number] = _Group()
                    self._groups[number].append(own)
                place = Place(segment, position)
                if kind == ONE:
                    own.add(place, data)
                elif place >= self._bases[number][0]:
                    (count,) = segments.WRITTEN.unpack_from(data)
                    self._bases[number] = (place, count)
                    own.add(place, data[segments.WRITTEN.size :])

    def rest(self, session: int, written: int) -> list[memoryview]:
        """Return what is still to be sent to ``session``, to which ``written`` bytes were written.

        Nothing is copied. Raises LostOutput if that is not known.
        """
        if session not in self._bases:
            raise LostOutput(f"session {session}: it is not in the ledger")
        base, before = self._bases[session]
        if base.segment <= self._missing:
            path = segments.path_of(self._directory, self._missing)
            raise LostOutput(f"session {session}: some of what it is to be sent was in {path}")
        groups = [(group, bisect_left(group.places, base)) for group in self._groups[session]]
        size = sum(group.ends[-1] - group.ends[first] for group, first in groups)
        left = before + size - written
        if not left:
            return []
        if not 0 < left <= size:
            raise LostOutput(
                f"session {session}: {written} bytes were written to it, which does not fit the "
                f"outbox, by which it is between {before} and {before + size}"
            )
        parts: list[tuple[Place, memoryview]] = []
        for group, first in groups:
            # Those of its runs that hold its last ``left`` bytes.
            start = max(first, bisect_right(group.ends, group.ends[-1] - left) - 1)
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
        rest.reverse()
        return rest


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
