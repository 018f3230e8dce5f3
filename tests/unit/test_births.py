"""Workers that die at the worst moment: nobody else is ever killed in their place."""

import asyncio
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest

from chatd_supervisor.births import Births
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.egress import Output
from chatd_supervisor.handover import Channel
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.restarts import Verdict
from chatd_workers.channel import pair


class Loop:
    """Keeps what is to be called."""

    def __init__(self) -> None:
        self.later: list[Callable[..., Any]] = []

    def call_soon(self, call: Callable[..., Any], *_arguments: Any) -> None:
        self.later.append(call)

    def call_later(self, _seconds: float, call: Callable[..., Any], *_arguments: Any) -> None:
        self.later.append(call)


class Ward:
    """Births, and one connection with its worker."""

    def __init__(self) -> None:
        self.judged: list[Verdict] = []
        self.births = Births(
            cast("asyncio.AbstractEventLoop", Loop()),
            cast("Ledger", None),
            orders=cast("Any", None),
            born=lambda _: None,
            judged=lambda _, verdict: self.judged.append(verdict),
            severed=lambda _, __: None,
        )
        self.connection = Connection(1, "127.0.0.1:1", "text", Output(1, cast("Any", None)))
        self.connection.state = State.SERVED
        self.connection.client, self.peer = socket.socketpair()

    def worker(self, pid: int, channel: socket.socket) -> Worker:
        return Worker(pid, channel, self.connection, "n", "#r", child=True, careful=True)

    def close(self) -> None:
        self.connection.attached().close()
        self.peer.close()


@pytest.fixture
def ward() -> Iterator[Ward]:
    made = Ward()
    yield made
    made.close()


def killed_child() -> int:
    """Return the pid of a child that was killed, and is still to be reaped."""
    pid = os.fork()
    if pid == 0:
        try:
            signal.pause()
        finally:
            os._exit(0)
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return pid


def reaped(ward: Ward) -> Worker:
    """Return a worker that is reaped, while the end of its channel has not been read."""
    ours, theirs = pair()
    theirs.close()
    pid = killed_child()
    worker = ward.worker(pid, ours)
    ward.births.take_over(worker)
    ward.births.reap()
    assert worker.exitcode == -signal.SIGKILL
    assert not worker.ended
    return worker


def test_whoever_is_reaped_is_killed_no_more(ward: Ward) -> None:
    worker = reaped(ward)
    ward.births.kill(worker)  # raised ProcessLookupError, if the pid was not another's by then
    ward.births.end(worker)
    assert ward.connection.worker is None
    assert len(ward.judged) == 1


def test_another_program_is_told_who_was_reaped(ward: Ward) -> None:
    before = reaped(ward)
    channel = Channel(
        session=1,
        pid=before.pid,
        descriptor=before.channel.fileno(),
        child=before.child,
        exitcode=before.exitcode,
        owed=False,
        nick="n",
        room="#r",
    )
    after = ward.worker(channel.pid, before.channel)
    after.exitcode = channel.exitcode
    ward.births.take_over(after)
    assert ward.births.children == {}
    ward.births.end(after)
    assert ward.connection.worker is None, "nobody waits for a second death"
    assert len(ward.judged) == 1
