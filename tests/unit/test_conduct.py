"""What a worker may say when: the table, row by row, and what it bounds."""

import itertools

import pytest

from chatd_supervisor import conduct
from chatd_supervisor.conduct import Conduct, Phase, Standing, Violation, judge_bytes
from chatd_workers.commands import Command, Enter, Labeled, Say, Search
from chatd_workers.reports import (
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
    encode,
)

REPORT = Report(4, False, b"", [Say("moo")], [])
RECORDS: dict[str, Record] = {
    "Announce": Announce(4),
    "Report": REPORT,
    "Ended": Ended("gone"),
    "Drained": Drained(),
    "Ready": Ready(),
    "Resumed": Resumed(),
    "Trace": Trace("here"),
}


def judge(worker: Conduct, record: Record, now: float = 1.0) -> str:
    """Return the kind of violation that ``record`` is; empty if it is none."""
    violation = worker.judge(record, len(encode(record)), now)
    return violation.kind if violation is not None else ""


@pytest.mark.parametrize("alone", [Search("x"), Enter(["#x"]), Labeled("1", Search("x"))])
def test_what_stands_alone_is_reported_alone(alone: Command) -> None:
    assert not judge(Conduct(careful=False), Report(9, False, b"", [alone], []))
    for commands in ([alone, alone], [Say("x"), alone], [alone, Say("x")]):
        assert judge(Conduct(careful=False), Report(9, False, b"", commands, [])) == "state"


def in_phase(phase: Phase, *, careful: bool) -> Conduct:
    worker = Conduct(careful=careful)
    if phase is Phase.ANNOUNCED:
        worker = Conduct(careful=True)
        assert not judge(worker, RECORDS["Announce"])
    elif phase is Phase.REPORTED:
        assert not judge(worker, REPORT)
    elif phase is Phase.ENDED:
        assert not judge(worker, RECORDS["Ended"])
    elif phase is Phase.RESUMING:
        worker.told_to_resume()
    assert worker.phase is phase
    return worker


@pytest.mark.parametrize(("phase", "name"), [*itertools.product(Phase, RECORDS)])
def test_the_table(phase: Phase, name: str) -> None:
    worker = in_phase(phase, careful=True)
    worker.told_to_drain()
    may = {
        Phase.RESUMING: {*RECORDS},
        Phase.FREE: {*RECORDS} - {"Resumed"},
        Phase.ANNOUNCED: {"Report", "Trace"},
        Phase.REPORTED: {"Trace"},
        Phase.ENDED: {"Trace"},
    }
    assert judge(worker, RECORDS[name]) == ("" if name in may[phase] else "state")


def test_a_careful_worker_announces_and_reports_line_after_line() -> None:
    worker = Conduct(careful=True)
    for _ in range(100):
        assert not judge(worker, Announce(4))
        assert worker.announced == 4
        assert not judge(worker, REPORT)
        worker.settled()
        assert worker.announced is None
        worker.acknowledged()
    assert not judge(worker, RECORDS["Ended"])


def test_it_reports_what_it_has_announced() -> None:
    worker = Conduct(careful=True)
    assert not judge(worker, Announce(5))
    assert judge(worker, REPORT) == "state"


def test_it_announces_only_when_told_to_and_no_more_than_care_is_taken_of() -> None:
    assert judge(Conduct(careful=False), Announce(4)) == "state"
    worker = Conduct(careful=True)
    assert not judge(worker, Announce(MAX_USED - 1))
    assert not judge(worker, Report(MAX_USED - 1, False, b"", [], []))
    worker.acknowledged()
    # The line in which care runs out is still announced.
    assert not judge(worker, Announce(MAX_USED))
    assert not judge(worker, Report(MAX_USED, False, b"", [], []))
    worker.acknowledged()
    assert judge(worker, Announce(1)) == "state"


def test_it_is_drained_as_often_as_it_is_told_to_drain() -> None:
    worker = Conduct(careful=False)
    assert judge(worker, Drained()) == "state"
    assert not worker.drained
    worker.told_to_drain()
    worker.told_to_drain()
    assert [judge(worker, Drained()) for _ in range(3)] == ["", "", "state"]
    assert worker.drained


DROPPED = [name for name in RECORDS if name not in ("Resumed", "Trace")]


