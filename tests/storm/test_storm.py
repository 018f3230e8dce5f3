"""Kill at random while lines flow: the zeros. Longer with --storm-seconds."""

from pathlib import Path

import pytest

from harness import serving
from storm.course import Storm, config


@pytest.mark.parametrize(
    ("dialect", "senders", "listeners", "kills"),
    [("text", 4, 8, 50), ("text", 1, 1, 100), ("text", 10, 0, 20), ("irc", 6, 8, 50)],
)
def test_nobody_notices_killed_workers(  # noqa: PLR0917  # pytest passes by name
    tmp_path: Path,
    pytestconfig: pytest.Config,
    capsys: pytest.CaptureFixture[str],
    dialect: str,
    senders: int,
    listeners: int,
    kills: float,
) -> None:
    with serving(tmp_path, config(dialect)) as server:
        figures = Storm(
            server,
            seconds=pytestconfig.getoption("--storm-seconds"),
            senders=senders,
            listeners=listeners,
            kills=kills,
            seed=pytestconfig.getoption("--seed"),
            dialect=dialect,
        ).run()
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.worker_kills > 0
    assert figures.lines > 0
    assert figures.visitors > 0
    assert figures.zeros, str(figures)


def test_nobody_notices_workers_masters_and_supervisors(
    tmp_path: Path, pytestconfig: pytest.Config, capsys: pytest.CaptureFixture[str]
) -> None:
    with serving(tmp_path, config("text"), supervised=True) as server:
        figures = Storm(
            server,
            seconds=pytestconfig.getoption("--storm-seconds"),
            senders=4,
            listeners=8,
            kills=20,
            master_every=3,
            supervisor_every=3,
            seed=pytestconfig.getoption("--seed"),
        ).run()
    with capsys.disabled():
        print(f"\n{figures}")
    assert figures.worker_kills > 0
    assert figures.master_kills > 0
    assert figures.supervisor_kills > 0
    assert figures.visitors > 0
    assert figures.zeros, str(figures)
