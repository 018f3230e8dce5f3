"""What one client causes, a broken socket or a report that fails, holds up nobody else."""

import select
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from chatd_supervisor.commits import FAULTS, FAULTS_PERIOD, Commits
from chatd_supervisor.connections import Connection, State, Worker
from chatd_supervisor.crash_mark import CrashMark
from chatd_supervisor.egress import Egress, Output
from chatd_supervisor.hub import Hub, Outcome, Rules
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.outbox import recover
from chatd_supervisor.report_queue import ReportQueue
from chatd_supervisor.work import Arriving, Commit, Departing, Reported
from chatd_workers.commands import Command, Entry, Fresh, Proxied, Refuse, Say, Secured, Tell
from chatd_workers.events import Event, Said
from chatd_workers.reports import Report

RESET = struct.pack("ii", 1, 0)
"""SO_LINGER: closing sends a reset (socket(7))."""


class Clockwork:
    """As much of a loop as commits know; nothing is ever due."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def call_later(self, *_: Any) -> "Clockwork":
        return self

    call_at = call_soon = call_later

    def cancel(self) -> None:
        pass


class Faulty(Hub):
    """Fails of whatever it is told to fail of."""

    def __init__(self) -> None:
        super().__init__(Rules())
        self.fails: Callable[[int, Entry], bool] = lambda _number, _entry: False
        self.fault: Exception = ZeroDivisionError()

    def apply(self, number: int, entry: Entry) -> list[Outcome]:
        if self.fails(number, entry):
            raise self.fault
        return super().apply(number, entry)


class Stage:
    """Commits with a real journal, a real outbox, and clients on real sockets."""

    def __init__(self, directory: Path) -> None:
        self.connections: dict[int, Connection] = {}
        self.clients: dict[int, socket.socket] = {}
        self.poller = select.epoll()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.journal = SqliteJournal(directory / "journal.db")
        self.hub = Faulty()
        self.loop = Clockwork()
        self.outbox = recover(directory, 0, {}).outbox
        self.quarantined: list[int] = []
        mark = CrashMark(directory / "applying", crashed=False)
        self.commits = Commits(
            self.loop,  # type: ignore[arg-type]
            self.hub,
            Egress(self._output_of),
            self.journal,
            self.outbox,
            tick=0,
            queue=ReportQueue(mark, lambda _connection, used: self.quarantined.append(used)),
            connection_of=self.connections.get,
            wake=lambda: None,
            changed=lambda: None,
        )

    def _output_of(self, session: int) -> Output | None:
        found = self.connections.get(session)
        return found.output if found is not None else None

    def arrive(self, number: int) -> Connection:
        """Let a client in."""
        self.clients[number] = socket.create_connection(self.listener.getsockname())
        accepted, _ = self.listener.accept()
        accepted.setblocking(False)
        connection = Connection(number, "192.0.2.1:7", "text", Output(number, self.poller))
        connection.attach(accepted, [])
        connection.state = State.SERVED
        connection.place = f"192.0.2.{number}"
        connection.worker = Worker(1, None, connection, "a", "", child=True, careful=False)  # type: ignore[arg-type]  # has no channel
        self.connections[number] = connection
        self.commits.add(Arriving(connection))
        assert self.next()
        return connection

    def report(self, number: int, command: Command, *fresh: Fresh) -> None:
        """Have the worker of session ``number`` report ``command``, in the tick that comes."""
        worker = self.connections[number].worker
        assert worker is not None
        self.commits.add(Reported(worker, Report(2, False, b"", [command], list(fresh))))

    def reset(self, number: int) -> None:
        """Have the client ``number`` break its connection, and wait until that is known here."""
        ours = self.connections[number].attached()
        self.clients[number].setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        self.clients[number].close()
        poll = select.poll()
        poll.register(ours, 0)
        assert poll.poll(10_000) == [(ours.fileno(), select.POLLERR | select.POLLHUP)]

    def next(self) -> Commit:
        """Commit what waits; see that it could be."""
        commit = self.commits.next()
        assert not self.commits.stuck
        assert commit is not None
        self.commits.egress.write(commit.runs)
        return commit

    def heard(self, number: int) -> str:
        """Return what has come to client ``number``."""
        client = self.clients[number]
        client.setblocking(False)
        return client.recv(1 << 20).decode()

    def close(self) -> None:
        """Let go of everything."""
        self.commits.close()
        self.outbox.discard()
        self.journal.close()
        for connection in self.connections.values():
            connection.attached().close()
        for client in self.clients.values():
            client.close()
        self.listener.close()
        self.poller.close()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    stage = Stage(tmp_path)
    yield stage
    stage.close()


def test_a_slow_reader_that_was_reset_does_not_make_the_server_unwritable(stage: Stage) -> None:
    slow = stage.arrive(1)
    stage.arrive(2)
    slow.output.keep(b"begun\nnever", 2)
    stage.reset(1)
    stage.commits.add(Departing(slow, "reads too slowly", "reads too slowly", cut=True))
    stage.report(2, Say("hello"))
    commit = stage.next()
    assert [departing.connection for departing in commit.departed] == [slow]
    assert slow.output.broken
    assert not slow.output.queue
    assert ": hello" in stage.heard(2)


def test_an_error_of_one_clients_socket_is_not_one_of_the_journal(stage: Stage) -> None:
    stage.arrive(1)
    stage.arrive(2)
    stage.hub.fails = lambda number, entry: number == 1 and entry == Say("one")
    stage.hub.fault = ConnectionResetError()
    stage.report(1, Say("one"))
    stage.report(2, Say("two"))
    stage.next()
    assert "line dropped: the server failed at it" in stage.heard(1)
    assert ": two" in stage.heard(2)


def test_a_report_for_which_the_journal_cannot_be_read_holds_nobody_up(stage: Stage) -> None:
    stage.arrive(1)
    stage.arrive(2)
    stage.hub.fails = lambda number, entry: number == 1 and entry == Say("one")
    stage.hub.fault = JournalError("journal.db is damaged")
    stage.report(1, Say("one"))
    stage.report(2, Say("two"))
    stage.next()
    assert "line dropped: the server failed at it" in stage.heard(1)
    assert ": two" in stage.heard(2)


@pytest.mark.parametrize("last", [False, True])
def test_whose_line_cannot_be_rendered_is_told_and_nobody_else(stage: Stage, last: bool) -> None:
    """Events are rendered together, with those of whoever comes later, or at the end."""
    for number in (1, 2, 3):
        stage.arrive(number)

    write = stage.commits.egress.writers["text"]

    def fail_at_poison(event: Event, view: int) -> bytes:
        if isinstance(event, Said) and event.text == "poison":
            raise ZeroDivisionError
        return write(event, view)

    stage.commits.egress.writers["text"] = fail_at_poison
    stage.report(1, Say("one"))
    stage.report(2, Say("poison"))
    if not last:
        stage.report(3, Tell("guest1", "three"))
    assert len(stage.next().reports) == (2 if last else 3)
    assert "line dropped" in stage.heard(2)
    for number in (1, 3):
        heard = stage.heard(number)
        assert ": one" in heard
        assert "line dropped" not in heard


@pytest.mark.parametrize(
    "fresh", [Secured("TLSv1.3", "", ""), Proxied("192.0.2.7", 7)], ids=["tls", "proxy"]
)
def test_who_cannot_be_known_is_let_go(stage: Stage, fresh: Fresh) -> None:
    """It is told once who a client is: without it, it would have no bans and no limits."""
    stage.arrive(1)
    stage.arrive(2)
    stage.hub.fails = lambda number, entry: number == 1 and entry == fresh
    stage.report(1, Say("one"), fresh)
    stage.report(2, Say("two"))
    commit = stage.next()
    assert [gone.connection.session for gone in commit.departed] == [1]
    assert stage.heard(1).endswith("--- closing: the server failed at your input\n")
    assert ": two" in stage.heard(2)


def test_who_is_known_stays_known_when_what_it_says_fails(stage: Stage) -> None:
    stage.arrive(1)
    stage.hub.fails = lambda _, entry: type(entry) is Say
    stage.report(1, Say("one"), Proxied("192.0.2.7", 7))
    assert not stage.next().departed
    assert stage.hub.sessions[1].record.host == "192.0.2.7"


def test_whose_refusal_fails_as_well_is_let_go(stage: Stage) -> None:
    stage.arrive(1)
    stage.hub.fails = lambda _, entry: type(entry) in (Say, Refuse)
    stage.report(1, Say("one"))
    assert [gone.connection.session for gone in stage.next().departed] == [1]


def test_at_whose_input_chatd_fails_too_often_is_let_go(stage: Stage) -> None:
    """Each time costs everybody that the whole state is loaded."""
    stage.arrive(1)
    stage.hub.fails = lambda _, entry: entry == Say("one")
    departed = []
    for _ in range(FAULTS):
        stage.report(1, Say("one"))
        departed.append(len(stage.next().departed))
    assert departed == [0] * (FAULTS - 1) + [1]


def test_who_meets_a_fault_now_and_then_is_not(stage: Stage) -> None:
    stage.arrive(1)
    stage.hub.fails = lambda _, entry: entry == Say("one")
    for _ in range(2 * FAULTS):
        stage.report(1, Say("one"))
        assert not stage.next().departed
        stage.loop.now += FAULTS_PERIOD / (FAULTS - 1)
