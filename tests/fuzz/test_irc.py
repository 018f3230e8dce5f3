"""A short run of the fuzzing; the long one is a command (``irc.py``)."""

import pytest

from fuzz.irc import fuzz


def test_no_line_does_harm(pytestconfig: pytest.Config) -> None:
    people = fuzz(20_000, pytestconfig.getoption("--seed"))
    assert people.heard > 0
    assert people.refused > 0
