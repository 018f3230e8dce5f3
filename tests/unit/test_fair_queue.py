"""Turns by address: whoever has used least is next, and each one's work stays in order."""

from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.fair_queue import FairQueue
from chatd_supervisor.recent import MOST


def served(queue: FairQueue[int], seconds: float, most: int = 1 << 30) -> list[tuple[str, int]]:
    """Take up to ``most`` items out, each of which costs ``seconds``."""
    taken: list[tuple[str, int]] = []
    while queue and len(taken) < most:
        place, item = queue.take()
        queue.charge(place, seconds)
        taken.append((place, item))
    return taken


@given(st.lists(st.sampled_from("abc")), st.lists(st.floats(0, 1), min_size=1))
def test_each_place_keeps_its_order_and_nothing_is_lost(places: str, costs: list[float]) -> None:
    queue: FairQueue[int] = FairQueue()
    for number, place in enumerate(places):
        queue.add(place, number)
    taken = []
    while queue:
        place, number = queue.take()
        queue.charge(place, costs[number % len(costs)])
        taken.append((place, number))
    for place in "abc":
        mine = [number for number, other in enumerate(places) if other == place]
        assert [number for other, number in taken if other == place] == mine


def test_one_who_comes_is_next_however_much_waits() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.add("busy", number)
    served(queue, 0.01, 10)
    queue.add("quiet", 0)
    assert served(queue, 0.01, 1) == [("quiet", 0)]


def test_time_that_was_not_used_is_not_saved() -> None:
    queue: FairQueue[int] = FairQueue()
    queue.add("early", 0)
    served(queue, 0.001)
    for number in range(1000):
        queue.add("busy", number)
    served(queue, 1, 500)
    for number in range(100):
        queue.add("early", number)
    turns = [place for place, _ in served(queue, 1, 100)]
    assert 45 <= turns.count("early") <= 55


def test_whoever_costs_more_comes_less_often() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(1000):
        queue.add("dear", number)
        queue.add("cheap", number)
    taken = []
    for _ in range(500):
        place, _ = queue.take()
        queue.charge(place, 9 if place == "dear" else 1)
        taken.append(place)
    assert 45 <= taken.count("dear") <= 55


def test_what_is_remembered_of_places_is_bounded() -> None:
    queue: FairQueue[int] = FairQueue()
    for number in range(3 * MOST):
        queue.add(str(number), 0)
        served(queue, 1)
    assert (len(queue._clocks), len(queue._costs)) == (MOST, MOST)
