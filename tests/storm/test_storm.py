"""Kill at random while lines flow: the zeros. Longer with --storm-seconds."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness import Server, serving
from storm.course import Storm, config
from storm.figures import Figures
from storm.killing import Kills

Rage = Callable[..., Figures]


@pytest.fixture
def rage(pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]) -> Rage:
    """Return what has a storm rage as ``Storm`` is told, and judges it."""

    def storm(server: Server, **how: Any) -> Figures:
        seconds, seed = map(pytestconfig.getoption, ("--storm-seconds", "--seed"))
        figures = Storm(server, seconds=seconds, seed=seed, **how).run()
        with capsys.disabled():
            print(f"\n{figures}")
        assert figures.worker_kills > 0
        assert figures.lines > 0
        assert figures.visitors > 0
        assert figures.zeros, str(figures)
        return figures

    return storm


@pytest.mark.parametrize(
    ("dialects", "senders", "listeners", "workers"),
    [(["text"], 4, 8, 50), (["text"], 1, 1, 100), (["text"], 10, 0, 20), (["irc"], 6, 8, 50)],
)
def test_nobody_notices_killed_workers(  # noqa: PLR0917  # pytest passes by name
    tmp_path: Path, rage: Rage, dialects: list[str], senders: int, listeners: int, workers: float
) -> None:
    with serving(tmp_path, config(*dialects)) as server:
        kills = Kills(workers)
        rage(server, dialects=dialects, senders=senders, listeners=listeners, kills=kills)


def test_nobody_notices_workers_masters_and_supervisors(tmp_path: Path, rage: Rage) -> None:
    dialects = ["text", "irc", "proxied"]
    with serving(tmp_path, config(*dialects), supervised=True) as server:
        kills = Kills(20, master_every=3, supervisor_every=3)
        figures = rage(server, dialects=dialects, senders=4, listeners=8, kills=kills)
    assert figures.master_kills > 0
    assert figures.supervisor_kills > 0
