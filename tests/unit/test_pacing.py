"""The pauses of a process that is to stand by, in seconds that the test says have been used."""

import importlib
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from chatd_supervisor.pacing import LEAST, SHARE, Pace, while_silent

WORK = 0.5


class Process:
    """One that paces itself: how much CPU it has used, and how long it has paused."""

    def __init__(self) -> None:
        self.used = 0.0
        self.pauses: list[float] = []
        self.pace = Pace(lambda: self.used)

    def begin(self) -> None:
        self.pace.begin(self.pauses.append)


@pytest.fixture
def process() -> Iterator[Process]:
    one = Process()
    yield one
    one.pace.end()


def test_a_pause_is_as_long_as_the_work_before_it_asks_for(process: Process) -> None:
    process.begin()
    process.used += WORK
    process.pace.rest()
    process.pace.rest()
    process.used += 2 * WORK
    process.pace.rest()
    assert process.pauses == [WORK * SHARE, 2 * WORK * SHARE]


def test_little_work_asks_for_none_until_it_is_more(process: Process) -> None:
    process.begin()
    process.used += 0.75 * LEAST
    process.pace.rest()
    assert process.pauses == []
    process.used += 0.75 * LEAST
    process.pace.rest()
    assert process.pauses == [pytest.approx(1.5 * LEAST * SHARE)]


def test_there_is_one_before_a_module_is_imported(
    process: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    monkeypatch.setattr(sys, "stdout", None)
    process.begin()
    process.used += WORK
    importlib.import_module("this")
    assert process.pauses == [WORK * SHARE]


def test_there_is_none_after_its_end(process: Process) -> None:
    process.begin()
    process.pace.end()
    assert process.pace not in sys.meta_path
    process.used += WORK
    process.pace.rest()
    assert process.pauses == []


def test_whoever_has_not_begun_does_not_pause(process: Process) -> None:
    process.used += WORK
    process.pace.rest()
    assert process.pauses == []


def test_what_a_process_has_used_is_its_own_cpu_unless_told_otherwise() -> None:
    pauses: list[float] = []
    pace = Pace()
    before = time.process_time()
    pace.begin(pauses.append)
    pace.rest()
    pace.end()
    assert before * SHARE <= pauses[0] <= time.process_time() * SHARE


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.mark.parametrize("hangs_up", [False, True])
def test_a_pause_ends_when_it_is_its_turn(
    ends: tuple[socket.socket, socket.socket], hangs_up: bool
) -> None:
    pause = while_silent(ends[1].fileno())
    assert not pause(0.001)
    if hangs_up:
        ends[0].close()
    else:
        ends[0].send(b"!")
    # What it returns is what has come, which it need not wait for; and so again.
    assert pause(60.0)
    assert pause(60.0)
