"""Whether a worker that a dead master has left still lives."""

import os
import subprocess
from pathlib import Path

import pytest

from chatd_supervisor.recovery import _lives


def test_a_process_lives_until_it_has_ended() -> None:
    with subprocess.Popen(["sleep", "60"]) as one:
        assert _lives(one.pid)
        one.kill()
        os.waitid(os.P_PID, one.pid, os.WEXITED | os.WNOWAIT)
        assert not _lives(one.pid), "a zombie"
    assert not _lives(one.pid)
    assert not _lives(0)


def test_one_that_proc_does_not_show_lives_if_it_can_be_signalled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hidden(path: Path) -> bytes:
        raise FileNotFoundError(path)

    with subprocess.Popen(["sleep", "60"]) as one:
        monkeypatch.setattr(Path, "read_bytes", hidden)
        assert _lives(one.pid)
        one.kill()
    assert not _lives(one.pid)
    assert not _lives(0)
