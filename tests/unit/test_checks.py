"""The queue of reports that wait for a password: whose turn it is, and how long one waits."""

from collections.abc import Callable
from typing import Any

import pytest

from chatd_supervisor import checks as queue
from chatd_supervisor.checks import ASKED, CROWD, CROWDED, OVERDUE, PATIENCE, WAITING, Checks
from chatd_supervisor.questions import Answer, Check, Checked, Question, Settled
from chatd_supervisor.work import Reported
from chatd_workers.commands import Identify
from chatd_workers.reports import Report

ATTACKER, BYSTANDER = "2001:db8::/64", "192.0.2.7"


class Timer:
    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at, self.call, self.cancelled = at, call, False

    def cancel(self) -> None:
        self.cancelled = True


class Loop:
    """Time that passes when it is told to."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[Timer] = []

    def time(self) -> float:
        return self.now

    def call_later(self, delay: float, call: Callable[..., None], *arguments: Any) -> Timer:
        timer = Timer(self.now + delay, lambda: call(*arguments))
        self.timers.append(timer)
        return timer

    def call_soon(self, call: Callable[..., None], *arguments: Any) -> None:
        self.call_later(0.0, call, *arguments)

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while due := [each for each in self.timers if each.at <= until and not each.cancelled]:
            first = min(due, key=lambda each: each.at)
            self.timers.remove(first)
            self.now = max(self.now, first.at)
            first.call()
        self.now = until

    @property
    def pending(self) -> int:
        return sum(not each.cancelled for each in self.timers)


class Worker:
    """A worker, as far as it is looked at here; its client is of ``network``."""

    def __init__(self, number: int, network: str) -> None:
        self.number = number
        self.committed = False
        self.connection: Any = self
        self.session = number
        self.place = network
        self.conduct = self

    def settled(self) -> None:
        pass


class Desk:
    """The queue, with everything that is around it played."""

    def __init__(self) -> None:
        self.loop = Loop()
        self.asked: list[tuple[Question, Callable[[Answer], None]]] = []
        self.committed: list[Reported] = []
        self.added: list[Reported] = []
        self.paused: set[str] = set()
        self.hub: Any = self
        self.nonce: Any = None
        self.people: dict[int, Worker] = {}
        loop: Any = self.loop
        commits: Any = self
        self.checks = Checks(loop, commits, self.commit, {})
        passwords: Any = self
        self.checks._passwords = passwords

    # What the queue calls

    def look_at_the_clock(self) -> None:
        pass

    def question(self, session: int, _command: object) -> Question | None:
        worker = self.people[session]
        if worker.place in self.paused:
            return None
        return Check("hash", f"{worker.place} {session}")

    def add(self, work: Reported) -> None:
        self.added.append(work)

    def commit(self) -> None:
        self.committed += self.added
        self.added = []

    def ask(self, question: Question, told: Callable[[Answer], None], *, peer: str) -> str:
        del peer
        self.asked.append((question, told))
        return "request"

    def forget(self, _request: str) -> None:
        pass

    def close(self) -> None:
        pass

    # What tests do

    def come(self, network: str) -> Worker:
        number = len(self.people) + 1
        worker: Any = Worker(number, network)
        self.people[number] = worker
        report = Report(9, False, b"", [Identify("alice", "x")])
        self.checks.take(worker, report)
        self.commit()
        return worker  # type: ignore[no-any-return]

    def answer(self) -> str:
        """Answer what was asked first; return for whom, by network."""
        question, told = self.asked.pop(0)
        told(Checked(right=True))
        assert isinstance(question, Check)
        return question.password.split()[0]

    def answers(self) -> list[tuple[str, Settled | None]]:
        return [(work.worker.connection.place, work.settled) for work in self.committed]  # type: ignore[union-attr]


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_networks_take_turns(desk: Desk) -> None:
    for _ in range(WAITING):
        desk.come(ATTACKER)
    for n in range(3):
        desk.come(BYSTANDER if n else "192.0.2.8")
    order = [desk.answer() for _ in range(ASKED + 6)]
    assert order[:ASKED] == [ATTACKER] * ASKED
    assert order[ASKED:] == [ATTACKER, "192.0.2.8", BYSTANDER, ATTACKER, BYSTANDER, ATTACKER]
    assert len(desk.asked) == ASKED


def test_of_one_network_so_many_may_wait_and_others_come_in(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(ASKED + WAITING):
        desk.come(ATTACKER)
    assert desk.committed == []
    for _ in range(10):
        desk.come(ATTACKER)
    assert desk.committed == []
    desk.loop.wait(CROWD)
    assert {settled and settled.answer for _, settled in desk.answers()} == {CROWDED}
    assert len(desk.committed) == 10
    desk.come(BYSTANDER)
    assert len(desk.committed) == 10
    assert caplog.messages == ["password refused"]
    desk.answer()
    # One that leaves meanwhile is not told; and there is room for another one now.
    late, later = desk.come(ATTACKER), desk.come(ATTACKER)
    desk.checks.forget(later)  # type: ignore[arg-type]
    desk.loop.wait(CROWD)
    assert len(desk.committed) == 11
    assert desk.checks.held(late)  # type: ignore[arg-type]


def test_nobody_waits_for_longer_than_that(desk: Desk) -> None:
    for _ in range(ASKED + 2):
        desk.come(ATTACKER)
    desk.loop.wait(PATIENCE / 2)
    desk.come(BYSTANDER)
    desk.loop.wait(PATIENCE / 2)
    assert [(place, settled and settled.answer) for place, settled in desk.answers()] == [
        (ATTACKER, OVERDUE)
    ] * 2
    # Those that are being checked have a deadline of their own, and their turn is not lost.
    desk.answer()
    assert [str(question).split("'")[3].split()[0] for question, _ in desk.asked] == [
        *[ATTACKER] * (ASKED - 1),
        BYSTANDER,
    ]
    desk.loop.wait(PATIENCE)
    assert len(desk.committed) == 3
    assert desk.loop.pending == 0


def test_who_may_not_try_any_more_by_then_is_not_checked_for(desk: Desk) -> None:
    for _ in range(ASKED + 3):
        desk.come(ATTACKER)
    desk.come(BYSTANDER)
    desk.paused.add(ATTACKER)
    assert desk.answer() == ATTACKER
    # In the same breath the one who may has its turn.
    assert [settled for _, settled in desk.answers() if settled is None] == [None]
    assert [desk.answer() for _ in range(ASKED)] == [*[ATTACKER] * (ASKED - 1), BYSTANDER]
    assert desk.asked == []
    assert [settled for _, settled in desk.answers()].count(None) == 3
    desk.loop.wait(0.0)
    assert desk.loop.pending == 0


def test_who_has_gone_has_no_turn_and_no_deadline(desk: Desk) -> None:
    people = [desk.come(ATTACKER) for _ in range(ASKED + 2)]
    for worker in people[ASKED:]:
        desk.checks.forget(worker)  # type: ignore[arg-type]
    assert desk.loop.pending == 0
    desk.checks.forget(people[0])  # type: ignore[arg-type]
    desk.come(BYSTANDER)
    assert len(desk.asked) == ASKED + 1
    assert queue.ASKED == ASKED


def test_what_waits_is_let_go_of_at_the_end(desk: Desk) -> None:
    for _ in range(ASKED + 2):
        desk.come(ATTACKER)
    desk.checks.close()
    assert desk.loop.pending == 0
