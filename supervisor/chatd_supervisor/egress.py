"""What goes out: rendered once per dialect, written once per client and tick, queues bounded.

The master is the only writer of a client's socket. In a tick, events are gathered into runs: as
long as one event follows another to the same audience, nothing is copied; a run is rendered once
per dialect and handed by reference to every output. At the tick's end each output makes one
send(2). What a full socket does not take stays in that output's queue, and nobody waits for it.
"""

import select
import socket
from collections import deque
from collections.abc import Callable, Iterable
from itertools import islice
from typing import Final

from chatd_supervisor.hub import Audience
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Event

MAX_GATHER: Final = 64
"""Buffers in one sendmsg(2); far below IOV_MAX, and larger gains nothing."""


class Output:
    """One client's outgoing side: a non-blocking socket and what it has not taken yet."""

    __slots__ = (
        "_poller",
        "_socket",
        "_watched",
        "broken",
        "parts",
        "queue",
        "queued",
        "send",
        "session",
    )

    def __init__(self, session: int, client: socket.socket, poller: select.epoll) -> None:
        self.session = session
        self._socket = client
        self._poller = poller
        # Bound once: looked up on every delivery otherwise.
        self.send = client.send
        self.parts: list[bytes] = []
        self.queue: deque[bytes | memoryview] = deque()
        self.queued = 0
        self.broken = False
        self._watched = False

    def put(self, data: bytes | memoryview) -> None:
        """Write ``data`` after all that is queued, or queue what the socket does not take."""
        if self.broken:
            return
        if not self.queue:
            try:
                sent = self.send(data)
            except BlockingIOError:
                sent = 0
            except OSError:
                # The peer is gone (EPIPE, ECONNRESET, ETIMEDOUT ...). Its worker will see the
                # end of the stream after what is still to be read; until then, nothing is sent.
                self.drop()
                return
            if sent == len(data):
                return
            data = memoryview(data)[sent:]
        self.queue.append(data)
        self.queued += len(data)
        if not self._watched:
            self.watch(select.EPOLLOUT)

    def drain(self) -> None:
        """Write what is queued, as far as the socket takes it (the poller said it would)."""
        try:
            while self.queue:
                self._taken(self._socket.sendmsg(list(islice(self.queue, MAX_GATHER))))
        except BlockingIOError:
            return
        except OSError:
            self.drop()
            return
        self.rest()

    def _taken(self, count: int) -> None:
        self.queued -= count
        while count:
            head = self.queue[0]
            if count < len(head):
                self.queue[0] = memoryview(head)[count:]
                return
            count -= len(head)
            self.queue.popleft()

    def cut(self) -> None:
        """Forget what is queued but for the rest of the line that has been begun."""
        if not self.queue:
            return
        head = bytes(self.queue[0])
        begun = head[: head.find(b"\n") + 1]
        self.queue.clear()
        self.queue.append(begun)
        self.queued = len(begun)

    def drop(self) -> None:
        """Forget everything: nothing can be written any more."""
        self.broken = True
        self.queue.clear()
        self.queued = 0
        self.rest()

    def watch(self, events: int) -> None:
        """Have the poller tell of ``events`` on the socket."""
        self._watched = True
        self._poller.register(self._socket, events)

    def rest(self) -> None:
        """Have the poller tell of nothing.

        Always before the socket is closed: a worker's duplicate would keep it in the poller's set
        (epoll(7), question 6).
        """
        if self._watched:
            self._watched = False
            self._poller.unregister(self._socket)


class Egress:
    """Gathers a tick's events and writes them, one send per client."""

    def __init__(self, output_of: Callable[[int], Output | None]) -> None:
        self._output_of = output_of
        self._audience: Audience | None = None
        self._events: list[Event] = []
        self._touched: list[Output] = []
        self.deliveries = 0

    def deliver(self, audience: Audience, event: Event) -> None:
        """Take ``event`` for ``audience``, after everything taken before."""
        if audience is not self._audience:
            self._close_run()
            self._audience = audience
        self._events.append(event)

    def flush(self) -> Iterable[Output]:
        """Write what was taken since the last flush; return the outputs that were written to."""
        self._close_run()
        touched = self._touched
        self._touched = []
        for output in touched:
            parts = output.parts
            output.parts = []
            output.put(parts[0] if len(parts) == 1 else b"".join(parts))
        return touched

    def _close_run(self) -> None:
        audience = self._audience
        if audience is None:
            return
        events = self._events
        for dialect, outputs in self._routes(audience):
            write = DIALECTS[dialect].write
            if len(events) == 1:
                data = write(events[0])
            else:
                data = b"".join([write(event) for event in events])
            self.deliveries += len(outputs) * len(events)
            for output in outputs:
                if not output.parts:
                    self._touched.append(output)
                output.parts.append(data)
        self._audience = None
        self._events = []

    def _routes(self, audience: Audience) -> list[tuple[str, list[Output]]]:
        routes: list[tuple[str, list[Output]]] | None = audience.routes
        if routes is None:
            by_dialect: dict[str, list[Output]] = {}
            for session in audience.sessions:
                output = self._output_of(session.id)
                if output is not None:
                    by_dialect.setdefault(session.dialect, []).append(output)
            routes = audience.routes = list(by_dialect.items())
        return routes
