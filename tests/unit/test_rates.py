"""Who may do something how often: a full bucket at once, then as it fills again."""

from chatd_supervisor.rates import MINUTE, Rates
from chatd_supervisor.recent import MOST


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


def test_however_many_come_at_once_the_last_are_remembered() -> None:
    rates = Rates()
    for number in range(3 * MOST):
        assert rates.admits(f"{number}", 1, 0.0)
    assert len(rates._buckets) == MOST
    assert not rates.admits(f"{3 * MOST - 1}", 1, 0.0)
