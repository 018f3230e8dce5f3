"""A client's pace: some lines at once, then as many a second as are allowed."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_workers.pace import AT_ONCE, Pace, go_on


def test_no_rate_is_no_limit() -> None:
    pace = Pace(0, 5.0)
    pace.spend(1_000_000)
    assert pace.allows(5.0) > 1_000_000
    assert pace.until_one() == 0


@given(st.integers(1, 1000), st.lists(st.floats(0, 3), max_size=60))
def test_never_more_than_was_allowed_and_never_stuck(rate: int, pauses: list[float]) -> None:
    pace = Pace(rate, 0.0)
    now = said = 0.0
    for pause in pauses:
        now += pause
        allowed = pace.allows(now)
        pace.spend(allowed)
        said += allowed
        assert said <= rate * (AT_ONCE + now) + 1e-6
        assert pace.allows(now) == 0
        assert 0 < pace.until_one() <= 1 / rate
        assert pace.allows(now + pace.until_one() + 1e-6) >= 1
        now += pace.until_one() + 1e-6


def test_a_pace_goes_on_as_long_as_its_rate_is_the_same() -> None:
    pace = Pace(10, 0.0)
    pace.spend(pace.allows(0.0))
    assert go_on(pace, 10, 1.0) is pace
    assert go_on(pace, 20, 1.0).allows(1.0) == 20 * AT_ONCE
    assert go_on(None, 10, 1.0).allows(1.0) == 10 * AT_ONCE
