"""The tick: take every report that is ready, have it committed, consume, write, acknowledge.

All channels and all clients that must be waited for are in one epoll set, itself watched by the
loop (an epoll descriptor is readable when something in it is ready, epoll(7)). So one turn of the
loop is one tick, however many workers have something to say, and it costs the loop one callback.
"""

import asyncio
import select
import socket
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from chatd_supervisor.births import Births
from chatd_supervisor.checks import Checks
from chatd_supervisor.closing import Closing
from chatd_supervisor.commits import Commits
from chatd_supervisor.conduct import OF_THE_STREAM, Phase, Violation, judge_bytes
from chatd_supervisor.connections import PRESENT, Connection, State, Worker, attached, let_go
from chatd_supervisor.egress import Egress, Output
from chatd_supervisor.hub import Hub, Operation
from chatd_supervisor.ledger import Ledger
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.obituaries import VIOLATION
from chatd_supervisor.throttle import Throttle
from chatd_supervisor.violations import violated
from chatd_supervisor.work import Commit, Departing
from chatd_workers.commands import Fresh
from chatd_workers.reports import (
    ACK,
    MALFORMED,
    MAX_RECORD,
    Drain,
    Ended,
    Order,
    Ready,
    Record,
    Report,
    Resume,
    Retitle,
    Trace,
    decode_record,
    encode,
)

HIGH_WATER: Final = 256 * 1024
"""A client with more than so many bytes waiting for it is not read until it has taken some."""
HEARING: Final = 0.005
"""Seconds after which no more is heard in one tick, but for SOME: what was heard is done first."""
SOME: Final = 4


