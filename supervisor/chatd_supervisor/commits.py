"""The tick's commit: apply what was reported, write it down, and only then let it be seen.

Reports are applied in turns by the address they come from, and only for a few milliseconds in one
commit (``report_queue``), so that nobody's lines wait for those of somebody who says many. What is
left waits for the next tick, which first hears what others have said meanwhile.

The order is the promise. Everything that has come is applied to the hub; what is to be sent is
rendered and put into the outbox; facts, offsets and states go into the journal in one
transaction. Not before that has returned are the bytes taken from the clients' sockets, is
anything sent, anybody acknowledged. A master that is killed

* before the transaction has left no trace: its successor sees the same bytes in the sockets;
* after it leaves the rest to be done: bytes to be taken (the kernel knows how many were), lines
  to be sent (they are in the outbox, and the kernel knows how much was).

If the journal cannot be written (the disk is full), nothing has happened: the hub is loaded from
the journal again, whoever had said something is told, and the same work is tried again every
RETRY seconds. As reports are not acknowledged meanwhile, nobody is read on, and TCP holds the
senders back.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Final

from chatd_supervisor.accounts import AccountBook
from chatd_supervisor.connections import Connection
from chatd_supervisor.egress import Egress, Run
from chatd_supervisor.hub import Hub
from chatd_supervisor.journal import Journal, JournalError
from chatd_supervisor.journal.accounts import AccountConflict
from chatd_supervisor.logbook import note
from chatd_supervisor.measures import MEASURES
from chatd_supervisor.outbox import Outbox, OutboxError
from chatd_supervisor.pauses import Pauses
from chatd_supervisor.recalling import Recollection
from chatd_supervisor.report_queue import ReportQueue, departing, refused
from chatd_supervisor.state import State as Rooms
from chatd_supervisor.transaction import Transaction
from chatd_supervisor.work import Arriving, Commit, Departing, Reported, Work
from chatd_workers.events import Refused

RETRY: Final = 1.0
"""Seconds until a commit is tried again that failed."""

FAULTS: Final = 3
"""Reports of one client at which chatd may fail"""

FAULTS_PERIOD: Final = 3600.0
"""in so many seconds; with the last of them it is let go."""


class Commits:
    """Takes work, and returns it when it is written down."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        hub: Hub,
        egress: Egress,
        journal: Journal,
        outbox: Outbox,
        *,
        tick: int,
        queue: ReportQueue,
        connection_of: Callable[[int], Connection | None],
        wake: Callable[[], None],
        changed: Callable[[], None],
    ) -> None:
        """``tick`` is the number of the last batch in the ``journal``.

        ``queue`` has what clients have said. ``connection_of`` finds the connection of a session.

        ``wake`` is called when there is work that can be tried again, and is to be taken;
        ``changed`` when it is seen that nothing can be written, or something can again.
        """
        self._loop = loop
        self._journal = journal
        self._queue = queue
        # What is being committed, or will be before anything of the queue.
        self._work: list[Work] = []
        self._since = 0.0
        # Something has failed, and it is to be found out what: events are rendered with the work
        # that they follow from, not with what comes later.
        self._careful = False
        self._wake = wake
        self._retry: asyncio.TimerHandle | None = None
        self._told: set[int] = set()
        self._pauses = Pauses(loop, journal)
        self._pauses.begin()
        self._changed = changed
        self._connection_of = connection_of
        self.hub = hub
        self.apply = hub.apply  # another one while somebody looks on (``tracing``)
        hub.id_of = journal.id_of
        hub.accounts = AccountBook(journal.accounts)
        hub.past = Recollection(journal, hub)
        self.egress = egress
        self.outbox = outbox
        self.tick = tick
        self.closed: list[int] = []
        # Why nothing can be written; empty if it can.
        self.stuck = ""
        self.since_stuck = 0.0

    def add(self, work: Work) -> None:
        """Take ``work``, to be applied with the next commit, before all that waits."""
        if not self.pending:
            self._since = time.perf_counter()
        self._work.append(work)

    def queue(self, work: Reported | Departing) -> None:
        """Take ``work`` that a client has caused: it waits for the turn of its address."""
        if not self.pending:
            self._since = time.perf_counter()
        self._queue.add(work)

    @property
    def pending(self) -> bool:
        """Whether there is work that is not committed."""
        return bool(self._work or self._queue)

    @property
    def is_behind(self) -> bool:
        """Whether clients have said more than there was time for."""
        return bool(self._queue) and not self.stuck

    def look_at_the_clock(self) -> None:
        """Set the hub's time, for what follows."""
        self.hub.set_time(
            self._journal.clock(), monotonic=self._loop.time(), passed=self._journal.passed()
        )

    def next(self) -> Commit | None:
        """Apply and write down what was taken; return what is to be carried out, None if nothing.

        What is returned must be carried out before this is called again. ``pending`` tells whether
        something is left.
        """
        # What could not be written is tried even if nobody waits for it any more.
        if self.stuck or not (self.pending or self.closed or self.since_stuck):
            runs = self.egress.seal()
            # Said by the master itself (farewells when it stops, that something has failed).
            return Commit([], [], self._put_out(runs), [], []) if runs else None
        while (commit := self._attempt()) is None:
            if self.stuck:
                return None
        return commit

    def _attempt(self) -> Commit | None:
        """Apply and write down; return None if it must be done again, or cannot be (``stuck``)."""
        self.look_at_the_clock()
        applied = Transaction(
            self.hub,
            self.egress,
            self.outbox,
            self._queue.mark,
            tick=self.tick + 1,
            apply=self.apply,
            connection_of=self._connection_of,
        )
        place = self.outbox.place
        try:
            faulty = self._apply_all(applied)
            runs = self._rendered() if faulty is None else None
            if runs is None:
                self.outbox.retract(place)
                self._start_over()
                if faulty is not None and self._careful:
                    self._set_aside(faulty)
                self._careful = True
                return None
            self._careful = False
            self._queue.mark.clear()
            batch = applied.batch(self.closed)
            if runs:
                self.outbox.append(self.tick + 1, runs)
            begun = time.perf_counter()
            self.tick = self._journal.commit(batch)
        except AccountConflict as conflict:
            # Between our look and our writing, `chatd account` has written. Now we see it.
            note("accounts changed beside", conflict=conflict)
            self.outbox.retract(place)
            self._start_over()
            return None
        except (JournalError, OutboxError) as error:
            # What is in the outbox already would be sent by a later master as soon as there is
            # another batch of this number.
            self.outbox.retract(place)
            return self._failed(error)
        if self.since_stuck:
            note("journal written again")
            self.since_stuck = 0.0
            self._changed()
        MEASURES.committed(begun, self._since if self._work else begun)
        self._since = begun
        self._work = []
        self.closed = []
        self._told.clear()
        self.hub.pieces.keep()
        self.hub.login_limits.keep()
        self._pauses.committed()
        return Commit(applied.reports, applied.dropped, runs, applied.departed, applied.operations)

    def _apply_all(self, applied: Transaction) -> int | None:
        """Apply all work; return which one has failed of a fault in chatd, None if none has."""
        for number, work in enumerate(self._work):
            if not self._succeeds(applied, work):
                return number
        with contextlib.closing(self._queue.turn()) as turn:
            for work in turn:
                self._work.append(work)
                if not self._succeeds(applied, work):
                    return len(self._work) - 1
        return None

    def _succeeds(self, applied: Transaction, work: Work) -> bool:
        """Apply ``work``; return false if it fails of a fault in chatd.

        So does a report for which the journal cannot be read. Raises OutboxError, which concerns
        everybody, and what else fails if it is no report. Any other OSError does not concern
        everybody: it is of one client's socket, and a fault where nobody expects it.
        """
        try:
            applied.add(work)
            if self._careful:
                self.egress.render()
        except OutboxError:
            raise
        except Exception as fault:
            if not self._careful and not isinstance(fault, JournalError):
                return False
            if type(work) is not Reported:
                raise
            if self._careful:
                connection = work.worker.connection
                session = connection.session if connection is not None else None
                note("report dropped", session=session, fault=fault)
            return False
        return True

    def _rendered(self) -> list[Run] | None:
        """Return what is to be sent; None if some of it cannot be rendered, which is a fault."""
        try:
            return self.egress.seal()
        except Exception:
            if self._careful:
                raise  # there was nothing left to be rendered
            return None

    def _set_aside(self, faulty: int) -> None:
        """Have whoever sent the report that fails told so, and nothing of it done.

        Otherwise each new master would meet the same report, and fail again. Each time the whole
        state is loaded; so whoever has that done FAULTS times in FAULTS_PERIOD is let go.
        """
        work = self._work[faulty]
        assert type(work) is Reported, "only a report can be dropped"
        connection = work.worker.connection
        assert connection is not None, "it was applied for somebody"
        now = self._loop.time()
        faults = connection.faults = (*connection.faults, now)[-FAULTS:]
        too_many = len(faults) == FAULTS and now - faults[0] < FAULTS_PERIOD
        self._work[faulty] = departing(work) if too_many else refused(work)

    def _start_over(self) -> None:
        """Forget what was applied and not written down: the state is the journal's again."""
        self.egress.forget()
        # Also if the journal cannot even be read: then there is nothing to go on from, and the
        # master ends of it.
        self.hub.state = Rooms.restored(self._journal.load())
        self.hub.facts = []
        self.hub.onces = {}
        self.hub.settled = None
        self.hub.accounts.forget()
        self.hub.pieces.forget()
        self.hub.login_limits.undo()

    # When it cannot be written

    def withdraw(self, work: Work) -> bool:
        """Give up ``work`` if it still waits to be written down; return whether it did.

        For what nothing but this process's memory keeps: whoever asked for it is to be told that
        it is not done, for no later master would know of it.
        """
        kept = [other for other in self._work if other is not work]
        waited = len(kept) < len(self._work)
        self._work = kept
        return waited

    def _failed(self, error: JournalError | OutboxError) -> Commit | None:
        reason = str(error)
        self.stuck = reason
        self._retry = self._loop.call_later(RETRY, self._try_again)
        self._start_over()
        # Whoever was about to come in is turned away by whoever has let it in.
        self._work = [work for work in self._work if type(work) is not Arriving]
        fresh = [
            work.worker.connection
            for work in self._work
            if type(work) is Reported and work.worker.connection is not None
        ]
        for connection in fresh:
            session = self.hub.sessions.get(connection.session)
            if session is not None and session.id not in self._told:
                self._told.add(session.id)
                self.egress.deliver(session.alone, Refused("not-written", reason))
        if not self.since_stuck:
            self.since_stuck = time.time()
            if isinstance(error, JournalError):
                note("journal cannot be written", reason=reason, retry=RETRY)
            else:
                note("outbox cannot be written", reason=reason, retry=RETRY)
            self._changed()
        runs = self._put_out(self.egress.seal())
        return Commit([], [], runs, [], []) if runs else None

    def _put_out(self, runs: list[Run]) -> list[Run]:
        """Put what belongs to no batch into the outbox, and return it; nothing if it cannot be.

        What is sent without standing in the outbox would make the kernel's count of bytes
        written a riddle to a later master.
        """
        try:
            self.outbox.append(self.tick, runs)
        except OutboxError as error:
            note("outbox not written", reason=error)
            return []
        return runs

    def _try_again(self) -> None:
        self.stuck = ""
        self._wake()

    def close(self) -> None:
        """Let go of the timers."""
        if self._retry is not None:
            self._retry.cancel()
        self._pauses.close()
