"""Passing a descriptor table on: whoever has it is never alone, and one of both goes on."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from chatd_supervisor.handover import Handover
from chatd_supervisor.supervise.records import (
    MAX_RECORD,
    Ask,
    Descriptors,
    Leave,
    Prepared,
    Reply,
    Take,
    Taken,
    decode_reply,
    encode,
)
from chatd_workers.channel import pair, send_with_descriptor
from harness import PATIENCE, eventually, injected
from supervised import Supervised, children, is_running, supervised, talk, title

SUCCESSOR: Final = """
import socket, sys
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.supervise import reserved
from chatd_supervisor.supervise.asked import Asked
from chatd_supervisor.supervise.successor import Inheritance, await_table, confirm

inheritance = Inheritance(Asked("", "", "", "", ""), Invocation.of([]))
number = reserved.reserve([int(sys.argv[1])])[int(sys.argv[1])]
inheritance.channel = socket.socket(fileno=number)
print("received", await_table(inheritance), flush=True)
for _ in range(2):
    print("confirmed", confirm(inheritance, 77), flush=True)
"""
"""What a successor does with its channel, without being a supervisor; its second master is told
nothing more."""

TAKE: Final = encode(
    Take(
        Handover(
            protocol=1,
            version="",
            runtime_dir="",
            state_dir="",
            daemon=False,
            started=0.0,
            generation=0,
        ).encoded()
    )
)


class Successor(NamedTuple):
    """A process that takes a table, and what the giver says and hears."""

    process: "subprocess.Popen[str]"
    channel: socket.socket

    def give(self, count: int) -> None:
        for _ in range(count):
            send_with_descriptor(self.channel, encode(Descriptors()), 0)

    def reply(self) -> Reply:
        record: Reply = decode_reply(self.channel.recv(MAX_RECORD))
        return record

    def says(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()


@pytest.fixture
def successor() -> Iterator[Successor]:
    ours, theirs = pair()
    ours.settimeout(PATIENCE)
    with (
        ours,
        subprocess.Popen(
            [sys.executable, "-c", SUCCESSOR, str(theirs.fileno())],
            stdout=subprocess.PIPE,
            text=True,
            pass_fds=[theirs.fileno()],
        ) as process,
    ):
        theirs.close()
        try:
            yield Successor(process, ours)
        finally:
            ours.close()
            code = process.wait(PATIENCE)
    assert code == 0


def test_it_goes_on_when_the_giver_has_ended(successor: Successor) -> None:
    successor.channel.send(encode(Ask()))
    assert successor.reply() == Prepared()
    successor.give(3)
    successor.channel.send(TAKE)
    assert successor.says() == "received True"
    assert successor.reply() == Taken(3, 77)
    successor.channel.close()
    assert successor.says() == "confirmed True"
    assert successor.says() == "confirmed True"


def test_it_ends_when_the_giver_goes_on(successor: Successor) -> None:
    successor.give(1)
    successor.channel.send(TAKE)
    assert successor.reply() == Taken(1, 77)
    successor.channel.send(encode(Leave()))
    assert [successor.says(), successor.says()] == ["received True", "confirmed False"]


def test_it_ends_when_nothing_comes_of_it(successor: Successor) -> None:
    successor.channel.send(encode(Leave()))
    assert successor.says() == "received False"


@pytest.mark.parametrize("asked", [False, True])
def test_a_giver_that_dies_first_has_given_nothing(successor: Successor, asked: bool) -> None:
    successor.give(2)
    if asked:
        successor.channel.send(encode(Ask()))  # the answer will find nobody
    successor.channel.close()
    assert successor.says() == "received False"


def test_another_giver_begins_anew(successor: Successor) -> None:
    successor.give(2)
    successor.channel.send(encode(Ask()))
    assert successor.reply() == Prepared()
    successor.give(1)
    successor.channel.send(TAKE)
    assert successor.reply() == Taken(1, 77)
    # Whoever asks now did not hear that.
    successor.channel.send(encode(Ask()))
    assert successor.reply() == Taken(1, 77)


# Real ones


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Supervised]:
    with supervised(tmp_path) as one:
        one.start()
        yield one


def _child(parent: int, seen: set[int], *, guard: bool) -> int:
    """Return the pid of a child of ``parent``, a guard or the successor, not ``seen`` before."""
    for pid in children(parent):
        # A guard is called as its master for an instant.
        called = title(pid)
        if pid not in seen and "supervis" in called and (called == "chatd: supervisor") == guard:
            return pid
    return 0


def test_a_guard_that_waits_for_its_successor_is_guarded(server: Supervised) -> None:
    people = server.people("alice", "bob")
    supervisor, master = server.supervisor, server.master
    server.kill_supervisor()
    guard = eventually("a guard", partial(_child, master, set(), guard=True))
    server.kill_master()
    successor = eventually("a successor", partial(_child, guard, set(), guard=False))
    os.kill(successor, signal.SIGSTOP)
    server.found |= {guard, successor}
    seen: set[int] = set()
    for _ in range(3):
        second = eventually("its guard", partial(_child, guard, seen, guard=True))
        seen.add(second)
        server.found.add(second)
        os.kill(second, signal.SIGKILL)
    server.found.add(eventually("its guard", partial(_child, guard, seen, guard=True)))
    os.kill(guard, signal.SIGKILL)
    os.kill(successor, signal.SIGCONT)
    server.renewed(supervisor)
    talk(people, "the end")


def _blocks(pid: int, number: signal.Signals) -> bool:
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^SigBlk:\t(\w+)$", status, re.MULTILINE)
    return found is not None and bool(int(found[1], 16) >> (number - 1) & 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_all_is_passed_on_is_heeded(
    server: Supervised, number: signal.Signals
) -> None:
    people = server.people("alice", "bob")
    supervisor, master = server.supervisor, server.master
    server.kill_supervisor()
    successor = eventually("a successor", partial(_child, master, set(), guard=False))
    server.found.add(successor)
    with injected(successor, "recvmsg:delay_enter=100000"):
        # The master lets no signal in while it waits for the successor.
        eventually("it passes everything on", lambda: _blocks(master, number))
        os.kill(master, number)
        eventually("it has ended", lambda: not is_running(master))
    if number == signal.SIGTERM:
        eventually("the server has ended", lambda: not is_running(successor))
        assert "chatd: stopped" in server.log()
    else:
        eventually("it was asked to reload", lambda: "configuration reloaded" in server.log())
        server.renewed(supervisor)
        talk(people, "the end")
