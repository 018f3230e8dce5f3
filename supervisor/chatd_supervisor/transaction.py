"""One tick's work: applied to the hub, and gathered for the journal.

Whatever is applied goes to the hub, which decides and notes facts; what follows is told to the
egress, and who has gone of it goes. Nothing of all this has happened before it is committed
(``commits``); if it cannot be, the transaction is forgotten, and the hub is loaded anew.
"""

import socket
from collections.abc import Callable
from typing import Final

from chatd_supervisor import counts
from chatd_supervisor.connections import PRESENT, Connection, State, host_of
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.egress import Egress, Output
from chatd_supervisor.hub import Delivery, Hub, Leaving, Operation, Outcome
from chatd_supervisor.journal import Arrival, Batch, Stream
from chatd_supervisor.outbox import Outbox
from chatd_supervisor.records import SessionRecord
from chatd_supervisor.rooms import Session
from chatd_supervisor.work import (
    AccountChanged,
    Administered,
    Answering,
    Arriving,
    Departing,
    Dropped,
    Reported,
    Work,
)
from chatd_workers.commands import Arrive, Depart, Entry, Fresh, Proxied, Refuse
from chatd_workers.events import Closing
from chatd_workers.titles import format_address

LOST: Final = "the server does not know your session any more, connect again"
"""What a client is told of which the journal knows nothing."""


class Transaction:
    """What one tick has applied."""

    def __init__(
        self,
        hub: Hub,
        egress: Egress,
        outbox: Outbox,
        mark: CrashMark,
        *,
        tick: int,
        apply: Callable[[int, Entry], list[Outcome]],
        connection_of: Callable[[int], Connection | None],
    ) -> None:
        """``tick`` is the number that it will have; ``apply`` is the hub's, or stands in for it.

        ``mark`` is told of each report, ``connection_of`` finds the connection of a session.
        """
        self._hub = hub
        self._egress = egress
        self._outbox = outbox
        self._mark = mark
        self._tick = tick
        self._apply = apply
        self._connection_of = connection_of
        self.reports: list[Reported] = []
        self.dropped: list[Dropped] = []
        self.departed: list[Departing] = []
        self.operations: list[Operation] = []
        self._gone: set[int] = set()
        self._arrivals: list[Arrival] = []
        self._streams: list[Stream] = []

    def batch(self, closed: list[int]) -> Batch:
        """Return what is to be written down; ``closed`` are sessions whose clients are gone."""
        hub = self._hub
        facts, hub.facts = hub.facts, []
        onces, hub.onces = hub.onces, {}
        members, rooms, rooms_gone = hub.state.take_changes()
        return Batch(
            facts,
            self._arrivals,
            members,
            [departing.connection.session for departing in self.departed],
            closed,
            self._streams,
            rooms,
            rooms_gone,
            hub.state.guests,
            hub.now,
            hub.accounts.take_changes(),
            onces,
            hub.state.take_bans(),
        )

    def add(self, work: Work) -> None:
        """Apply ``work``."""
        if type(work) is Reported:
            self._apply_report(work)
        elif type(work) is Departing:
            self._depart(work)
        elif type(work) is Dropped:
            self._drop(work)
        elif type(work) is Arriving:
            self._arrive(work.connection)
        elif type(work) is AccountChanged:
            self._follow(self._hub.account_changed(work.account))
        elif type(work) is Administered:
            outcomes, concerned = self._hub.administer(work.wish)
            work.concerned.append(concerned)
            self._follow(outcomes)
        elif type(work) is Answering and self._is_served(work.connection):
            self._do(work.connection, work.entry)

    def _apply_report(self, work: Reported) -> None:
        worker, report, settled = work
        connection = worker.connection
        # One that has been dismissed meanwhile concerns nobody; and if the commit had to wait and
        # the worker has died, its successor reports the same bytes.
        if connection is None or worker.ended:
            return
        if not self._is_served(connection):
            self._let_lost_go(connection)
            return
        self._mark.begin(connection.session, connection.offset)
        self.reports.append(work)
        self._hub.settled = settled
        for known in report.fresh:
            self._learn(connection, known)
        for command in report.commands:
            self._do(connection, command)
            if connection.session in self._gone:
                break
        self._hub.settled = None
        self._streams.append(
            Stream(
                connection.session,
                connection.offset + report.used,
                report.discarding,
                report.carry,
                connection.lines + len(report.commands),
            )
        )

    def _learn(self, connection: Connection, known: Fresh) -> None:
        if type(known) is Proxied:
            if known.host is None:
                return  # it stays the proxy's (``visitors``)
            peer = format_address((known.host, known.port))
            self._arrivals.append(
                Arrival(connection.session, peer, connection.dialect, self._hub.now)
            )
        self._do(connection, known)

    def _is_served(self, connection: Connection) -> bool:
        # One that was leaving when a master died is ABSENT, too, but in no room any more.
        return (
            connection.session in self._hub.sessions
            and connection.session not in self._gone
            and connection.state in PRESENT
        )

    def _do(self, connection: Connection, entry: Entry) -> None:
        self._follow(self._apply(connection.session, entry))

    def _follow(self, outcomes: list[Outcome]) -> None:
        for outcome in outcomes:
            if type(outcome) is Delivery:
                self._egress.deliver(*outcome)
            elif type(outcome) is Leaving:
                leaving = self._connection_of(outcome.session)
                if leaving is not None:
                    _, reason, farewell, cause = outcome
                    self._depart(Departing(leaving, reason, farewell, cause=cause))
            elif type(outcome) is Operation:
                self.operations.append(outcome)

    def _depart(self, work: Departing) -> None:
        connection = work.connection
        if not self._is_served(connection):
            self._let_lost_go(connection)
            return
        session = self._hub.sessions[connection.session]
        if work.cut and connection.client is not None:
            self._cut(connection.output, connection.client)
        if work.quiet:
            self._apply(session.id, Depart(work.reason))
        else:
            self._do(connection, Depart(work.reason))
        if work.farewell is not None:
            self._egress.deliver(session.alone, Closing(work.farewell))
        self._gone.add(session.id)
        self.departed.append(work._replace(nick=session.nick))

    def _let_lost_go(self, connection: Connection) -> None:
        """Let ``connection`` go if the journal does not know its session any more.

        Somebody else has written there; what its client says would be for nothing, ever after.
        """
        number = connection.session
        lost = connection.state is State.SERVED and number not in self._hub.sessions
        if lost and number not in self._gone:
            stand_in = Session(number, connection.dialect, SessionRecord())
            self._egress.deliver(stand_in.alone, Closing(LOST))
            self._gone.add(number)
            self.departed.append(Departing(connection, LOST, LOST))

    def _cut(self, output: Output, client: socket.socket) -> None:
        try:
            written = counts.written(client)
        except OSError:
            # It was reset (ENOTCONN): nothing more can be written, and nobody asks what was.
            output.drop()
            return
        output.cut()
        self._outbox.replace(self._tick, output.session, written, b"".join(output.queue))

    def _drop(self, work: Dropped) -> None:
        connection = work.connection
        if self._is_served(connection):
            self._do(connection, Refuse("line-crashed", work.shown))
            offset = connection.offset + work.used
            self._streams.append(Stream(connection.session, offset, False, b"", connection.lines))
            self.dropped.append(work)

    def _arrive(self, connection: Connection) -> None:
        self._arrivals.append(
            Arrival(connection.session, connection.peer, connection.dialect, self._hub.now)
        )
        self._streams.append(Stream(connection.session, 0, False, b"", 0))
        host = host_of(connection.peer)
        self._do(connection, Arrive(connection.dialect, host, connection.local_user))
