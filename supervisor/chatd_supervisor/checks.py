"""Reports that must wait for a password to be checked, and in which order they do.

A command for which a password may have to be checked comes in a report of its own
(``commands.ALONE``). If the hub, asked for it, needs an answer, the report waits here until there
is one; then it is committed, with the answer, as any other. Nothing has happened until then: the
bytes are in the client's socket, the worker waits for its acknowledgement. So

* nobody else waits, and what the same client says next comes after;
* a worker that dies meanwhile, or a master, has lost nothing: the next one reports the same line,
  and the password is checked again;
* a program that an upgrade puts in this one's place is given the reports that wait.

Networks take turns (an address of IPv4, a prefix of IPv6, a local user: ``Connection.place``), so
whoever has a thousand connections, or addresses, waits for himself alone. Of one network WAITING
may wait, and nobody waits longer than PATIENCE: whoever cannot be answered in time is told to try
again, and one of too many of a network not at once but after CROWD, so that he does not ask again
as fast as he is told. At most ASKED are with ``passwords`` at a time, so that its deadline, which
begins there, is for the check and not for the queue.

It is asked once more what is to be known when the turn comes: by then there may have been too many
failures (``login_limits``), and the answer would be of no use to anybody.
"""

import asyncio
import base64
import contextlib
import os
from collections import deque
from collections.abc import Callable, MutableMapping
from functools import partial
from typing import Final

from chatd_supervisor.commits import Commits
from chatd_supervisor.connections import Worker
from chatd_supervisor.journal import JournalError
from chatd_supervisor.logbook import note
from chatd_supervisor.passwords import AT_ONCE, SILENCE, Passwords, Request
from chatd_supervisor.questions import Answer, Question, Settled, Unavailable
from chatd_supervisor.work import Reported
from chatd_workers.commands import stands_alone
from chatd_workers.reports import Report, decode_record, encode

ASKED: Final = 2 * AT_ONCE
"""Questions that are being answered, or are next."""

WAITING: Final = 128
"""Reports of one network that may wait: an office that comes back after its line was down."""

CROWD: Final = 5.0
"""Seconds after which one more is told that there are too many."""

PATIENCE: Final = 30.0
"""Seconds that a report may wait for its turn. WAITING of them take less, if no other network has
any."""

CROWDED: Final = Unavailable(
    "too many passwords of your network are being checked, try again later"
)
OVERDUE: Final = Unavailable("too many passwords are being checked, try again later")

NONCE: Final = 18
"""Bytes in a nonce."""


class Held:
    """A report that waits, and what for."""

    __slots__ = ("deadline", "network", "question", "report", "request", "worker")

    def __init__(self, worker: Worker, report: Report, question: Question, network: str) -> None:
        self.worker = worker
        self.report = report
        self.question = question
        self.network = network
        # Until it is asked.
        self.deadline: asyncio.TimerHandle | None = None
        # None: not asked yet.
        self.request: Request | None = None


