"""What a worker may say, and when: the table by which the master judges every record.

The worker is the process that touched hostile bytes, so it may be anybody's by now. A record that
has the form of one (``reports``) is still judged by where its worker stands:

==========  ==========  =========  ========  =========  ========  ========  =======
phase       Announce    Report     Ended     Drained    Ready     Trace     Resumed
==========  ==========  =========  ========  =========  ========  ========  =======
RESUMING    dropped     dropped    dropped   dropped    dropped   a few     yes
FREE        if careful  yes        yes       if asked   once      a few     no
ANNOUNCED   no          the same   no        no         no        a few     no
REPORTED    no          no         no        no         no        a few     no
ENDED       no          no         no        no         no        a few     no
==========  ==========  =========  ========  =========  ========  ========  =======

* A worker that was born, or adopted from a dead master, is FREE. Its report makes it REPORTED and
  our acknowledgement FREE again, whatever becomes of its client meanwhile. One that is dead, or
  dismissed, is not heard at all.
* One that a dead master has left, and that is asked to say its last report again, is RESUMING: what
  it says before it has heard of that is dropped, for it says it again.
* It announces a line only if it was told to be careful, in all no more bytes than care is to be
  taken of, and then reports just that line.
* It is drained as often as it was told to drain.
* It tells its stack when a person sends it SIGUSR1: TRACES at once, TRACES_A_SECOND for long. No
  person needs as many; and what waits in a channel while the master is stopped is less.

That bounds what a worker can cost: everything but a Trace has its turn, and a turn costs bytes
that its client has really sent. A report takes at least one byte from the stream, or ends what was
carried, or tells what is told once (``connections``); each of its commands had at least a byte of
its own, for a line has an end; and no more is carried on than was there. A command that may take
long to answer, or whose answer is long, is reported alone (``commands.ALONE``), so that others have
their turn between two of them.

What breaks a rule is a Violation of one of KINDS. Pure: the caller looks at clock and socket.
"""

import enum
from typing import Final, NamedTuple

from chatd_supervisor.text_check import misfit
from chatd_workers.commands import stands_alone
from chatd_workers.reports import (
    MAX_RECORD,
    MAX_TRACE,
    MAX_USED,
    Announce,
    Drained,
    Ended,
    Ready,
    Record,
    Report,
    Resumed,
    Trace,
)

TRACES: Final = 100
"""Traces that a worker may send at once. A channel holds fewer real ones (some KB each)."""

TRACES_A_SECOND: Final = 20.0
"""Traces that a worker may send for long."""

KINDS: Final = {
    "form": "it was no record",
    "size": "it was longer than such a record can be",
    "state": "it was not its turn to say so",
    "text": "a text in it has characters that no reader leaves in it",
    "rate": "it was said too often",
    "bytes": "it spoke of more than its client has sent",
    "knowledge": "it told what it cannot know",
    "deaf": "it did not read its channel",
    "cpu": "it computed for longer than what its client has sent can take",
    "hangup": "it closed its channel, and lived",
}
"""What a violation can be: the name under which it is logged and counted, and what it means."""

SIZES: Final[dict[type[Record], int]] = {
    Report: MAX_RECORD,
    Announce: 16,
    Ended: 4096,
    Drained: 16,
    Ready: 16,
    Resumed: 16,
    Trace: 4 * MAX_TRACE + 16,
}
"""Bytes of an encoded record of each type at most: what follows the fields would not be noticed."""


class Violation(NamedTuple):
    """What a worker has done wrong."""

    kind: str
    """One of KINDS."""
    how: str
    """A sentence for people, which may quote the worker."""


class Phase(enum.Enum):
    """Where a worker stands; the value is how a person says it."""

    RESUMING = "it was asked to resume"
    FREE = "it had nothing to wait for"
    ANNOUNCED = "it had announced a line"
    REPORTED = "its report was not acknowledged yet"
    ENDED = "it had told the end of its stream"


MAY_SAY: Final[dict[Phase, frozenset[type[Record]]]] = {
    Phase.RESUMING: frozenset({Announce, Report, Ended, Drained, Ready, Trace, Resumed}),
    Phase.FREE: frozenset({Announce, Report, Ended, Drained, Ready, Trace}),
    Phase.ANNOUNCED: frozenset({Report, Trace}),
    Phase.REPORTED: frozenset({Trace}),
    Phase.ENDED: frozenset({Trace}),
}
"""The table, but for the conditions."""


class Standing(NamedTuple):
    """What a record that speaks of the client's stream is held against."""

    unread: int
    """Bytes that are in the client's socket."""
    carried: int
    """Bytes of the beginning of a line that were taken already."""


