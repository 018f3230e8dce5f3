"""Places whose clients crash workers are kept out, for a while."""

from chatd_supervisor.penalties import WINDOW, Penalties
from chatd_supervisor.recent import MOST

HERE, THERE = "192.0.2.1", "192.0.2.2"


def test_more_than_so_many_in_a_minute_are_too_many() -> None:
    penalties = Penalties()
    assert [penalties.blame(HERE, 3, 600, now) for now in (0, 1, 2)] == [False] * 3
    assert penalties.left(HERE, 3, 600, 2) == 0
    assert not penalties.blame(THERE, 3, 600, 3)
    assert penalties.blame(HERE, 3, 600, 3)
    assert penalties.left(HERE, 3, 600, 3) == 600
    assert penalties.left(HERE, 3, 600, 602) == 1
    assert penalties.left(HERE, 3, 600, 603) == 0
    assert penalties.left(THERE, 3, 600, 3) == 0
    # It begins anew.
    assert not penalties.blame(HERE, 3, 600, 604)


def test_the_same_over_a_longer_time_is_not() -> None:
    penalties = Penalties()
    assert not any(penalties.blame(HERE, 3, 600, now * (WINDOW / 3 + 1)) for now in range(100))


def test_none_are_too_many_if_there_is_no_limit() -> None:
    penalties = Penalties()
    assert not any(penalties.blame(HERE, 0, 600, 0) for _ in range(100))


def test_a_limit_that_is_changed_holds_at_once() -> None:
    penalties = Penalties()
    for now in range(5):
        penalties.blame(HERE, 10, 600, now)
    assert penalties.blame(HERE, 3, 600, 5)


def test_memory_is_bounded() -> None:
    penalties = Penalties()
    for number in range(MOST + 10):
        for _ in range(2):
            penalties.blame(str(number), 1, 600, 0)
        penalties.blame(f"once {number}", 1, 600, 0)
    assert (len(penalties._deaths), len(penalties._since)) == (MOST, MOST)
    assert penalties.left(str(MOST), 1, 600, 1) == 599


def test_a_term_that_is_changed_holds_for_those_kept_out() -> None:
    penalties = Penalties()
    for _ in range(3):
        penalties.blame(HERE, 1, 600, 0)
    assert penalties.left(HERE, 1, 60, 1) == 59
    assert penalties.left(HERE, 0, 600, 1) == 0
    assert penalties.left(HERE, 1, 60, 60) == 0
