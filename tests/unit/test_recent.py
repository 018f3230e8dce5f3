"""A mapping that remembers so many entries, and whose operations do not depend on how many."""

from collections import OrderedDict

from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.recent import MOST, Recent


@given(st.lists(st.tuples(st.sampled_from(["set", "get", "pop"]), st.integers(0, 9))))
def test_it_is_a_mapping(steps: list[tuple[str, int]]) -> None:
    recent: Recent[int, int] = Recent()
    model: OrderedDict[int, int] = OrderedDict()
    for number, (step, key) in enumerate(steps):
        if step == "set":
            recent.set(key, number)
            model[key] = number
            model.move_to_end(key)
        elif step == "pop":
            assert recent.pop(key) == model.pop(key, None)
        assert recent.get(key) == model.get(key)
        assert list(recent) == list(model)


def test_the_one_that_was_set_first_makes_room() -> None:
    recent: Recent[int, int] = Recent()
    for number in range(MOST):
        recent.set(number, number)
    recent.set(0, 7)
    recent.set(MOST, MOST)
    assert len(recent) == MOST
    assert (recent.get(0), recent.get(1), recent.get(2)) == (7, None, 2)