class Switchboard:
    """Connections, hub and egress, and the tick that joins them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        ledger: Ledger,
        *,
        send_queue: int,
        closed: Callable[[Connection], None],
        operate: Callable[[Operation], None],
    ) -> None:
        """``closed`` hears of each connection that is no more, ``operate`` of what operators want.

        ``send_queue`` is the limit of a client's queue in bytes; 0 for none.
        """
        self._loop = loop
        self._closed = closed
        self._operate = operate
        self._poller = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._record = bytearray(MAX_RECORD)
        self._view = memoryview(self._record)
        self._ended: list[Worker] = []
        self._committing = False
        # The tick goes on with the loop's next turn.
        self._continuing = False
        self.send_queue = send_queue
        self._ledger = ledger
        self.egress = Egress(self._output_of)
        self.closing = Closing(loop, self.close)
        self.connections: dict[int, Connection] = {}
        self.lines = 0
        # Set by the master, which joins them.
        self.births: Births
        self.commits: Commits
        self.checks: Checks
        self.throttle: Throttle
        # Hears of what is known of a connection itself.
        self.learned: Callable[[Connection, Sequence[Fresh]], None]

    @property
    def hub(self) -> Hub:
        """Who is where, as the journal has it."""
        return self.commits.hub

    def open(self) -> None:
        """Begin to listen to workers and clients."""
        self._loop.add_reader(self._poller, self._tick)

    def _output_of(self, session: int) -> Output | None:
        connection = self.connections.get(session)
        return connection.output if connection is not None else None

    # The tick

    def _tick(self) -> None:
        begun = time.perf_counter()
        ready = SOME
        while ready == SOME and time.perf_counter() - begun < HEARING:
            # So many have their turn; those who are ready still come after the others (epoll(7)).
            ready = len(events := self._poller.poll(0, SOME))
            for descriptor, event in events:
                if (handler := self._handlers.get(descriptor)) is not None:
                    handler(event)
        self.commit()
        while self._ended:  # after the commit: what one had still reported counts in its favour
            self.births.end(self._ended.pop())
        MEASURES.ticked(begun)

    def commit(self) -> None:
        """Have what was taken written down, and carry it out.

        What clients have said may be more than there is time for in one tick; it is gone on with in
        the next turn of the loop, after others were heard.
        """
        if self._committing:
            return  # what was added meanwhile is seen to by the loop below
        self._committing = True
        try:
            while (commit := self.commits.next()) is not None:
                self._carry_out(commit)
                if self.commits.is_behind:
                    break
        finally:
            self._committing = False
        if self.commits.is_behind and not self._continuing:
            self._continuing = True
            self._loop.call_soon(self._continue)

    def _continue(self) -> None:
        self._continuing = False
        if not self._poller.closed:  # the server may have stopped meanwhile
            self._tick()

    def settle(self) -> None:
        """Have everything written down and carried out that was taken, however much it is."""
        self.throttle.release()
        self.commit()
        while self.commits.is_behind:
            self.commit()

    def _carry_out(self, commit: Commit) -> None:
        for worker, report, _ in commit.reports:
            connection = worker.connection
            assert connection is not None, "only what concerns somebody is committed"
            self.lines += len(report.commands)
            connection.advance(report)
            if report.fresh:
                self.learned(connection, report.fresh)
        for dropped in commit.dropped:
            dropped.connection.drop_line(dropped.used)
        for output in self.egress.write(commit.runs):
            if self.send_queue and output.queued > self.send_queue:
                self._too_slow(output)
        for departing in commit.departed:
            self.closing.part(departing)
        for worker, *_ in commit.reports:
            self._acknowledge(worker)
        if self.commits.outbox.is_full:
            self._roll()
        for operation in commit.operations:
            # Not within the tick: it may take everything apart.
            self._loop.call_soon(self._operate, operation)

    def _roll(self) -> None:
        try:
            self.commits.outbox.roll(attached(self.connections.values()), self._ledger)
        except OSError as error:
            # Everything needed is still there, and it will be tried again.
            note("outbox not shortened", reason=error)

    def _too_slow(self, output: Output) -> None:
        connection = self.connections[output.session]
        reason = f"reads too slowly, {output.queued} bytes were waiting"
        if connection.state in PRESENT:
            self.commits.add(Departing(connection, reason, farewell=reason, cut=True))

    # Workers

    def attend(self, worker: Worker) -> None:
        """Listen to a new ``worker``."""
        descriptor = worker.channel.fileno()
        self._handlers[descriptor] = partial(self._take, worker)
        self._poller.register(descriptor, select.EPOLLIN)

    def order(self, worker: Worker, order: Order) -> None:
        """Tell ``worker`` something."""
        self._send(worker, encode(order))

    def drain(self, worker: Worker) -> None:
        """Tell ``worker`` to report what has arrived by now, and to say that it has."""
        worker.conduct.told_to_drain()
        self.order(worker, Drain())

    def _send(self, worker: Worker, record: bytes) -> bool:
        try:
            worker.channel.send(record, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return False  # it is stopped, or does not listen
        except OSError:
            pass  # it has died; its channel will say so
        return True

    def _take(self, worker: Worker, events: int) -> None:
        while True:
            try:
                size = worker.channel.recv_into(self._record, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except ConnectionResetError:
                # It died with orders of ours unread (unix(7)). That is told once, and before
                # what it had still said, so go on reading.
                continue
            if not size:
                self.disregard(worker)
                self._ended.append(worker)
                return
            try:
                record = decode_record(self._view[:size])
            except MALFORMED as error:
                self._violated(worker, Violation("form", str(error)))
                return
            self._hear(worker, record, size)
            # What it said may have been its last word, and its channel is closed then.
            if worker.ended or not events & select.EPOLLHUP:
                return

    def _hear(self, worker: Worker, record: Record, size: int) -> None:
        connection = worker.connection
        if connection is None:
            return
        violation = worker.conduct.judge(record, size, time.monotonic())
        dropped = worker.conduct.drops(record)
        if violation is None and not dropped and isinstance(record, OF_THE_STREAM):
            violation = judge_bytes(record, connection.standing())
        if violation is not None:
            self._violated(worker, violation)
            return
        if dropped:
            return
        match record:
            case Report():
                if record.fresh and not connection.may_tell(record.fresh):
                    told = ", ".join(type(known).__name__ for known in record.fresh)
                    self._violated(worker, Violation("knowledge", f"told {told}"))
                    return
                worker.has_reported()
                self.throttle.take(worker, record)
            case Ended(reason, told):
                self.commits.queue(Departing(connection, reason, reason if told else None))
            case Ready():
                self.births.newborn.remove(worker)
            case Trace(text):
                note("worker traced", session=connection.session, pid=worker.pid, stack=text)

    def _acknowledge(self, worker: Worker) -> None:
        connection = worker.connection
        if connection is None or connection.state is not State.SERVED:
            return
        worker.owed = connection.output.queued > HIGH_WATER
        if worker.owed:
            return  # to be acknowledged when its client has taken what is queued
        session = self.hub.sessions[connection.session]
        if worker.nick != session.to or worker.room != session.place:
            worker.nick, worker.room = session.to, session.place
            self.order(worker, Retitle(worker.nick, worker.room))
        worker.conduct.acknowledged()
        if not self._send(worker, ACK):
            self._violated(worker, Violation("deaf", "has not read what it was told"))

    def _violated(self, worker: Worker, violation: Violation) -> None:
        violated(worker, violation)
        worker.exitcode = VIOLATION
        self.disregard(worker)
        self.births.end(worker)

    def hear_out(self, worker: Worker) -> bool:
        """Hear what a ``worker`` of a dead master has said; return whether it must be asked again.

        What lies in its channel is not committed: a master takes a report out before that. With
        nothing there it may wait for an acknowledgement.
        """
        self._take(worker, select.EPOLLHUP)
        if worker in self._ended:
            self._loop.call_soon(self._continue)
            return False
        conduct = worker.conduct
        return not worker.ended and conduct.phase is Phase.FREE and not conduct.ready

    def ask_to_resume(self, worker: Worker) -> None:
        """Have ``worker`` say again what is not committed, if it still waits for that."""
        connection = worker.connection
        if connection is not None and not worker.ended and worker.conduct.phase is Phase.FREE:
            worker.conduct.told_to_resume()
            self.order(worker, Resume(connection.offset, len(connection.carry)))

    def condemn(self, worker: Worker, violation: Violation) -> None:
        """End ``worker`` for a ``violation`` that was not heard on its channel."""
        # What it has announced there counts: it is the line that it has done this for.
        self._take(worker, select.EPOLLHUP)
        if not worker.ended and worker not in self._ended:
            self._violated(worker, violation)

    def disregard(self, worker: Worker) -> None:
        """Listen to ``worker`` no longer."""
        self.throttle.forget(worker)
        self.checks.forget(worker)
        descriptor = worker.channel.fileno()
        if self._handlers.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    def dismiss(self, connection: Connection) -> None:
        """Let the worker of ``connection`` go."""
        if connection.worker is not None:
            self.disregard(connection.worker)
            self.births.dismiss(connection)

    # Connections

    def enter(self, connection: Connection) -> None:
        """Take up ``connection``, with its socket or without."""
        self.connections[connection.session] = connection

    def attach(
        self, connection: Connection, client: socket.socket, rest: Sequence[bytes | memoryview]
    ) -> None:
        """Take up the ``client`` of ``connection``; ``rest`` is still to be sent to it."""
        self._handlers[client.fileno()] = partial(self._client_ready, connection)
        connection.attach(client, rest)

    def forget(self, connection: Connection) -> None:
        """Undo ``enter`` and ``attach``."""
        connection.state = State.CLOSED
        self.dismiss(connection)
        connection.output.drop()
        del self.connections[connection.session]
        if connection.client is not None:
            del self._handlers[connection.client.fileno()]

    def output(self, session: int) -> Output:
        """Return a new outgoing side, without a socket yet."""
        return Output(session, self._poller)

    def _client_ready(self, connection: Connection, _events: int) -> None:
        if connection.state not in PRESENT:
            self.closing.go_on(connection)
            return
        connection.output.drain()
        if connection.output.queued <= HIGH_WATER:
            worker = connection.worker
            if worker is not None and worker.owed:
                self._acknowledge(worker)

    def leave(self, connection: Connection, reason: str, *, farewell: str | None) -> None:
        """Let ``connection`` go: tell the others ``reason``, and itself ``farewell``.

        Without a ``farewell`` the client has closed already, and is only given what is queued.
        Takes effect with the next ``commit``.
        """
        self.commits.add(Departing(connection, reason, farewell))

    def close(self, connection: Connection) -> None:
        """Close ``connection`` now, whatever is still queued."""
        if connection.state is State.CLOSED:
            return
        if connection.output.queued:
            queued = connection.output.queued
            note("output not taken", session=connection.session, bytes=queued)
        if connection.deadline is not None:
            connection.deadline.cancel()
        self.forget(connection)
        if connection.client is not None:
            let_go(connection.client)
        self.commits.closed.append(connection.session)
        self._loop.call_soon(self.commit)
        self._closed(connection)

    def shut(self) -> None:
        """Let go of the poller and of timers; the master has closed everything else."""
        self.throttle.close()
        self.checks.close()
        self.commits.close()
        self._loop.remove_reader(self._poller)
        self._poller.close()
