"""What goes out: rendered once per dialect, written once per client and tick, queues bounded.

The master is the only writer of a client's socket. In a tick, events are gathered into runs: as
long as one event follows another to the same audience, nothing is copied; a run is rendered once
per dialect, and is the same bytes object for everybody. At the tick's end each output makes one
send(2). What a full socket does not take stays in that output's queue, and nobody waits for it.

The loop over the outputs is where the server spends its time, so it holds nothing but the send:
an output that must queue, or whose peer is gone, is not asked about each time; its ``send`` is
another one.
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
        self._watched = False
        # As socket.send: takes bytes, returns how many it took, may raise OSError.
        self.send: Callable[[bytes], int] = client.send
        self.parts: list[bytes] = []
        self.queue: deque[bytes | memoryview] = deque()
        self.queued = 0
        self.broken = False

    def keep(self, data: bytes, sent: int) -> None:
        """Queue what the socket did not take of ``data``: all but the first ``sent`` bytes."""
        rest = memoryview(data)[sent:]
        self.queue.append(rest)
        self.queued += len(rest)
        if not self._watched:
            self.send = _take_nothing
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
        self.send = self._socket.send

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
        self.send = len
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


def _take_nothing(_data: bytes) -> int:
    """Stand in for the send of an output that has a queue: nothing may overtake it."""
    return 0


class Egress:
    """Gathers a tick's events and writes them, one send per client."""

    def __init__(self, output_of: Callable[[int], Output | None]) -> None:
        self._output_of = output_of
        self._audience: Audience | None = None
        self._events: list[Event] = []
        self._runs: list[tuple[bytes, list[Output]]] = []
        self.deliveries = 0

    def deliver(self, audience: Audience, event: Event) -> None:
        """Take ``event`` for ``audience``, after everything taken before."""
        if audience is not self._audience:
            self._close_run()
            self._audience = audience
        self._events.append(event)

    def flush(self) -> list[Output]:
        """Write what was taken since the last flush; return the outputs whose queue has grown."""
        self._close_run()
        runs = self._runs
        if not runs:
            return []
        self._runs = []
        if len(runs) == 1:
            return _write(*runs[0])
        touched: list[Output] = []
        for data, outputs in runs:
            for output in outputs:
                if not output.parts:
                    touched.append(output)
                output.parts.append(data)
        grown: list[Output] = []
        for output in touched:
            data = output.parts[0] if len(output.parts) == 1 else b"".join(output.parts)
            output.parts.clear()
            grown += _write(data, (output,))
        return grown

    def _close_run(self) -> None:
        audience = self._audience
        if audience is None:
            return
        events = self._events
        for dialect, outputs in self._routes(audience):
            write = DIALECTS[dialect].write
            self._runs.append((b"".join([write(event) for event in events]), outputs))
            self.deliveries += len(outputs) * len(events)
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


def _write(data: bytes, outputs: Iterable[Output]) -> list[Output]:
    """Send ``data`` to each of ``outputs``; return those that had to queue some of it."""
    size = len(data)
    grown = []
    for output in outputs:
        try:
            sent = output.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            # The peer is gone (EPIPE, ECONNRESET, ETIMEDOUT ...). Its worker will see the end of
            # the stream after what is still to be read; until then, nothing is sent.
            output.drop()
            continue
        if sent != size:
            output.keep(data, sent)
            grown.append(output)
    return grown
