"""How much is logged of what others can cause: bounded, and the rest is counted."""

import logging
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_supervisor.log_budget import A_SECOND, BURST, PAUSE, PIECE, LeftOut, LogBudget
from chatd_supervisor.log_events import EVENTS
from chatd_supervisor.logbook import FIELDS, note


def test_a_burst_is_logged_and_what_follows_is_counted() -> None:
    budget = LogBudget()
    admitted = [budget.admits("worker died", 0, 5.0) for _ in range(BURST + 7)]
    assert admitted == [True] * BURST + [False] * 7
    assert budget.admits("worker traced", 0, 5.0), "each event has its own"
    assert budget.due == 5.0 + PAUSE
    assert budget.left_out(5.0 + PAUSE) == [LeftOut("worker died", 7)]
    assert budget.left_out(5.0 + PAUSE) == []
    assert budget.due > 1e9
    again = [budget.admits("worker died", 0, 5.0 + PAUSE) for _ in range(BURST)]
    assert sum(again) == PAUSE * A_SECOND


def test_a_stack_costs_what_it_takes() -> None:
    budget = LogBudget()
    stack = 16 * 1024
    admitted = sum(budget.admits("worker traced", stack, 0.0) for _ in range(BURST))
    assert admitted == BURST // (1 + stack // PIECE)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.floats(0, 30), st.integers(1, 400)), max_size=100)
)
@settings(deadline=None)
def test_it_is_never_more_than_that(events: list[tuple[str, float, int]]) -> None:
    budget = LogBudget()
    now, logged, said, told = 0.0, 0, 0, 0
    for event, passed, times in events:
        now += passed
        told += sum(count for _, count in budget.left_out(now))
        for _ in range(times):
            said += 1
            logged += budget.admits(event, 9 * PIECE, now)
    told += sum(count for _, count in budget.left_out(now + PAUSE))
    assert logged * 10 <= 2 * (BURST + now * A_SECOND)
    assert logged + told == said


def test_what_is_left_out_is_told_by_the_next_note(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    clock = [100.0]
    monkeypatch.setattr(
        "chatd_supervisor.logbook.time", SimpleNamespace(monotonic=lambda: clock[0])
    )
    monkeypatch.setattr("chatd_supervisor.logbook.BUDGET", LogBudget())
    monkeypatch.setattr(logging.getLogger("chatd"), "propagate", True)
    caplog.set_level("INFO", "chatd")
    for _ in range(BURST + 3):
        note("offer refused", pid=7, reason="it offers too often")
    assert len(caplog.records) == BURST
    caplog.clear()
    clock[0] += PAUSE
    note("stopped")
    first, second = caplog.records
    assert first.getMessage() == "records left out"
    assert getattr(first, FIELDS) == {"of": "offer refused", "count": 3}
    assert second.getMessage() == "stopped"


def test_what_only_the_administrator_causes_is_always_logged() -> None:
    limited = {event for event, kind in EVENTS.items() if kind.limited}
    assert limited.isdisjoint({"ban set", "trace begun", "master traced", "ended", "not started"})
    # What workers say or die of is not.
    assert limited >= {"worker traced", "worker died", "worker broke the rules", "offer refused"}