class Conduct:
    """What one worker has said, as far as it matters for what it may say next."""

    __slots__ = ("_care", "_drains", "_since", "_traces", "announced", "drained", "phase", "ready")

    def __init__(self, *, careful: bool) -> None:
        """``careful``: it was told to announce each line, or may have been."""
        self.phase = Phase.FREE
        # Bytes that it may still announce.
        self._care = MAX_USED if careful else 0
        self._drains = 0
        self._traces = float(TRACES)
        self._since = 0.0
        self.announced: int | None = None
        """Bytes of the line that it parses, or whose report is not committed yet."""
        self.drained = False
        """All that had come when it was told to drain is reported."""
        self.ready = False
        """It has said that it is."""

    def told_to_drain(self) -> None:
        """Take note that it may say once more that it is drained."""
        self._drains += 1

    def told_to_resume(self) -> None:
        """Take note that what it says is dropped until it has heard so."""
        self.phase = Phase.RESUMING

    def drops(self, record: Record) -> bool:
        """Return whether ``record``, which was judged, is not to be heard: it is said again."""
        return self.phase is Phase.RESUMING and type(record) is not Trace

    def settled(self) -> None:
        """Take note that it cannot die any more of the line that it has reported."""
        self.announced = None

    def acknowledged(self) -> None:
        """Take note that its report is acknowledged."""
        self.phase = Phase.FREE

    def judge(self, record: Record, size: int, now: float) -> Violation | None:
        """Take note of ``record`` of ``size`` bytes, heard ``now``; return what is wrong with it.

        ``now`` is in seconds, of a clock that is never set back. What speaks of the stream must
        also pass ``judge_bytes``.
        """
        kind = type(record)
        if size > SIZES[kind]:
            return Violation("size", f"{kind.__name__} of {size} bytes")
        if kind not in MAY_SAY[self.phase]:
            return Violation("state", f"said {kind.__name__} when {self.phase.value}")
        if (field := misfit(record)) is not None:
            return Violation("text", f"sent characters in {field} that are not passed on")
        if self.drops(record):
            if kind is Resumed:
                self.phase = Phase.FREE
            return None
        return self._take_note(record, now)

    def _take_note(self, record: Record, now: float) -> Violation | None:
        match record:
            case Report():
                return self._judge_report(record)
            case Announce():
                return self._judge_announcement(record)
            case Drained():
                return self._judge_drained()
            case Ready():
                return self._judge_readiness()
            case Trace():
                return self._judge_trace(now)
            case Ended():
                self.phase = Phase.ENDED
        return None

    def _judge_report(self, report: Report) -> Violation | None:
        if len(report.commands) > 1 and any(map(stands_alone, report.commands)):
            return Violation("state", "reported what stands alone with something else")
        if self.phase is Phase.ANNOUNCED and report.used != self.announced:
            return Violation("state", f"announced {self.announced} bytes, reported {report.used}")
        self.phase = Phase.REPORTED
        return None

    def _judge_announcement(self, announcement: Announce) -> Violation | None:
        # Care ends with the line in which it runs out.
        if not self._care:
            return Violation("state", "announced a line when it need not be careful")
        self._care = max(0, self._care - announcement.used)
        self.announced = announcement.used
        self.phase = Phase.ANNOUNCED
        return None

    def _judge_drained(self) -> Violation | None:
        if not self._drains:
            return Violation("state", "said Drained when nobody had asked")
        self._drains -= 1
        self.drained = True
        return None

    def _judge_readiness(self) -> Violation | None:
        if self.ready:
            return Violation("state", "said Ready twice")
        self.ready = True
        return None

    def _judge_trace(self, now: float) -> Violation | None:
        grown = (now - self._since) * TRACES_A_SECOND
        self._traces = min(float(TRACES), self._traces + grown)
        self._since = now
        if self._traces < 1:
            return Violation("rate", f"more than {TRACES} traces, {TRACES_A_SECOND:g} a second")
        self._traces -= 1
        return None


OF_THE_STREAM: Final = (Report, Announce)
"""Records that speak of the client's stream."""


def judge_bytes(record: Report | Announce, standing: Standing) -> Violation | None:
    """Return what is wrong with ``record`` by the bytes of its client's stream, if anything."""
    unread, carried = standing
    used = record.used
    if unread < used:
        return Violation("bytes", f"spoke of {used} bytes where {unread} are")
    if not (used or carried or (type(record) is Report and record.fresh)):
        return Violation("bytes", f"said {type(record).__name__} of nothing")
    if type(record) is Report:
        most = carried + used
        if len(record.commands) > most:
            return Violation("bytes", f"made {len(record.commands)} commands of {most} bytes")
        # Without a byte more, what was carried can only have ended.
        if len(record.carry) > (most if used else 0):
            return Violation("bytes", f"carries {len(record.carry)} bytes on of {most}")
    return None
