"""Few of many: what is left behind by one of each is seen by five."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from storm.successions import Outcome, Pair, Succession
from supervised import supervised


@pytest.fixture
def succession(tmp_path: Path) -> Iterator[Succession]:
    with supervised(tmp_path) as server:
        server.start()
        yield Succession(server, 3)


@pytest.mark.parametrize(("kind", "times"), [("masters", 15), ("supervisors", 5), ("upgrades", 4)])
def test_nothing_is_left_behind(succession: Succession, kind: str, times: int) -> None:
    outcome = getattr(succession, kind)(times)
    assert outcome.is_as_before(allowed=4.0), str(outcome)
    assert outcome.before.processes == 5
    assert len(outcome.waits) == times


def test_what_is_left_behind_is_seen() -> None:
    before = Pair(30, 5, 40.0)

    def leaves(**changes: float) -> bool:
        after = before._replace(**changes)  # type: ignore[arg-type]
        return not Outcome("masters", before, after, [1.0]).is_as_before(allowed=2.0)

    assert not leaves()
    assert not leaves(megabytes=42.0)
    assert leaves(megabytes=43.0)
    assert leaves(descriptors=31)
    assert leaves(processes=4)
