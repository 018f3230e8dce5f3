"""Reports wait for their client's budget: with manual time, through the real throttle."""

import asyncio
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from chatd_supervisor.budget import Budget, Rates
from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.egress import Output
from chatd_supervisor.recent import MOST
from chatd_supervisor.throttle import Throttle
from chatd_workers.commands import Say
from chatd_workers.reports import Report


class ManualLoop:
    """As much of a loop as a throttle knows."""

    def __init__(self) -> None:
        self.now = 0.0
        self.timers: list[tuple[float, asyncio.TimerHandle, Callable[..., None], Any]] = []

    def time(self) -> float:
        return self.now

    def call_later(
        self, delay: float, callback: Callable[..., None], *arguments: Any
    ) -> asyncio.TimerHandle:
        timer = asyncio.TimerHandle(self.now + delay, callback, arguments, self)  # type: ignore[arg-type]
        self.timers.append((self.now + delay, timer, callback, arguments))
        return timer

    def _timer_handle_cancelled(self, _timer: asyncio.TimerHandle) -> None:
        pass

    def get_debug(self) -> bool:
        return False

    def pass_until(self, when: float) -> None:
        while due := min(
            (t for t in self.timers if t[0] <= when), default=None, key=lambda t: t[0]
        ):
            self.timers.remove(due)
            self.now, timer, callback, arguments = due
            if not timer.cancelled():
                callback(*arguments)
        self.now = when


class Scene:
    """A throttle, and workers that report one after the other."""

    def __init__(self, rates: Rates) -> None:
        self.loop = ManualLoop()
        self.heard: list[tuple[float, int]] = []
        self.commits = 0
        self.rates = rates
        self.throttle = Throttle(
            self.loop,  # type: ignore[arg-type]
            lambda _connection: self.rates,
            lambda _worker, report: self.heard.append((self.loop.now, len(report.commands))),
            self._commit,
        )
        self.connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]

    def _commit(self) -> None:
        self.commits += 1

    def worker(self) -> Worker:
        return Worker(1, None, self.connection, "a", "", child=True, careful=False)  # type: ignore[arg-type]

    def report(self, lines: int, size: int = 1) -> Worker:
        worker = self.worker()
        report = Report(size, False, b"", [Say("x")] * lines, [])
        self.throttle.take(worker, report)
        return worker


def test_within_the_rate_nothing_waits() -> None:
    scene = Scene(Rates(5, 0))
    for _ in range(20):
        scene.report(1)
    assert len(scene.heard) == 20
    assert not scene.loop.timers


def test_what_is_more_waits_and_another_worker_changes_nothing() -> None:
    scene = Scene(Rates(5, 0))
    scene.report(1000)
    scene.report(1)
    assert scene.heard == [(0.0, 1000)]
    # 20 at once, 980 too many, and one more than nothing.
    scene.loop.pass_until(196.1)
    assert scene.heard == [(0.0, 1000)]
    scene.loop.pass_until(196.3)
    assert [lines for _, lines in scene.heard] == [1000, 1]
    assert scene.commits == 1


def test_bytes_count_as_well() -> None:
    scene = Scene(Rates(0, 100))
    scene.report(1, 1000)
    scene.report(1, 1)
    scene.loop.pass_until(5.9)
    assert len(scene.heard) == 1
    scene.loop.pass_until(6.2)
    assert len(scene.heard) == 2


def test_all_clients_of_a_place_have_ten_shares_together() -> None:
    scene = Scene(Rates(10, 0))
    for _ in range(30):
        scene.connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]
        scene.connection.place = "192.0.2.1"
        scene.report(10)
    # A second's worth at once, and then a hundred lines a second.
    assert len(scene.heard) == 10
    elsewhere = Connection(1, "192.0.2.2:7", "text", Output(1, None))  # type: ignore[arg-type]
    elsewhere.place = "192.0.2.2"
    scene.connection = elsewhere
    scene.report(1)
    assert scene.heard[-1] == (0.0, 1)
    scene.loop.pass_until(1.05)
    assert 20 <= len(scene.heard) - 1 <= 21
    scene.loop.pass_until(2.05)
    assert len(scene.heard) - 1 == 30


def test_so_many_places_are_remembered_and_those_that_wait_all() -> None:
    scene = Scene(Rates(10, 0))

    def come(number: int, lines: int) -> None:
        scene.connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]
        scene.connection.place = str(number)
        scene.report(lines)

    for number in range(10):
        come(number, 1000)
        come(number, 7)
    for number in range(10, 2 * MOST):
        come(number, 1)
    assert (len(scene.throttle._busy), len(scene.throttle._silent)) == (10, MOST)
    assert 7 not in [lines for _, lines in scene.heard]
    scene.loop.pass_until(1000)
    assert [lines for _, lines in scene.heard].count(7) == 10
    assert (len(scene.throttle._busy), len(scene.throttle._silent)) == (0, MOST)


def test_other_rates_hold_for_a_place_that_is_known() -> None:
    scene = Scene(Rates(1, 0))
    for _ in range(20):
        scene.connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]
        scene.report(1)
    assert len(scene.heard) == 10
    scene.rates = Rates(100, 0)
    scene.throttle.renew()
    assert len(scene.heard) == 20
    for _ in range(200):
        scene.connection = Connection(1, "192.0.2.1:7", "text", Output(1, None))  # type: ignore[arg-type]
        scene.report(1)
    assert len(scene.heard) == 220


def test_who_waits_by_rates_that_are_no_more_waits_no_longer_and_in_its_turn() -> None:
    scene = Scene(Rates(1, 0))
    for lines in (1000, 1, 2, 3):
        scene.report(lines)
    scene.throttle.renew()
    assert len(scene.heard) == 1
    scene.rates = Rates(1000, 0)
    scene.throttle.renew()
    assert [lines for _, lines in scene.heard] == [1000, 1, 2, 3]
    assert scene.commits == 2
    scene.loop.pass_until(2000)
    assert len(scene.heard) == 4


def test_what_is_forgotten_is_not_heard_and_what_is_released_is() -> None:
    scene = Scene(Rates(1, 0))
    scene.report(100)
    scene.throttle.forget(scene.report(2))
    scene.report(3)
    scene.throttle.release()
    scene.report(4)
    scene.throttle.open()
    scene.report(5)
    scene.loop.pass_until(1000)
    assert [lines for _, lines in scene.heard] == [100, 3, 4, 5]


def test_other_rates_begin_anew() -> None:
    scene = Scene(Rates(1, 0))
    scene.report(100)
    scene.rates = Rates(0, 0)
    scene.report(100)
    scene.report(100)
    assert len(scene.heard) == 3


@given(
    st.integers(1, 50),
    st.integers(1, 10_000),
    st.lists(st.tuples(st.integers(0, 100), st.integers(0, 32768), st.floats(0, 5)), max_size=30),
)
def test_in_the_long_run_the_rate_is_kept(
    lines: int, size: int, said: list[tuple[int, int, float]]
) -> None:
    """Whatever was said by then, less the last, is what was at hand at first and came since."""
    budget, now = Budget(Rates(lines, size), 0.0), 0.0
    all_lines = all_size = 0
    for many, much, pause in said:
        now += pause + budget.wait(now + pause)
        if budget.wait(now):
            now += 0.002
        assert all_lines <= lines * (4 + now)
        assert all_size <= size * (4 + now)
        budget.spend(many, much)
        all_lines += many
        all_size += much
