"""``chatd trace`` in the master: what one client asks for, what it is told, as it happens.

Whoever is traced is looked at where everything passes: where commands are applied
(``Commits.apply``), where events are delivered (``Egress.deliver``), where events of the log are
noted. While nobody is traced none of these knows of it, so it costs nothing then.

A record is sent when what it tells of is written down, never before: what was applied and has
failed has not happened. It is made anew for each who asks, for one may be shown what is said, and
another not (``redaction``). A tick that brings more than MAX_A_TICK records for a client is cut
short, and says so; who does not read is cut off (``control.Feed``).

That somebody looks on stands in the log, and the client is told as ``server.tell_traced`` wants it.
"""

import os
import time
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from msgspec import Struct

from chatd_supervisor.asking import ControlError
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.control import Feed, Stream
from chatd_supervisor.examining import find
from chatd_supervisor.hub import Outcome
from chatd_supervisor.hub.administering import Notify
from chatd_supervisor.logbook import LISTENERS, note
from chatd_supervisor.redaction import LONGEST, name_of, shown
from chatd_supervisor.rooms import Audience, Session
from chatd_supervisor.switchboard import Switchboard
from chatd_supervisor.work import Administered
from chatd_workers.commands import Entry
from chatd_workers.events import Event

MAX_AT_ONCE: Final = 8
"""Traces; half of what may ask at once, so that others can ask meanwhile."""

MAX_A_TICK: Final = 200
"""Records of one client in one tick; more are counted."""

ITS_OWN: Final = frozenset({"trace begun", "trace ended"})
"""Events of the log that nobody is shown: not even what another trace does."""


class Happening(NamedTuple):
    """A command or an event of one session, not yet written down."""

    when: float
    kind: str
    """``command`` or ``event``."""
    what: Struct
    size: int
    """Bytes that it is to the client, for an event; 0: its dialect has no words for it."""


class Trace:
    """One asker and the connection that it follows."""

    def __init__(self, connection: Connection, feed: Feed, *, text: bool, told: bool) -> None:
        self.connection = connection
        self.feed = feed
        self.text = text
        self.told = told
        self.offset = connection.offset

    def put(self, kind: str, when: float = 0.0, **fields: object) -> None:
        """Send a record."""
        self.feed.put({"time": round(when or time.time(), 6), "kind": kind, **fields})

    def put_happening(self, happening: Happening) -> None:
        """Send a record of a command or an event, redacted."""
        when, kind, what, size = happening
        fields = shown(what, text=self.text)
        more = {"bytes": size} if kind == "event" else {}
        self.put(kind, when, name=name_of(what), **more, fields=fields)


