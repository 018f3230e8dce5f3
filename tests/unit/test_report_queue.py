"""A tick's share of what waits: whatever is short is not held up by what is long."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from chatd_supervisor import report_queue
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.report_queue import ReportQueue
from chatd_supervisor.work import Departing, Reported
from chatd_workers.commands import Command, Proxied, Refuse, Say
from chatd_workers.reports import Report


class Clock:
    """Stands in for the clock: it goes on as told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(report_queue, "time", SimpleNamespace(perf_counter=lambda: self.now))


def queue_in(folder: Path) -> ReportQueue:
    return ReportQueue(CrashMark(folder / "applying", crashed=False), lambda *_: None)


def leaving(place: str) -> Departing:
    connection: Any = SimpleNamespace(place=place)
    return Departing(connection, "", None)


def turn(queue: ReportQueue, clock: Clock, costs: dict[str, float]) -> list[str]:
    """Take one turn, in which a piece of each place costs so many seconds; return the places."""
    taken = []
    for work in queue.turn():
        assert isinstance(work, Departing)
        taken.append(work.connection.place)
        clock.now += costs[work.connection.place]
    return taken


def test_a_long_piece_is_not_begun_after_short_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, queue = Clock(monkeypatch), queue_in(tmp_path)
    costs = {"long": report_queue.TURN * 3, "short": report_queue.TURN / 100}
    queue.add(leaving("long"))
    assert turn(queue, clock, costs) == ["long"]
    for place in ("long", "short", "short", "long"):
        queue.add(leaving(place))
    # Whose place has used more comes later; and then it has a turn of its own.
    assert turn(queue, clock, costs) == ["short", "short"]
    assert turn(queue, clock, costs) == ["long"]
    assert turn(queue, clock, costs) == ["long"]
    assert turn(queue, clock, costs) == []


def test_short_pieces_share_a_turn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock, queue = Clock(monkeypatch), queue_in(tmp_path)
    for _ in range(25):
        queue.add(leaving("a"))
    sizes = []
    while queue:
        sizes.append(len(turn(queue, clock, {"a": report_queue.TURN / 10})))
    assert sum(sizes) == 25
    assert max(sizes) == sizes[0] in (10, 11)


@pytest.mark.parametrize("fresh", [[], [Proxied("192.0.2.7", 7)]], ids=["said", "fresh"])
def test_of_what_masters_have_died_nothing_is_applied(tmp_path: Path, fresh: list[Proxied]) -> None:
    """Whose address is not known is let go: without it, it would have no bans and no limits."""
    mark = CrashMark(tmp_path / "applying", crashed=False)
    mark.begin(1, 0)
    mark.close()
    kept = []
    queue = ReportQueue(
        CrashMark(tmp_path / "applying", crashed=True), lambda _, used: kept.append(used)
    )
    worker: Any = SimpleNamespace(connection=SimpleNamespace(place="a", session=1, offset=0))
    said: list[Command] = [Say("fatal")]
    queue.add(Reported(worker, Report(7, False, b"", said, [*fresh])))
    (work,) = queue.turn()
    assert kept == [7]
    if fresh:
        assert isinstance(work, Departing)
    else:
        assert isinstance(work, Reported)
        assert work.report.commands == [Refuse("line-failed")]