class Checks:
    """All reports that wait."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        commits: Commits,
        commit: Callable[[], None],
        children: MutableMapping[int, Callable[[int], None]],
    ) -> None:
        """``commit`` is called when something was added to ``commits`` outside of a tick.

        ``children``: who is told the exit code of which pid (``Births.strangers``).
        """
        self._loop = loop
        self._commits = commits
        self._commit = commit
        self._passwords = Passwords(loop, children)
        self._held: dict[Worker, Held] = {}
        # Those that are not asked yet, by network; whose turn it is comes first.
        self._queues: dict[str, deque[Held]] = {}
        self._asked = 0
        self._silent_until = 0.0
        commits.hub.nonce = _nonce

    def take(self, worker: Worker, report: Report) -> None:
        """Have ``report`` committed, as soon as all is known that it takes."""
        question = self._question(worker, report)
        if question is None:
            self._commits.queue(Reported(worker, report))
            return
        connection = worker.connection
        assert connection is not None, "who reports serves somebody"
        held = Held(worker, report, question, connection.place)
        queue = self._queues.get(held.network, deque())
        self._held[worker] = held
        if len(queue) >= WAITING:
            held.deadline = self._loop.call_later(CROWD, self._expire, held, CROWDED)
            return
        self._queues[held.network] = queue
        queue.append(held)
        held.deadline = self._loop.call_later(PATIENCE, self._expire, held, OVERDUE)
        self._ask()

    def take_over(self, worker: Worker, encoded: bytes) -> None:
        """Take a report that the program before us had ``held``."""
        report = decode_record(encoded)
        assert isinstance(report, Report), "nothing else is held"
        worker.has_reported()
        self.take(worker, report)

    def held(self, worker: Worker) -> bytes:
        """Return the report of ``worker`` that waits, encoded; empty if none does."""
        held = self._held.get(worker)
        return encode(held.report) if held is not None else b""

    def forget(self, worker: Worker) -> None:
        """Let go of what ``worker`` has reported: nobody wants to know it any more."""
        held = self._held.pop(worker, None)
        if held is None:
            return
        if held.request is not None:
            self._passwords.forget(held.request)
            self._asked -= 1
            self._ask()
            return
        self._take_out(held)

    def close(self) -> None:
        """Let go of everything."""
        for held in self._held.values():
            _cancel(held)
        self._queues.clear()
        self._held.clear()
        self._passwords.close()

    def _question(self, worker: Worker, report: Report) -> Question | None:
        if len(report.commands) != 1 or not stands_alone(report.commands[0]):
            return None
        assert worker.connection is not None, "who reports serves somebody"
        self._commits.look_at_the_clock()
        try:
            return self._commits.hub.question(worker.connection.session, report.commands[0])
        except JournalError:
            return None  # the commit will meet it too, and knows what to do then
        except Exception as fault:  # noqa: BLE001  # logged with its stack
            # As of a report that cannot be applied: each new master would fail at it again.
            note("password not checked", fault=fault)
            return None

    def _ask(self) -> None:
        """Ask the questions whose turn it is; commit the reports that have none left."""
        unasked = False
        while self._queues and self._asked < ASKED:
            network, queue = next(iter(self._queues.items()))
            held = queue.popleft()
            del self._queues[network]
            if queue:
                self._queues[network] = queue
            _cancel(held)
            question = self._question(held.worker, held.report)
            if question is None:
                del self._held[held.worker]
                self._commits.add(Reported(held.worker, held.report))
                unasked = True
                continue
            held.question = question
            self._asked += 1
            told = partial(self._answered, held)
            held.request = self._passwords.ask(held.question, told, peer=network)
        if unasked:
            # Not within ``take``, which is called in the middle of a tick that will commit it.
            self._loop.call_soon(self._commit)

    def _answered(self, held: Held, answer: Answer) -> None:
        del self._held[held.worker]
        self._asked -= 1
        self._settle(held, answer)
        self._ask()
        self._commit()

    def _expire(self, held: Held, answer: Unavailable) -> None:
        held.deadline = None
        self._take_out(held)
        del self._held[held.worker]
        # Said once in a while, not for each.
        if self._loop.time() >= self._silent_until:
            self._silent_until = self._loop.time() + SILENCE
            note("password refused", waiting=len(self._held), peer=held.network or "unknown")
        self._settle(held, answer)
        self._commit()

    def _settle(self, held: Held, answer: Answer) -> None:
        settled = Settled(held.question, answer)
        self._commits.add(Reported(held.worker, held.report, settled))

    def _take_out(self, held: Held) -> None:
        _cancel(held)
        queue = self._queues.get(held.network, deque())
        with contextlib.suppress(ValueError):  # one of too many is in none
            queue.remove(held)
        if not queue:
            self._queues.pop(held.network, None)


def _cancel(held: Held) -> None:
    if held.deadline is not None:
        held.deadline.cancel()
        held.deadline = None


def _nonce() -> str:
    return base64.b64encode(os.urandom(NONCE)).decode()
