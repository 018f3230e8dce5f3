"""When the supervisor starts the next master."""

from itertools import pairwise

from chatd_supervisor.backoff import CALM, DELAYS, LONGEST, SPARED, Backoff


def test_the_first_failures_are_followed_by_growing_delays() -> None:
    backoff = Backoff()
    delays = [backoff.after(None) for _ in range(len(DELAYS) + 3)]
    assert delays == [*DELAYS, *[DELAYS[-1]] * 3]
    assert all(later == min(2 * one, DELAYS[-1]) for one, later in pairwise(DELAYS))


def test_who_has_served_is_followed_at_once() -> None:
    backoff = Backoff()
    assert [backoff.after(CALM) for _ in range(5)] == [0.0] * 5
    # One that falls early too, if it is the first.
    assert [backoff.after(0.0) for _ in range(4)] == [0.0, 0.1, 0.2, 0.4]
    assert backoff.after(None) == 0.8
    assert backoff.after(CALM) == 0.0
    assert backoff.after(None) == 0.1


def test_who_could_serve_is_not_waited_for_as_long_as_who_could_not() -> None:
    backoff = Backoff()
    delays = [backoff.after(0.0) for _ in range(9)]
    assert max(delays) == delays[-1] == LONGEST
    assert backoff.after(None) == DELAYS[-1]


def test_one_that_served_and_was_killed_is_followed_at_once_however_often() -> None:
    backoff = Backoff()
    assert [backoff.after(0.0, killed=True) for _ in range(50)] == [0.0] * 50
    # It says nothing of those that fall of themselves: they are in a row as before.
    assert [backoff.after(0.0) for _ in range(3)] == [0.0, 0.1, 0.2]
    assert backoff.after(0.0, killed=True) == 0.0
    assert backoff.after(0.0) == 0.4


def test_some_that_were_killed_before_they_were_ready_are_followed_at_once() -> None:
    """... and the others soon, for the system may do that, out of memory, to each that begins."""
    backoff = Backoff()
    delays = [backoff.after(None, killed=True) for _ in range(SPARED + 10)]
    assert delays[: SPARED + 4] == [0.0] * SPARED + [0.1, 0.2, 0.4, 0.8]
    assert max(delays) == LONGEST
    # One that was ready ends the row.
    assert backoff.after(0.0, killed=True) == 0.0
    assert backoff.after(None, killed=True) == 0.0
    # What falls of itself is another row.
    assert backoff.after(None) == 0.1
