"""Pieces of what keeps a table alive: clones, reserved numbers, records, names of sockets."""

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor import counts
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.supervise import records, socket_names
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.clone import clone_sharing_table, leave_table
from chatd_supervisor.supervise.socket_names import SocketNames

# Tables


def in_a_child(act: Callable[[], None], *, clone: Callable[[], int] = os.fork) -> None:
    """Have another process ``act``, and see that it does not fail."""
    pid = clone()
    if not pid:
        try:
            act()
        except BaseException as error:  # noqa: BLE001  # said here, for nobody else will
            sys.__stderr__.write(f"{error!r}\n")  # type: ignore[union-attr]
            os._exit(1)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0


def test_what_a_clone_opens_and_closes_its_parent_has_opened_and_closed() -> None:
    reading, writing = os.pipe()

    def act() -> None:
        os.close(reading)
        os.dup2(writing, 900)

    in_a_child(act, clone=clone_sharing_table)
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(reading)
    assert os.path.sameopenfile(writing, 900)
    os.close(900)
    os.close(writing)


def test_who_leaves_has_the_lowest_and_the_others_keep_all() -> None:
    reading, writing = os.pipe()
    high = [os.dup2(writing, number) for number in (700, 800)]

    def act() -> None:
        leave_table(700)
        os.close(reading)
        for number in high:
            try:
                os.fstat(number)
            except OSError:
                continue
            raise AssertionError(f"{number} is open")
        os.fstat(writing)

    in_a_child(act, clone=clone_sharing_table)
    for number in (reading, writing, *high):
        os.close(number)


def test_a_clone_is_a_process_of_its_own() -> None:
    seen = [os.getpid()]

    def act() -> None:
        assert os.getppid() == seen[0] != os.getpid()
        assert threading.get_ident()
        assert threading.active_count() == 1
        seen.clear()

    in_a_child(act, clone=clone_sharing_table)
    assert seen


RESERVED = """
import fcntl, os, sys
from chatd_supervisor.supervise import reserved
os.closerange(3, 256)
reading, writing = os.pipe()
for number in range(3, reserved.FREE):
    os.dup2(reading, number)
far = os.dup2(writing, 100)
os.set_inheritable(far, False)
# In the way, and not.
moved = reserved.reserve([3, 5, far])
assert moved[far] == far
for number in (3, 5):
    assert moved[number] >= reserved.FREE
    assert os.path.sameopenfile(moved[number], moved[3])
numbers = range(3, reserved.FREE)
assert {os.readlink(f"/proc/self/fd/{number}") for number in numbers} == {"/dev/null"}
assert not any(map(os.get_inheritable, [*numbers, *moved.values()]))
before = len(os.listdir("/proc/self/fd"))
reserved.put(far, reserved.SUCCESSOR)
assert os.path.sameopenfile(far, reserved.SUCCESSOR)
assert not os.get_inheritable(reserved.SUCCESSOR)
reserved.clear(reserved.SUCCESSOR)
assert os.readlink(f"/proc/self/fd/{reserved.SUCCESSOR}") == "/dev/null"
assert len(os.listdir("/proc/self/fd")) == before, "nothing is left"
# Whatever is opened has none of the numbers.
assert os.open("/dev/null", os.O_RDONLY) >= reserved.FREE
"""


def test_reserved_numbers_are_free_for_nobody_else() -> None:
    subprocess.run([sys.executable, "-c", RESERVED], check=True, timeout=30)


# Records

REQUESTS = [
    records.Settings(7, 64),
    records.Bear(1 << 63, 90_000),
    records.Kill(4711),
    records.Ready(),
    records.Stopping(),
    records.Retire(),
]
ANSWERS = [records.Born(1 << 63, 4711), records.Failed(1, 11), records.Exited(4711, -9)]
OFFERS = [records.Ask(), records.Descriptors(), records.Take(b"note"), records.Leave()]
REPLIES = [records.Prepared(), records.Taken(20_000, 4711)]

KINDS: list[tuple[Callable[[bytes], Any], list[Any]]] = [
    (records.decode_request, REQUESTS),
    (records.decode_answer, ANSWERS),
    (records.decode_offer, OFFERS),
    (records.decode_reply, REPLIES),
]


