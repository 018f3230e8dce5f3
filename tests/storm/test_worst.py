"""Attacks in short, on a small journal: nobody beside them loses anything, and nothing grows.

How long those wait is for ``worst.py`` to say, on a machine that does nothing else.
"""

from pathlib import Path

import pytest

from storm.attacks import ATTACKS, attack_called
from storm.worst import GROWTH, attacked
from storm.worst_journal import template

KILLED = ("search-tokens", "join", "scram-guesses")
"""In the middle of these, the master is killed as well."""

COURSES = [(attack.name, False) for attack in ATTACKS] + [(name, True) for name in KILLED]


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return template(tmp_path_factory.mktemp("worst"), lines=5000, rooms=200)


@pytest.mark.parametrize(("name", "kill_master"), COURSES)
def test_an_attack_reaches_nobody_else(journal: Path, name: str, kill_master: bool) -> None:
    outcome = attacked(attack_called(name), journal, seconds=1.5, idle=0.3, kill_master=kill_master)
    assert outcome.wrong == [], str(outcome)
    assert outcome.growth <= GROWTH, str(outcome)
    # Whoever guesses is put out, and comes again.
    assert outcome.attack.comes_again or "0 were put out" in outcome.became, str(outcome)
    assert "a login from elsewhere FAILED" not in outcome.became, str(outcome)


@pytest.mark.parametrize("name", ["worker-offers", "worker-traces", "worker-forges"])
def test_a_worker_that_is_taken_over_reaches_nobody_else(journal: Path, name: str) -> None:
    outcome = attacked(attack_called(name), journal, seconds=1.5, idle=0.3, kill_master=False)
    assert outcome.wrong == [], str(outcome)
    assert outcome.growth <= GROWTH, str(outcome)
