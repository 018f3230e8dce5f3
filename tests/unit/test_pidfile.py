"""The PID file's lock: who has it, and what becomes of it."""

import fcntl
import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor.paths import Paths
from chatd_supervisor.pidfile import (
    AlreadyRunning,
    PidFile,
    SupervisorFile,
    holder,
    supervisor_of,
    sweep,
    written_pid,
)
from chatd_supervisor.supervise.clone import clone_sharing_table

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


class Shared:
    """Processes that share a table, one after another, each the child of the one before."""

    def __init__(self) -> None:
        self.pids: list[int] = []

    def run(self, *steps: Callable[[], None]) -> None:
        """Have a process take the first step; its clone, once it is dead, the next; and so on.

        The last one stays, and so does the table. None of them returns.
        """
        for step in steps[:-1]:
            pid = clone_sharing_table()
            if not pid:
                step()
                os._exit(0)
            assert os.waitpid(pid, 0)[1] == 0, "a step has failed"
        steps[-1]()


def test_the_lock_of_a_shared_table_outlives_whoever_took_it(path: Path) -> None:
    taken = PidFile(path)
    with child(lambda: Shared().run(taken.acquire, lambda: None)):
        dead = written_pid(path)
        assert not Path(f"/proc/{dead}").exists()
        assert holder(path) is not None
        with pytest.raises(AlreadyRunning):
            PidFile(path).acquire()
    assert holder(path) is None


def test_the_next_in_the_table_takes_it_over_in_its_own_name(path: Path) -> None:
    def begin() -> None:
        first = PidFile(path)
        first.acquire()
        # Where its number would be found in the table.
        path.with_suffix(".number").write_text(str(first.fileno()))

    def go_on() -> None:
        second = PidFile(path)
        second.take_over(int(path.with_suffix(".number").read_text()))
        second.acquire()
        assert second.is_in_place()

    with child(lambda: Shared().run(begin, go_on)) as pid:
        assert holder(path) == pid == written_pid(path)


def test_it_is_never_free_while_it_is_taken_over(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free: list[bool] = []
    original = fcntl.lockf

    def looked(*arguments: Any) -> None:
        original(*arguments)
        pid = os.fork()
        if not pid:
            os._exit(holder(path) is None)
        free.append(os.waitpid(pid, 0)[1] != 0)

    file = PidFile(path)
    file.acquire()
    monkeypatch.setattr(fcntl, "lockf", looked)
    file.acquire()
    assert free == [False] * len(free) != []
    monkeypatch.undo()
    file.release()


def test_the_supervisors_file_means_something_while_there_is_a_server(tmp_path: Path) -> None:
    places = Paths(tmp_path, tmp_path)
    current = [4711]
    file = SupervisorFile(places.supervisor_file, lambda: current[0])
    assert not file.is_in_place()
    file.write()
    assert file.is_in_place()
    assert supervisor_of(places) == 0, "nobody holds the lock"
    with child(PidFile(places.pid_file).acquire):
        assert supervisor_of(places) == 4711
        # A guard has taken its place.
        current[0] = 4712
        assert not file.is_in_place()
        file.write()
        assert file.is_in_place()
        assert supervisor_of(places) == 4712
        file.remove()
        file.remove()
        assert supervisor_of(places) == 0
    assert [one.name for one in tmp_path.iterdir()] == ["chatd.pid"]


@pytest.mark.parametrize("text", ["", "no pid\n", "\xe4\n"])
def test_what_is_no_pid_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "supervisor.pid"
    path.write_text(text, "latin-1")
    assert written_pid(path) == 0
    assert written_pid(tmp_path / "nowhere") == 0


def test_what_nobody_holds_is_swept_and_nothing_else(tmp_path: Path) -> None:
    places = Paths(tmp_path, tmp_path)
    with child(PidFile(places.pid_file).acquire):
        places.supervisor_file.write_text("4711\n")
        sweep(places.pid_file, places.supervisor_file)
        assert places.pid_file.exists()
        assert places.supervisor_file.exists()
    sweep(places.pid_file, places.supervisor_file)
    assert list(tmp_path.iterdir()) == []
    sweep(places.pid_file, places.supervisor_file)
    assert list(tmp_path.iterdir()) == []
