"""What is said is said once, though connections are cut, and everything is killed."""

from pathlib import Path

import pytest

from harness import serving
from irc_harness import IRC_CONFIG
from storm.resending import storm


def test_lines_are_said_and_told_once(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, IRC_CONFIG, supervised=True) as server:
        figures = storm(
            server,
            seconds=4,
            people=3,
            rate=50,
            every=0.2,
            seed=pytestconfig.getoption("--seed"),
        )
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.cuts > 0
    assert figures.killed.readers > 0
    assert figures.zeros, str(figures)
