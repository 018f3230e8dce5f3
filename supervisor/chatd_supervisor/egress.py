"""What goes out: rendered once per dialect, written once per client and tick, queues bounded.

The master is the only writer of a client's socket. In a tick, events are gathered into runs: as
long as one event follows another to the same audience, nothing is copied; a run is rendered once
per dialect and view (``capabilities``), and is the same bytes object for everybody. Whoever is
not to hear an event of a run that goes to its audience, mostly what it has said itself, is sent the
others of that run. ``seal`` returns the runs, so that they can
be written down first. With ``write`` each output makes one send(2); what a full socket does not
take stays in that output's queue, and nobody waits for it.

The loop over the outputs is where the server spends its time, so it holds nothing but the send:
an output that must queue, or whose peer is gone, is not asked about each time; its ``send`` is
another one.
"""

import select
import socket
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from typing import Final, NamedTuple, Protocol

from chatd_supervisor.rooms import Audience, Session
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Event

MAX_KNOWN: Final = 64
"""Sets of who is left out for which an audience's routes are known: in a room where everybody
talks, there may be as many as there are subsets."""

NO_WAIT: Final = int(socket.MSG_DONTWAIT)
"""Whether a socket waits is the same for all who hold it (O_NONBLOCK, open(2)): a worker that was
taken over, with no sandbox around it, could make the master wait for its client."""

MAX_GATHER: Final = 64
"""Buffers in one sendmsg(2); far below IOV_MAX, and larger gains nothing."""


