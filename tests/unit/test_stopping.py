"""Which process a stop without a master ends: the worker that was noted, whatever its title."""

import subprocess
from collections.abc import Iterator

import pytest

from chatd_supervisor.ledger import Place, Row
from chatd_supervisor.proc import started
from chatd_supervisor.stopping import _end


@pytest.fixture
def worker() -> Iterator["subprocess.Popen[bytes]"]:
    with subprocess.Popen(["sleep", "60"]) as one:
        yield one
        one.kill()


def row(pid: int, start: int) -> Row:
    return Row(b"t" * 8, pid, Place(1, 16), 0, started=start)


def test_the_worker_is_ended_whatever_it_is_titled(worker: "subprocess.Popen[bytes]") -> None:
    assert _end(row(worker.pid, started(worker.pid)))
    assert worker.wait(10) == -9


@pytest.mark.parametrize("start", [0, 1])
def test_who_has_its_pid_since_is_not(start: int) -> None:
    with subprocess.Popen(["chatd: mallory@127.0.0.1:1"], executable="/bin/cat", stdin=-1) as other:
        assert not _end(row(other.pid, start))
        assert other.poll() is None
        other.kill()


def test_who_is_gone_was_not_started() -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    assert started(gone.pid) == 0
    assert not _end(row(gone.pid, 0))
