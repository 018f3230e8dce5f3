"""Kill workers at random while lines flow: the four zeros. Longer with --storm-seconds."""

from pathlib import Path

import pytest

from harness import serving
from storm.storm import storm


@pytest.mark.parametrize(("senders", "listeners", "kills"), [(4, 8, 50), (1, 1, 100), (10, 0, 20)])
def test_nobody_notices_killed_workers(  # noqa: PLR0917  # pytest passes by name
    tmp_path: Path,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
    senders: int,
    listeners: int,
    kills: float,
) -> None:
    with serving(tmp_path) as server:
        figures = storm(
            server,
            seconds=pytestconfig.getoption("--storm-seconds"),
            senders=senders,
            listeners=listeners,
            kills=kills,
            seed=pytestconfig.getoption("--seed"),
        )
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.kills > 0
    assert figures.lines > 0
    assert figures.zeros, str(figures)
