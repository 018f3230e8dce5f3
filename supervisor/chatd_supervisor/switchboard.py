"""The tick: take every report that is ready, apply, consume, write, acknowledge.

All channels and all clients that must be waited for are in one epoll set, itself watched by the
loop (an epoll descriptor is readable when something in it is ready, epoll(7)). So one turn of the
loop is one tick, however many workers have something to say, and it costs the loop one callback.
"""

import asyncio
import logging
import select
import socket
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import msgspec

from chatd_supervisor.births import VIOLATION, Births
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.egress import Egress, Output
from chatd_supervisor.hub import Audience, Delivery, Hub, Outcome
from chatd_workers.commands import Depart, Entry
from chatd_workers.events import Closing
from chatd_workers.reports import (
    ACK,
    MAX_RECORD,
    Announce,
    Drained,
    Ended,
    Order,
    Record,
    Report,
    Retitle,
    Trace,
    decode_record,
    encode,
)

log = logging.getLogger("chatd")

HIGH_WATER: Final = 256 * 1024
"""A client with more than so many bytes waiting for it is not read until it has taken some."""

FAREWELL: Final = 5.0
"""Seconds a closed client has to take what is queued, and then to close its half."""


class Switchboard:
    """Connections, hub and egress, and the tick that joins them."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hub: Hub,
        *,
        send_queue: int,
        closed: Callable[[Connection], None],
    ) -> None:
        """``closed`` hears of each connection that is no more.

        ``send_queue`` is the limit of a client's queue in bytes; 0 for none.
        """
        self._loop = loop
        self._closed = closed
        self._poller = select.epoll()
        self._handlers: dict[int, Callable[[int], None]] = {}
        self._batch: list[tuple[Worker, Report]] = []
        self._record = bytearray(MAX_RECORD)
        self._view = memoryview(self._record)
        self._parting: list[Connection] = []
        self._ended: list[Worker] = []
        self.hub = hub
        self.send_queue = send_queue
        self.egress = Egress(self._output_of)
        self.connections: dict[int, Connection] = {}
        self.lines = 0
        self.births: Births  # set by the master, which joins the two
        loop.add_reader(self._poller, self._tick)

    def _output_of(self, session: int) -> Output | None:
        connection = self.connections.get(session)
        return connection.output if connection is not None else None

    # The tick

    def _tick(self) -> None:
        for descriptor, events in self._poller.poll(0):
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)
        if self._batch:
            self._commit()
        # After the commit: what a worker had still reported counts in its favour.
        while self._ended:
            self.births.end(self._ended.pop())

    def _commit(self) -> None:
        batch, self._batch = self._batch, []
        for worker, report in batch:
            connection = worker.connection
            if connection is None:
                continue
            self.lines += len(report.commands)
            connection.lines += len(report.commands)
            for command in report.commands:
                self.apply(connection, command)
                if connection.state is not State.SERVED:
                    break
        for worker, report in batch:
            connection = worker.connection
            if connection is not None and connection.consume(report.used) == report.used:
                connection.discarding = report.discarding
                connection.carry = report.carry
                worker.committed = True
                worker.announced = None
            elif connection is not None:
                self._violated(worker, f"reported {report.used} bytes that are not there")
        self.flush()
        for worker, _ in batch:
            self._acknowledge(worker)

    def apply(self, connection: Connection, entry: Entry) -> None:
        """Apply ``entry`` of ``connection`` to the hub and take what follows for delivery."""
        self.follow(connection, self.hub.apply(connection.session, entry))

    def follow(self, connection: Connection, outcomes: Iterable[Outcome]) -> None:
        """Do what follows from an entry of ``connection``."""
        for outcome in outcomes:
            if isinstance(outcome, Delivery):
                self.egress.deliver(outcome.audience, outcome.event)
            else:
                self.leave(connection, outcome.reason, farewell="goodbye")

    def flush(self) -> None:
        """Write what was taken for delivery, and part with whoever leaves.

        Whoever has let more pile up than the limit leaves too, which others are told in turn.
        """
        while True:
            grown = self.egress.flush()
            parting, self._parting = self._parting, []
            for connection in parting:
                self._part(connection)
            if self.send_queue:
                for output in grown:
                    if output.queued > self.send_queue:
                        self._too_slow(output)
            if not self._parting:
                return

    def _too_slow(self, output: Output) -> None:
        connection = self.connections[output.session]
        reason = f"reads too slowly, {output.queued} bytes were waiting"
        if connection.state is State.SERVED:
            output.cut()
            self.leave(connection, reason, farewell=reason)

    # Workers

    def attend(self, worker: Worker) -> None:
        """Listen to a new ``worker``."""
        descriptor = worker.channel.fileno()
        self._handlers[descriptor] = partial(self._take, worker)
        self._poller.register(descriptor, select.EPOLLIN)

    def order(self, worker: Worker, order: Order) -> None:
        """Tell ``worker`` something."""
        self._send(worker, encode(order))

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
            except msgspec.DecodeError as error:
                self._violated(worker, str(error))
                return
            self._hear(worker, record)
            # What it said may have been its last word, and its channel is closed then.
            if worker.ended or not events & select.EPOLLHUP:
                return

    def _hear(self, worker: Worker, record: Record) -> None:
        connection = worker.connection
        if connection is None:
            return
        match record:
            case Report():
                if worker.reporting:
                    self._violated(worker, "reported again before it was acknowledged")
                    return
                worker.reporting = True
                self._batch.append((worker, record))
            case Announce(used):
                worker.announced = used
            case Ended(reason):
                self.leave(connection, reason, farewell=None)
                self.flush()
            case Drained():
                worker.drained = True
            case Trace(text):
                log.warning("session %d: worker %d:\n%s", connection.session, worker.pid, text)

    def _acknowledge(self, worker: Worker) -> None:
        connection = worker.connection
        if connection is None or connection.output.queued > HIGH_WATER:
            return  # dismissed, or to be acknowledged when its client has taken what is queued
        session = self.hub.sessions[connection.session]
        if worker.nick is not session.nick or worker.room is not session.room.name:
            worker.nick, worker.room = session.nick, session.room.name
            self.order(worker, Retitle(worker.nick, worker.room))
        worker.reporting = False
        if not self._send(worker, ACK):
            self._violated(worker, "does not read its channel")

    def _violated(self, worker: Worker, how: str) -> None:
        log.error("worker %d: %s", worker.pid, how)
        worker.exitcode = VIOLATION
        self.disregard(worker)
        self.births.end(worker)

    def disregard(self, worker: Worker) -> None:
        """Listen to ``worker`` no longer."""
        descriptor = worker.channel.fileno()
        if self._handlers.pop(descriptor, None) is not None:
            self._poller.unregister(descriptor)

    # Connections

    def enter(self, connection: Connection) -> None:
        """Take up a new ``connection``."""
        self.connections[connection.session] = connection
        self._handlers[connection.socket.fileno()] = partial(self._client_ready, connection)

    def forget(self, connection: Connection) -> None:
        """Undo ``enter``."""
        del self._handlers[connection.socket.fileno()]
        del self.connections[connection.session]

    def output(self, session: int, client: socket.socket) -> Output:
        """Return a new outgoing side for ``client``."""
        return Output(session, client, self._poller)

    def _client_ready(self, connection: Connection, _events: int) -> None:
        output = connection.output
        if connection.state is State.LINGERING:
            if connection.discard():
                self.close(connection)
            return
        output.drain()
        if connection.state is State.LEAVING:
            self._hang_up_when_written(connection)
        elif output.queued <= HIGH_WATER:
            worker = connection.worker
            if worker is not None and worker.reporting:
                self._acknowledge(worker)

    def leave(self, connection: Connection, reason: str, *, farewell: str | None) -> None:
        """Let ``connection`` go: tell the others ``reason``, and itself ``farewell``.

        Without a ``farewell`` the client has closed already, and is only given what is queued.
        Takes effect with the next ``flush``.
        """
        if connection.state is not State.SERVED:
            return
        session = self.hub.sessions[connection.session]
        log.info("session %d: %s left: %s", connection.session, session.nick, reason)
        connection.state = State.LEAVING
        self.apply(connection, Depart(reason))
        if farewell is not None:
            self.egress.deliver(session.alone, Closing(farewell))
        self._dismiss(connection)
        self._parting.append(connection)

    def dissolve(self, farewell: str) -> None:
        """Let everybody go at once: each is told ``farewell``, and not of the others' leaving."""
        served = [c for c in self.connections.values() if c.state is State.SERVED]
        everybody = Audience(self.hub.sessions[c.session] for c in served)
        self.egress.deliver(everybody, Closing(farewell))
        for connection in served:
            connection.state = State.LEAVING
            self._dismiss(connection)
        self._parting += served
        self.flush()

    def _dismiss(self, connection: Connection) -> None:
        if connection.worker is not None:
            self.disregard(connection.worker)
            self.births.dismiss(connection)

    def _part(self, connection: Connection) -> None:
        connection.deadline = self._loop.call_later(FAREWELL, self.close, connection)
        self._hang_up_when_written(connection)

    def _hang_up_when_written(self, connection: Connection) -> None:
        output = connection.output
        if output.queue and not output.broken:
            return
        if not output.broken:
            connection.hang_up()
        if output.broken or connection.discard():
            self.close(connection)
        else:
            output.watch(select.EPOLLIN | select.EPOLLRDHUP)

    def close(self, connection: Connection) -> None:
        """Close ``connection`` now, whatever is still queued."""
        if connection.state is State.CLOSED:
            return
        if connection.output.queued:
            log.info(
                "session %d: %d bytes were not taken in time",
                connection.session,
                connection.output.queued,
            )
        connection.state = State.CLOSED
        if connection.deadline is not None:
            connection.deadline.cancel()
        connection.output.drop()
        self.forget(connection)
        connection.socket.close()
        self._closed(connection)

    def shut(self) -> None:
        """Let go of the poller; the master has closed everything else."""
        self._loop.remove_reader(self._poller)
        self._poller.close()
