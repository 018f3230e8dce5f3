"""Commands that may have to wait stand in a report of their own."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.hub import QUESTIONS
from chatd_workers import commands as c
from chatd_workers.commands import ALONE, stands_alone, together

SAY = c.Say("x")
LOGIN = c.Identify("", "x")
LABELED = c.Labeled("1", LOGIN)


@pytest.mark.parametrize(
    ("commands", "fitting"),
    [
        ([], 0),
        ([None], 1),
        ([SAY, None, SAY], 3),
        ([LOGIN], 1),
        ([LOGIN, SAY], 1),
        ([LABELED, LOGIN], 1),
        ([SAY, LOGIN], 1),
        ([SAY, None, LABELED, SAY], 2),
        ([None, c.Labeled("1", SAY), SAY], 3),
    ],
)
def test_how_many_stand_in_one_report(commands: list[c.Command | None], fitting: int) -> None:
    assert together(iter(commands)) == commands[:fitting]


@given(st.lists(st.sampled_from([None, SAY, LOGIN, LABELED])))
def test_all_are_reported_in_order_and_those_alone(said: list[c.Command | None]) -> None:
    rest, reports = said, []
    while rest:
        reports.append(together(rest))
        rest = rest[len(reports[-1]) :]
    assert [command for report in reports for command in report] == said
    assert all(len(report) == 1 for report in reports if any(map(stands_alone, report)))


@pytest.mark.parametrize("said", [[LOGIN, SAY, SAY], [SAY, LOGIN, SAY]])
def test_nothing_is_parsed_that_is_not_reported_now(said: list[c.Command | None]) -> None:
    """But for the one that stands alone, of course."""
    rest = iter(said)
    together(rest)
    assert next(rest) is said[-2 if said[0] is LOGIN else -1]


def test_what_the_hub_has_questions_about_is_among_them() -> None:
    assert set(QUESTIONS) <= ALONE
