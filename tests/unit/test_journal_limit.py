"""How much journal there may be: what is configured, else a tenth of the disk, at most 10 GiB."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from chatd_supervisor.config import Config, JournalKeys
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.paths import Paths
from chatd_supervisor.settings import open_journal

GIB = 1 << 30
MIB = 1 << 20


@pytest.mark.parametrize(
    ("configured", "disk", "most"),
    [
        (None, 1000 * GIB, 10 * GIB),
        (None, 50 * GIB, 5 * GIB),
        (None, 40 * MIB, 16 * MIB),
        (0, 50 * GIB, 0),
        (20 * 1024, 50 * GIB, 20 * GIB),
    ],
)
def test_the_limit(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    configured: int | None,
    disk: int,
    most: int,
) -> None:
    seen: list[int] = []

    def opened(*_: object, max_size: int, **__: object) -> None:
        seen.append(max_size)

    monkeypatch.setattr(SqliteJournal, "__init__", opened)
    blocks = SimpleNamespace(f_blocks=disk // 4096, f_frsize=4096)
    monkeypatch.setattr(os, "statvfs", lambda _: blocks)
    config = Config(journal=JournalKeys(max_size_mb=configured))
    open_journal(config, Paths(tmp_path / "r", tmp_path / "s"))
    assert seen == [pytest.approx(most, abs=4096)]