class Output:
    """One client's outgoing side: a non-blocking socket and what it has not taken yet.

    Before a socket is attached, everything is queued.
    """

    __slots__ = (
        "_attached",
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

    def __init__(self, session: int, poller: select.epoll) -> None:
        self.session = session
        # Not there before it is attached.
        self._socket: socket.socket
        self._attached = False
        self._poller = poller
        self._watched = False
        # As socket.send: takes bytes and flags, returns how many it took, may raise OSError.
        self.send: Callable[[bytes, int], int] = _take_nothing
        self.parts: list[bytes] = []
        self.queue: deque[bytes | memoryview] = deque()
        self.queued = 0
        self.broken = False

    def keep(self, data: bytes, sent: int) -> None:
        """Queue what the socket did not take of ``data``: all but the first ``sent`` bytes."""
        # All of it, mostly, and then the same bytes object for everybody who is slow.
        rest = data[sent:]
        self.queue.append(rest)
        self.queued += len(rest)
        if self._attached and not self._watched:
            self.send = _take_nothing
            self.watch(select.EPOLLOUT)

    def attach(self, client: socket.socket, rest: Sequence[bytes | memoryview]) -> None:
        """Take up the socket. ``rest``, what another master had still to write, goes first."""
        self._socket = client
        self._attached = True
        self.queue.extendleft(reversed(rest))
        self.queued += sum(map(len, rest))
        if self.queue:
            self.watch(select.EPOLLOUT)
        else:
            self.send = client.send

    def drain(self) -> None:
        """Write what is queued, as far as the socket takes it (the poller said it would)."""
        try:
            while self.queue:
                gathered = list(islice(self.queue, MAX_GATHER))
                self._taken(self._socket.sendmsg(gathered, (), NO_WAIT))
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
        self.send = _take_all
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


def _take_nothing(_data: bytes, _flags: int) -> int:
    """Stand in for the send of an output that has a queue: nothing may overtake it."""
    return 0


def _take_all(data: bytes, _flags: int) -> int:
    """Stand in for the send of an output that is broken: nobody hears any more of it."""
    return len(data)


class Route:
    """The outputs of one audience in one dialect, which are written the same."""

    __slots__ = ("outputs", "place", "sessions")

    def __init__(self, outputs: list[Output]) -> None:
        self.outputs = outputs
        self.sessions = tuple(output.session for output in outputs)
        # For the outbox: under which number it has these sessions. -1: under none.
        self.place = -1


class Run(NamedTuple):
    """Bytes, and who gets them."""

    data: bytes
    route: Route


class _Way(NamedTuple):
    """A route, and how what takes it is rendered."""

    dialect: str
    view: int
    route: Route
    apart: int
    """The one session that it leads to, if that is left out of some events; 0: everybody."""


class Tap(Protocol):
    """Somebody who looks on (``tracing``)."""

    def deliver(self, audience: Audience, event: Event, but: Session | None = None) -> None:
        """Stand in for ``Egress.deliver``."""
        ...

    def forget(self) -> None:
        """Take note that what was delivered since ``written`` has not happened."""
        ...

    def written(self) -> None:
        """Take note that it has, and stands in the journal."""
        ...

    def end(self, reason: str) -> None:
        """Look no longer: this process will not go on."""
        ...


class Egress:
    """Gathers a tick's events and writes them, one send per client."""

    def __init__(self, output_of: Callable[[int], Output | None]) -> None:
        self._output_of = output_of
        self.writers = {name: dialect.write for name, dialect in DIALECTS.items()}
        self._audience: Audience | None = None
        # Events, and who is left out of each; 0: nobody.
        self._events: list[tuple[Event, int]] = []
        self._runs: list[Run] = []
        self._unwritten = 0
        # Events times clients that were written.
        self.deliveries = 0
        # Another one while somebody looks on, so that it costs nothing when nobody does.
        self.deliver = self.take
        self.tap: Tap | None = None

    def take(self, audience: Audience, event: Event, but: Session | None = None) -> None:
        """Take ``event`` for ``audience``, without ``but``, after everything taken before."""
        if audience is not self._audience:
            self._close_run()
            self._audience = audience
        self._events.append((event, but.id if but is not None else 0))

    def render(self) -> None:
        """Render what was taken now, though what comes next may go to the same audience."""
        self._close_run()

    def seal(self) -> list[Run]:
        """Return what was taken since the last time, rendered, in order, and forget it."""
        self._close_run()
        runs, self._runs = self._runs, []
        return runs

    def forget(self) -> None:
        """Forget what was taken, sealed or not: it has not happened."""
        self._audience = None
        self._events = []
        self._runs = []
        self._unwritten = 0
        if self.tap is not None:
            self.tap.forget()

    def write(self, runs: list[Run]) -> list[Output]:
        """Write sealed ``runs``; return the outputs whose queue has grown."""
        self.deliveries += self._unwritten
        self._unwritten = 0
        if self.tap is not None:
            self.tap.written()
        if not runs:
            return []
        if len(runs) == 1:
            data, route = runs[0]
            return _write(data, route.outputs)
        touched: list[Output] = []
        for data, route in runs:
            for output in route.outputs:
                if not output.parts:
                    touched.append(output)
                output.parts.append(data)
        grown: list[Output] = []
        for output in touched:
            data = output.parts[0] if len(output.parts) == 1 else b"".join(output.parts)
            output.parts.clear()
            grown += _write(data, (output,))
        return grown

    def flush(self) -> list[Output]:
        """Seal and write; return the outputs whose queue has grown."""
        return self.write(self.seal())

    def _close_run(self) -> None:
        audience = self._audience
        if audience is None:
            return
        events = self._events
        left_out = frozenset([but for _, but in events if but])
        rendered: dict[tuple[str, int], tuple[list[bytes], bytes]] = {}
        for dialect, view, route, apart in self._ways(audience, left_out):
            found = rendered.get((dialect, view))
            if found is None:
                write = self.writers[dialect]
                pieces = [write(event, view) for event, _ in events]
                found = rendered[dialect, view] = pieces, b"".join(pieces)
            pieces, data = found
            if apart:
                heard = zip(pieces, events, strict=True)
                pieces = [piece for piece, (_, but) in heard if but != apart]
                data = b"".join(pieces)
            if data:
                self._runs.append(Run(data, route))
                self._unwritten += len(route.outputs) * len(pieces)
        self._audience = None
        self._events = []

    def _ways(self, audience: Audience, left_out: frozenset[int]) -> list[_Way]:
        """Return the ways to ``audience``, those who are left out now and then each by its own."""
        known: dict[frozenset[int], list[_Way]] | None = audience.routes
        if known is None or len(known) >= MAX_KNOWN:
            known = audience.routes = {}
        ways = known.get(left_out)
        if ways is None:
            together: dict[tuple[str, int], list[Output]] = {}
            ways = known[left_out] = []
            for session in audience.sessions:
                output = self._output_of(session.id)
                if output is None:
                    continue
                if session.id in left_out:
                    route = Route([output])
                    ways.append(_Way(session.dialect, session.view, route, session.id))
                else:
                    together.setdefault((session.dialect, session.view), []).append(output)
            ways += [_Way(*key, Route(outputs), 0) for key, outputs in together.items()]
        return ways


def _write(data: bytes, outputs: Iterable[Output]) -> list[Output]:
    """Send ``data`` to each of ``outputs``; return those that had to queue some of it."""
    size = len(data)
    grown = []
    for output in outputs:
        try:
            sent = output.send(data, NO_WAIT)
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
