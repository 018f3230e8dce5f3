"""Workers that die together: what follows from one death may end another worker."""

import asyncio
import os
import signal
import socket
from typing import Any

from chatd_supervisor.births import Births
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.egress import Output
from chatd_supervisor.restarts import Verdict


def died(number: int) -> tuple[Connection, Worker]:
    """Return a connection whose worker, a child of ours, has died and is not reaped yet."""
    pid = os.fork()
    if not pid:
        signal.pause()
    connection = Connection(number, f"192.0.2.1:{number}", "text", Output(number, None))  # type: ignore[arg-type]
    connection.state = State.SERVED
    channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    theirs.close()
    worker = Worker(pid, channel, connection, "", "", child=True, careful=False)
    connection.worker = worker
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    return connection, worker


def test_what_follows_from_a_death_may_end_one_who_has_died_as_well() -> None:
    pairs = [died(1), died(2)]
    judged: list[int] = []
    ended: list[Worker] = []

    def judge(connection: Connection, _verdict: Verdict) -> None:
        judged.append(connection.session)
        for other, worker in pairs:
            if other is not connection and other.state is State.SERVED:
                other.state = State.CLOSED
                ended.append(worker)
                births.dismiss(other)
        connection.state = State.CLOSED

    loop = asyncio.new_event_loop()
    nothing: Any = None
    births = Births(loop, nothing, orders=nothing, born=nothing, judged=judge, severed=nothing)
    for _, worker in pairs:
        births.children[worker.pid] = worker
        # Its channel has ended as well.
        worker.ended = True
    births.reap()
    assert len(judged) == len(ended) == 1
    assert not births.children
    for _, worker in pairs:
        worker.channel.close()
    loop.close()
