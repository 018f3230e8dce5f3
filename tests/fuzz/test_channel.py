"""A short run of the channel's fuzzing; the long one is a command (``channel.py``)."""

from pathlib import Path

import pytest

from fuzz.channel import fuzz


def test_nobody_notices_workers_that_turn_on_the_master(
    tmp_path: Path, pytestconfig: pytest.Config
) -> None:
    outcome = fuzz(tmp_path, records=4000, broken=0.03, seed=pytestconfig.getoption("--seed"))
    assert not outcome.wrong, str(outcome)
    assert outcome.broken > 0
    assert outcome.said > 0
    assert sum(outcome.violations.values()) > 0
