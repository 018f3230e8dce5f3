"""Everybody who connects is let in, whoever is killed meanwhile."""

from pathlib import Path

import pytest

from harness import serving
from storm.accept import Acceptance
from storm.course import config


def test_nobody_is_refused(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = pytestconfig.getoption("--seed")
    with serving(tmp_path, config(), supervised=True) as server:
        outcome = Acceptance(server, connects=600, kills=15, seed=seed).run()
    with capsys.disabled():
        print(f"\n{outcome}")
    assert outcome.masters > 0
    assert outcome.supervisors > 0
    assert not outcome.wrong, str(outcome)
    assert len(outcome.greeted) + len(outcome.pairless) == 600