@pytest.mark.parametrize(("decode", "kind"), KINDS)
def test_what_is_said_is_understood(decode: Callable[[bytes], Any], kind: list[Any]) -> None:
    for record in kind:
        encoded = records.encode(record)
        assert decode(encoded) == record
        # A supervisor takes what is one byte long for the number of a signal.
        assert 1 < len(encoded) <= records.MAX_RECORD


@given(st.sampled_from(KINDS), st.binary(max_size=40))
def test_what_is_not_understood_is_an_error_of_one_kind(
    kind: tuple[Callable[[bytes], Any], list[Any]], said: bytes
) -> None:
    decode, known = kind
    try:
        record = decode(said)
    except msgspec.DecodeError:
        return
    assert type(record) in map(type, known)


# Names of sockets


@contextmanager
def listening(count: int) -> Iterator[list[socket.socket]]:
    found = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    yield found
    for one in found:
        one.close()


def test_the_next_master_knows_them_by_name(tmp_path: Path) -> None:
    path = tmp_path / "sockets"
    assert socket_names.read(path) == ({}, frozenset())
    with listening(4) as (one, two, three, adoption):
        names = SocketNames(path, None)
        names.set_listening({"listener 127.0.0.1:1 text": one.fileno(), "\udcff": two.fileno()})
        names.set_adoption("adoption", adoption.fileno())
        expected = {
            counts.cookie(one): "listener 127.0.0.1:1 text",
            counts.cookie(two): "\udcff",
            counts.cookie(adoption): "adoption",
        }
        assert socket_names.read(path) == (expected, frozenset())
        # A reload: one has gone, another has come.
        names.set_listening({"listener 127.0.0.1:3 irc": three.fileno()})
        expected = {
            counts.cookie(three): "listener 127.0.0.1:3 irc",
            counts.cookie(adoption): "adoption",
        }
        assert socket_names.read(path) == (expected, frozenset())
        assert path.stat().st_mode & 0o777 == 0o600
        assert [each.name for each in tmp_path.iterdir()] == ["sockets"]
        names.discard()
        names.discard()
        assert not path.exists()


def test_what_stands_there_is_not_written_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """... for the disk may be full by the time of the next master, which has the same sockets."""
    path = tmp_path / "sockets"
    with listening(2) as (one, adoption):
        for fails in (False, True):
            names = SocketNames(path, None)
            names.set_listening({"listener 127.0.0.1:1 text": one.fileno()})
            names.set_adoption("adoption", adoption.fileno())
            assert set(socket_names.read(path)[0].values()) == {
                "listener 127.0.0.1:1 text",
                "adoption",
            }
            if not fails:
                monkeypatch.setattr(Path, "replace", None)
        with pytest.raises(TypeError):
            names.set_listening({"another": one.fileno()})


@pytest.mark.parametrize(
    "text", ["no json\n", "[]\n", '{"cookie": 1}\n', '{"cookie": "x", "name": 1, "lent": 0}\n', "3"]
)
def test_a_damaged_file_of_names_is_as_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sockets"
    path.write_text(text)
    assert socket_names.read(path) == ({}, frozenset())


# Command lines

words = st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"]))


@given(st.tuples(words, words, words, words, words), st.lists(words))
def test_what_is_asked_for_is_what_is_read(asked: tuple[str, ...], options: list[str]) -> None:
    program = Asked(*asked).program(options, ["python"])
    assert Asked.read(program[1:]) == (Asked(*asked), options)
    assert Asked(*asked).is_daemon == bool(asked[2])


def test_options_go_through_a_supervisor_as_they_are() -> None:
    invocation = Invocation.of(["--listen=127.0.0.1:1", "--log-level=debug"])
    assert Invocation.of(invocation.options()).options() == invocation.options()


# Signals


ORPHAN = """
import os, signal
from chatd_supervisor.supervise.clone import send_when_parent_dies
from chatd_supervisor.supervise.guard import PARENT_DIED
signal.pthread_sigmask(signal.SIG_BLOCK, [PARENT_DIED])
if os.fork() == 0:
    parent = os.getppid()
    send_when_parent_dies(PARENT_DIED)
    os.kill(parent, signal.SIGKILL)
    signal.sigwait([PARENT_DIED])
    print(os.getppid() != parent)
else:
    signal.pause()
"""


def test_a_parents_death_is_told_by_a_signal() -> None:
    said = subprocess.run(
        [sys.executable, "-c", ORPHAN],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (said.returncode, said.stdout) == (-signal.SIGKILL, "True\n"), said.stderr
