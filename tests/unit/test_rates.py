"""Who may do something how often: a full bucket at once, then as it fills again."""

from chatd_supervisor.rates import KNOWN, MINUTE, Rates


def test_a_bucket_at_once_then_one_by_one() -> None:
    rates = Rates()
    assert [rates.admits("a", 3, 100.0) for _ in range(5)] == [True, True, True, False, False]
    assert rates.admits("b", 3, 100.0)
    assert not rates.admits("a", 3, 100.0 + MINUTE / 3 - 0.1)
    assert rates.admits("a", 3, 100.0 + MINUTE / 3 + 0.1)
    assert not rates.admits("a", 3, 100.0 + MINUTE / 3 + 0.2)


def test_no_rate_is_no_limit() -> None:
    rates = Rates()
    assert all(rates.admits("a", 0, 1.0) for _ in range(100))


def test_those_who_came_long_ago_are_forgotten_and_not_those_who_came_lately() -> None:
    rates = Rates()
    for number in range(KNOWN):
        rates.admits(f"{number}", 1, 0.0)
    rates.admits("late", 1, MINUTE)
    assert not rates.admits("late", 1, MINUTE)
    assert len(rates._buckets) == 1