class Tracing:
    """All traces, and what is to be told to them when it is written down."""

    def __init__(self, board: Switchboard) -> None:
        self._board = board
        self._traces: dict[int, list[Trace]] = {}
        self._pending: dict[int, list[Happening]] = {}
        self._skipped: dict[int, int] = {}
        # Who of those that are traced is in an audience; until the tick ends.
        self._hearing: dict[Audience, list[Session]] = {}

    def answer(self, arguments: Mapping[str, Any]) -> Stream:
        """Return the stream of a trace of ``who``, with ``text``. Raises ControlError."""
        connection = find(self._board, str(arguments["who"]))
        if sum(map(len, self._traces.values())) >= MAX_AT_ONCE:
            raise ControlError(f"more than {MAX_AT_ONCE} traces at once; end another one first")
        text = arguments["text"] is True
        session = self._board.hub.sessions.get(connection.session)
        wanted = self._board.hub.rules.tell_traced
        nick = session.nick if session is not None else ""
        told = session is not None and (wanted == "always" or (text and wanted == "text"))
        first = {
            "session": connection.session,
            "nick": nick,
            "peer": connection.peer,
            "dialect": connection.dialect,
            "pid": connection.worker.pid if connection.worker is not None else None,
            "master": os.getpid(),
            "offset": connection.offset,
            "text": text,
            "told": told,
        }
        traces: list[Trace] = []

        def begin(feed: Feed) -> None:
            trace = Trace(connection, feed, text=text, told=told)
            traces.append(trace)
            self._begin(trace, nick)

        def left() -> None:
            (trace,) = traces
            self._end(trace, "did not read, and was cut off" if trace.feed.cut else "left")

        return Stream(first, begin, left)

    def _begin(self, trace: Trace, nick: str) -> None:
        session = trace.connection.session
        feed = trace.feed
        if not self._traces:
            self._listen()
        self._traces.setdefault(session, []).append(trace)
        note(
            "trace begun",
            session=session,
            nick=nick,
            told=_yes(trace.told),
            text=_yes(trace.text),
            by=feed.pid,
            uid=feed.uid,
        )
        if trace.told:
            self._tell(session, "traced-text" if trace.text else "traced")

    def _end(self, trace: Trace, reason: str) -> None:
        session = trace.connection.session
        left = self._traces.get(session, [])
        if trace not in left:
            return  # we have let it go ourselves
        left.remove(trace)
        feed = trace.feed
        note("trace ended", session=session, by=feed.pid, uid=feed.uid, reason=reason)
        if trace.told and not any(other.told for other in left):
            self._tell(session, "traced-no-more")
        if not left:
            del self._traces[session]
            self._hearing.clear()
        if not self._traces:
            self._listen_no_longer()

    def _tell(self, session: int, notice: str) -> None:
        if session in self._board.hub.sessions:
            self._board.commits.add(Administered(Notify(session, notice), []))
            self._board.commit()

    def _listen(self) -> None:
        board = self._board
        board.commits.apply = self._apply
        board.egress.deliver = self.deliver
        board.egress.tap = self
        board.births.noticed = self._born
        LISTENERS.append(self._noted)

    def _listen_no_longer(self) -> None:
        board = self._board
        board.commits.apply = board.hub.apply
        board.egress.deliver = board.egress.take
        board.egress.tap = None
        board.births.noticed = None
        LISTENERS.remove(self._noted)
        self.forget()

    # What passes

    def _apply(self, number: int, entry: Entry) -> list[Outcome]:
        """Stand in for ``Hub.apply``."""
        if number in self._traces:
            self._take(number, "command", entry, 0)
        return self._board.hub.apply(number, entry)

    def deliver(self, audience: Audience, event: Event, but: Session | None = None) -> None:
        """Stand in for ``Egress.deliver``."""
        egress = self._board.egress
        hearing = self._hearing.get(audience)
        if hearing is None:
            hearing = [one for one in audience.sessions if one.id in self._traces]
            self._hearing[audience] = hearing
        for session in hearing:
            if session is not but:
                size = len(egress.writers[session.dialect](event, session.view))
                self._take(session.id, "event", event, size)
        egress.take(audience, event, but)

    def _take(self, session: int, kind: str, what: Struct, size: int) -> None:
        pending = self._pending.setdefault(session, [])
        if len(pending) < MAX_A_TICK:
            pending.append(Happening(time.time(), kind, what, size))
        else:
            self._skipped[session] = self._skipped.get(session, 0) + 1

    def forget(self) -> None:
        """Forget what was taken: it has not happened."""
        self._pending = {}
        self._skipped = {}
        self._hearing = {}

    def written(self) -> None:
        """Tell what was taken: it stands in the journal now."""
        pending, skipped = self._pending, self._skipped
        self.forget()
        for session, traces in list(self._traces.items()):
            for trace in list(traces):
                for happening in pending.get(session, ()):
                    trace.put_happening(happening)
                if session in skipped:
                    trace.put("skipped", count=skipped[session])
                self._tell_of(trace)

    def _tell_of(self, trace: Trace) -> None:
        connection = trace.connection
        if connection.offset != trace.offset:
            read = connection.offset - trace.offset
            trace.offset = connection.offset
            lines = connection.lines
            trace.put("read", bytes=read, offset=connection.offset, lines=lines)
        if connection.session not in self._board.connections:
            self._let_go(trace, "the session has ended", over=True)

    def _born(self, worker: Worker) -> None:
        connection = worker.connection
        if connection is None:
            return
        for trace in self._traces.get(connection.session, ()):
            trace.put("worker", pid=worker.pid, child=worker.child)

    def _noted(self, event: str, fields: Mapping[str, object]) -> None:
        session = fields.get("session")
        if event in ITS_OWN or not isinstance(session, int):
            return
        told = {name: _plain(value) for name, value in fields.items() if value is not None}
        for trace in self._traces.get(session, ()):
            trace.put("log", name=event, fields=told)

    # The end

    def end(self, reason: str) -> None:
        """Let all go: this process will not go on."""
        for traces in list(self._traces.values()):
            for trace in list(traces):
                self._let_go(trace, reason)

    def _let_go(self, trace: Trace, reason: str, *, over: bool = False) -> None:
        trace.put("end", reason=reason, over=over)
        trace.feed.end()
        self._end(trace, reason)


def _yes(flag: bool) -> str:
    return "yes" if flag else "no"


def _plain(value: object) -> object:
    return value if isinstance(value, int | float) else str(value)[:LONGEST]
