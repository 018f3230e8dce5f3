"""How long chat-client waits before it reaches for its server again."""

import random

from chatd_client.backoff import FIRST, LASTED, LEAST, LONGEST, Backoff


def waits(backoff: Backoff, count: int) -> list[float]:
    return [backoff.next() for _ in range(count)]


def test_waits_double_up_to_the_longest_each_cut_by_chance() -> None:
    for place, wait in enumerate(waits(Backoff(random.Random(1)), 20)):
        longest = min(FIRST * 2**place, LONGEST)
        assert longest / 2 <= wait <= longest


def test_after_a_good_connection_the_wait_is_short_again() -> None:
    backoff = Backoff(random.Random(1))
    waits(backoff, 10)
    backoff.succeeded(LASTED)
    assert backoff.next() <= FIRST


def test_no_wait_is_much_longer_than_the_connection_before_it() -> None:
    backoff = Backoff(random.Random(1))
    waits(backoff, 10)
    backoff.succeeded(8)
    assert backoff.next() <= 8
    # One that breaks at once, again and again, is no reason to hurry.
    for _ in range(10):
        backoff.succeeded(0.01)
        wait = backoff.next()
    assert LEAST / 2 <= wait <= LEAST


def test_where_nobody_lets_us_in_waits_grow() -> None:
    backoff = Backoff(random.Random(1))
    for _ in range(12):
        backoff.succeeded(0)
        wait = backoff.next()
    assert wait >= LONGEST / 2
