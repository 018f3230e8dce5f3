"""What several unit tests begin with."""

import os
from collections.abc import Iterator

import pytest

from chatd_supervisor.keeping import Keeper
from chatd_workers.channel import pair
from other_end import Supervisor


@pytest.fixture
def ends() -> Iterator[tuple[Keeper, Supervisor]]:
    """A keeper and its supervisor, nothing of which is left open."""
    ours, theirs = pair()
    supervisor = Supervisor(theirs)
    yield Keeper(ours), supervisor
    supervisor.holdings.let_go()
    ours.close()
    theirs.close()


@pytest.fixture
def descriptor() -> Iterator[int]:
    """A descriptor that is worth being held."""
    reading, writing = os.pipe()
    os.close(writing)
    yield reading
    os.close(reading)
