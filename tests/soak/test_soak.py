"""A short soak: when its visitors have gone, the server is as it was."""

from pathlib import Path

import pytest

from harness import serving
from soak.course import CONFIG, Outcome, Rest, Soak


@pytest.mark.parametrize("supervised", [False, True])
def test_a_server_is_at_last_as_it_was_at_first(tmp_path: Path, supervised: bool) -> None:
    shown: list[Rest] = []
    how = {"sessions": 60, "residents": 4, "at_once": 20, "rests": 2, "kills": 20, "seed": 6}
    with serving(tmp_path, CONFIG, supervised=supervised) as server:
        outcome = Soak(server, **how).run(shown.append)
    assert [rest.sessions for rest in shown] == [0, 30, 60]
    assert outcome.said > 60
    assert outcome.killed > 0
    assert outcome.is_as_before(allowed=4), str(outcome)


def test_what_is_left_behind_is_seen() -> None:
    def rest(**changes: float) -> Rest:
        return Rest(1, 1, 30, 50, 40, 5, 1, 1)._replace(**changes)  # type: ignore[arg-type]

    def outcome(last: Rest, lost: int = 0, doubled: int = 0) -> bool:
        return Outcome(rest(), last, 1, 1, lost, doubled).is_as_before(allowed=2)

    assert outcome(rest())
    assert outcome(rest(rss=32, pss=90))
    assert not outcome(rest(rss=33))
    assert not outcome(rest(descriptors=41))
    assert not outcome(rest(processes=4))
    assert not outcome(rest(), lost=1)
    assert not outcome(rest(), doubled=1)