@pytest.mark.parametrize("name", DROPPED)
def test_before_it_has_heard_of_the_new_master_it_is_not_heard(name: str) -> None:
    worker = Conduct(careful=True)
    worker.told_to_resume()
    # As often as it has said so, and in any order: what it says it says to a dead one.
    for _ in range(3):
        assert worker.drops(RECORDS[name])
        assert not judge(worker, RECORDS[name])
    assert not worker.drops(RECORDS["Trace"])
    assert worker.phase is Phase.RESUMING
    assert (worker.announced, worker.drained, worker.ready) == (None, False, False)


@pytest.mark.parametrize("name", DROPPED)
def test_then_it_is_judged_as_anybody(name: str) -> None:
    worker = Conduct(careful=True)
    worker.told_to_resume()
    assert not judge(worker, RECORDS[name])
    assert not judge(worker, RECORDS["Resumed"])
    assert worker.phase is Phase.FREE
    assert not worker.drops(RECORDS[name])
    assert judge(worker, RECORDS[name]) == ("state" if name == "Drained" else "")
    assert judge(worker, RECORDS["Resumed"]) == "state", "once"


def test_what_is_no_record_of_a_worker_is_so_while_it_resumes_too() -> None:
    worker = Conduct(careful=True)
    worker.told_to_resume()
    assert judge(worker, Report(4, False, b"", [Say("m\0o")], [])) == "text"
    size = conduct.SIZES[Report] + 1
    violation = worker.judge(REPORT, size, 1.0)
    assert violation is not None
    assert violation.kind == "size"


def test_traces_are_few() -> None:
    worker = Conduct(careful=False)
    at_once = [judge(worker, RECORDS["Trace"], 10.0) for _ in range(conduct.TRACES + 1)]
    assert at_once == [""] * conduct.TRACES + ["rate"]
    later = 10.0 + 2.5 / conduct.TRACES_A_SECOND
    assert [judge(worker, RECORDS["Trace"], later) for _ in range(3)] == ["", "", "rate"]


@pytest.mark.parametrize("name", RECORDS)
def test_nothing_can_follow_the_fields(name: str) -> None:
    worker = in_phase(Phase.FREE, careful=True)
    record = RECORDS[name]
    size = conduct.SIZES[type(record)] + 1
    assert worker.judge(record, size, 1.0) == Violation("size", f"{name} of {size} bytes")


def test_the_longest_of_each_type_fits() -> None:
    # The longest character takes four bytes in UTF-8 (RFC 3629).
    longest: list[Record] = [
        Trace("\N{GRINNING FACE}" * MAX_TRACE),
        Announce(MAX_USED),
        Ended("\N{GRINNING FACE}" * 512, told=True),
        Drained(),
    ]
    for record in longest:
        assert len(encode(record)) <= conduct.SIZES[type(record)]


SAY = Say("")


@pytest.mark.parametrize(
    ("record", "unread", "carried", "right"),
    [
        (Report(4, False, b"", [SAY], []), 4, 0, True),
        (Report(4, False, b"", [SAY], []), 3, 0, False),
        (Report(4, False, b"", [SAY] * 4, []), 4, 0, True),
        (Report(4, False, b"", [SAY] * 5, []), 4, 0, False),
        (Report(4, False, b"", [SAY] * 5, []), 4, 1, True),
        # What was carried has ended.
        (Report(0, False, b"", [SAY], []), 0, 7, True),
        (Report(0, False, b"", [SAY], []), 0, 0, False),
        (Report(0, False, b"", [], []), 9, 0, False),
        # A beginning of a line is taken up, and goes on.
        (Report(4, False, b"abcd", [], []), 4, 0, True),
        (Report(4, False, b"abcdefg", [], []), 4, 3, True),
        (Report(4, False, b"abcdefg", [], []), 4, 2, False),
        (Report(0, False, b"abc", [], []), 4, 3, False),
        (Announce(4), 4, 0, True),
        (Announce(4), 3, 9, False),
        (Announce(0), 0, 9, True),
        (Announce(0), 4, 0, False),
    ],
)
def test_no_more_is_said_than_has_come(
    record: Report | Announce, unread: int, carried: int, right: bool
) -> None:
    violation = judge_bytes(record, Standing(unread, carried))
    assert (violation is None) is right
    assert violation is None or violation.kind == "bytes"
