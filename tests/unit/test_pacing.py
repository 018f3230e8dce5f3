"""The pauses of a process that is to stand by."""

import importlib
import socket
import sys
import time
from collections.abc import Callable, Iterator

import pytest

from chatd_supervisor.pacing import SHARE, Pace, while_silent

WORK = 0.02


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, theirs


@pytest.fixture
def pace(ends: tuple[socket.socket, socket.socket]) -> Iterator[Pace]:
    one = Pace()
    one.begin(while_silent(ends[1].fileno()))
    one.rest()
    yield one
    one.end()


def work() -> None:
    """Use WORK seconds of CPU."""
    until = time.process_time() + WORK
    while time.process_time() < until:
        pass


def pause(pace: Pace, before: Callable[[], object] = work) -> float:
    """Return how long it pauses at the least; of several, as others may have their turn then."""

    def once() -> float:
        before()
        since = time.monotonic()
        pace.rest()
        return time.monotonic() - since

    return min(once() for _ in range(5))


def test_a_pause_is_as_long_as_the_work_before_it_asks_for(pace: Pace) -> None:
    assert pause(pace) >= WORK * SHARE
    assert pause(pace, lambda: None) < WORK


@pytest.mark.usefixtures("pace")
def test_there_is_one_before_a_module_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "this", raising=False)
    monkeypatch.setattr(sys, "stdout", None)
    work()
    since = time.monotonic()
    importlib.import_module("this")
    assert time.monotonic() - since >= WORK * SHARE


@pytest.mark.parametrize("hangs_up", [False, True])
def test_there_is_none_any_more_when_it_is_its_turn(
    ends: tuple[socket.socket, socket.socket], pace: Pace, hangs_up: bool
) -> None:
    if hangs_up:
        ends[0].close()
    else:
        ends[0].send(b"!")
    assert pause(pace) < WORK


def test_there_is_none_after_its_end(pace: Pace) -> None:
    pace.end()
    assert pace not in sys.meta_path
    assert pause(pace) < WORK


def test_whoever_has_not_begun_does_not_pause() -> None:
    assert pause(Pace()) < WORK
