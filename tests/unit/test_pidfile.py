"""The PID file's lock: who has it, and what becomes of it."""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor.pidfile import AlreadyRunning, PidFile, holder

PATIENCE_MS = 10_000


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "chatd.pid"


@contextmanager
def child(act: Callable[[], None]) -> Iterator[int]:
    """Have another process ``act`` and then wait until it is killed; yield its pid."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            act()
            os.write(writing, b"+")
            signal.pause()
        finally:
            os._exit(1)
    os.close(writing)
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    try:
        assert poll.poll(PATIENCE_MS), "the child does not get ready"
        assert os.read(reading, 1) == b"+", "the child failed"
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        os.close(reading)


def test_it_holds_our_pid_and_is_removed(path: Path) -> None:
    pid_file = PidFile(path)
    pid_file.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.release()
    assert not path.exists()


def test_nobody_holds_what_is_not_there(path: Path) -> None:
    assert holder(path) is None
    assert holder(path / "deeper") is None


def test_a_held_lock_is_refused_and_names_its_holder(path: Path) -> None:
    with child(PidFile(path).acquire) as pid:
        assert holder(path) == pid
        with pytest.raises(AlreadyRunning) as raised:
            PidFile(path).acquire()
        assert raised.value.pid == pid
        assert str(raised.value) == f"chatd is already running in {path.parent} as pid {pid}"
        assert path.read_text() == f"{pid}\n"


def test_what_a_killed_holder_left_is_taken_over(path: Path) -> None:
    with child(PidFile(path).acquire):
        pass
    assert path.exists()
    assert holder(path) is None
    pid_file = PidFile(path)
    pid_file.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.release()


def test_any_rubbish_without_a_lock_is_taken_over(path: Path) -> None:
    path.write_text("4194304 and more, and no pid at all\n")
    pid_file = PidFile(path)
    pid_file.acquire()
    assert path.read_text() == f"{os.getpid()}\n"
    pid_file.release()


def test_a_fork_does_not_inherit_the_lock(path: Path) -> None:
    def act() -> None:
        PidFile(path).acquire()
        ours, its = os.pipe()
        grandchild = os.fork()
        if grandchild == 0:
            os.write(its, b"+")
            signal.pause()
        os.read(ours, 1)
        path.with_suffix(".grandchild").write_text(str(grandchild))

    with child(act):
        grandchild = int(path.with_suffix(".grandchild").read_text())
    try:
        # The holder is dead, its fork lives on with a copy of every descriptor.
        os.kill(grandchild, 0)
        assert holder(path) is None
    finally:
        os.kill(grandchild, signal.SIGKILL)


def test_a_holder_that_cannot_be_seen_is_named_as_such(tmp_path: Path) -> None:
    assert str(AlreadyRunning(tmp_path, 0)).endswith("on another host or in another container")


def test_a_directory_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        PidFile(tmp_path / "nowhere" / "chatd.pid").acquire()


def test_a_reader_finds_a_number_at_any_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """... also between the steps in which a killed one's file is taken over."""
    path = tmp_path / "pid"
    path.write_text("4194304\n")
    seen = []
    for name in ("pwrite", "ftruncate"):
        original = getattr(os, name)

        def looked(*arguments: Any, original: Callable[..., Any] = original) -> Any:
            result = original(*arguments)
            seen.append(int(path.read_text()))
            return result

        monkeypatch.setattr(os, name, looked)
    monkeypatch.setattr(os, "getpid", lambda: 7)
    file = PidFile(path)
    file.acquire()
    assert seen == [7, 7]
    assert path.read_text() == "7\n"
    file.release()
