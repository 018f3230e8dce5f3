"""The clock: jumps are told, and no jump makes more time pass than was lived through."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.clock import DOUBTED, JUMP, MICROSECONDS, STEADY, Passed
from manual_clock import DAY, YEAR, ManualClock

START = 1_700_000_000 * MICROSECONDS


def test_what_goes_on_as_it_should_is_no_jump() -> None:
    clock = ManualClock()
    for seconds in (0, 0.001, 1, 3600, 30 * DAY):
        clock.go(seconds)
        assert clock.now() == clock.wall
    # NTP makes it go slower and faster, by half a thousandth.
    clock.go(DAY)
    clock.set(0.0005 * DAY)
    clock.now()
    assert clock.jumps == []


def test_a_jump_is_told_once_ahead_and_back() -> None:
    clock = ManualClock()
    for ahead in (YEAR, 0, 3600.0, 3600.0 - 2 * JUMP):
        clock.set(ahead)
        clock.go(1)
        assert clock.now() == clock.wall
        clock.now()
    assert [round(seconds) for seconds in clock.jumps] == [YEAR, -YEAR, 3600, round(-2 * JUMP)]


def passed(known: int = START) -> Passed:
    return Passed(known, START, 0.0)


def at(seconds: float) -> int:
    return START + round(seconds * MICROSECONDS)


def test_time_passes_with_the_wall_clock_while_that_is_right() -> None:
    time = passed()
    for ran in (1.0, 2.0, DAY, 40 * DAY):
        assert time.look(at(ran), ran) == at(ran)
        assert time.until_believed() is None


def test_a_clock_ahead_makes_nothing_older_than_it_is() -> None:
    time = passed()
    ahead = 40 * DAY
    for ran in (1.0, DAY, STEADY - 1):
        assert time.look(at(ahead + ran), ran) == at(ran)
    assert time.until_believed() == 2.0
    # As soon as it is right again, it is as if nothing had been.
    assert time.look(at(STEADY), STEADY) == at(STEADY)
    assert time.until_believed() is None


def test_a_clock_that_stays_is_believed_in_the_end() -> None:
    time = passed()
    time.look(at(YEAR), 0.0)
    assert time.look(at(YEAR + STEADY), STEADY) == at(YEAR + STEADY)
    assert time.until_believed() is None


def test_each_jump_begins_the_wait_anew() -> None:
    time = passed()
    time.look(at(YEAR), 0.0)
    half = STEADY / 2
    time.look(at(2 * YEAR + half), half)
    assert time.look(at(2 * YEAR + STEADY), STEADY) == at(STEADY)
    assert time.until_believed() == half


def test_a_night_off_is_believed_and_a_month_is_not() -> None:
    assert Passed(START, at(DOUBTED - 1), 5.0).look(at(DOUBTED), 6.0) == at(DOUBTED)
    assert Passed(START, at(30 * DAY), 5.0).look(at(30 * DAY + 1), 6.0) == at(1)


def test_a_clock_that_begins_ahead_is_followed_back() -> None:
    time = Passed(0, at(YEAR), 0.0)
    assert time.look(at(1), 1.0) == at(1)
    time.look(at(1 + STEADY), 1.0 + STEADY)
    # Now it knows again what a jump is.
    assert time.look(at(YEAR + STEADY), 2.0 + STEADY) == at(2 + STEADY)


steps = st.lists(
    st.tuples(
        st.floats(0, 6 * DAY, allow_nan=False), st.floats(-2 * YEAR, 2 * YEAR, allow_nan=False)
    ),
    max_size=30,
)


@given(steps)
def test_never_more_than_was_lived_through_and_never_ahead_of_the_clock(
    turns: list[tuple[float, float]],
) -> None:
    time = passed()
    ran = 0.0
    for seconds, off in turns:
        ran += seconds
        if seconds >= STEADY or ran >= STEADY:
            break
        wall = at(ran + off)
        seen = time.look(wall, ran)
        assert seen <= wall
        # Each step may be believed by a day.
        assert seen <= at(ran + DOUBTED * len(turns))
