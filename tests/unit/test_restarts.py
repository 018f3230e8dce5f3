"""The restart policy: delays, poison, giving up, intensity."""

import signal

import pytest

from chatd_supervisor.restarts import LAST_DELAY, STABLE, Death, Intensity, RestartPolicy

KILLED = -signal.SIGKILL
SEGV = -signal.SIGSEGV


def death(
    exitcode: int | None = SEGV,
    *,
    offset: int = 0,
    announced: int | None = None,
    committed: bool = False,
    lived: float = 0.01,
) -> Death:
    return Death(exitcode, offset, announced, committed, lived)


@pytest.mark.parametrize("useful", [death(KILLED, committed=True), death(KILLED, lived=STABLE)])
def test_a_worker_that_was_of_use_is_replaced_at_once(useful: Death) -> None:
    policy = RestartPolicy()
    assert [policy.judge(useful).delay for _ in range(100)] == [0] * 100


def test_the_delay_doubles_to_its_limit_and_starts_anew() -> None:
    policy = RestartPolicy()
    delays = [policy.judge(death(KILLED)).delay for _ in range(8)]
    assert delays == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, LAST_DELAY, LAST_DELAY]
    assert policy.judge(death(KILLED, committed=True)).delay == 0
    assert policy.judge(death(KILLED)).delay == 0.1


def test_the_third_death_on_a_line_drops_it() -> None:
    policy = RestartPolicy()
    verdicts = [policy.judge(death(offset=7, announced=n)) for n in (None, 12, 12)]
    assert [verdict.drop for verdict in verdicts] == [None, None, 12]
    assert all(verdict.careful for verdict in verdicts)
    assert not any(verdict.close for verdict in verdicts)


def test_deaths_elsewhere_in_the_stream_do_not_add_up() -> None:
    policy = RestartPolicy()
    drops = [policy.judge(death(offset=n, announced=5)).drop for n in range(50)]
    assert drops == [None] * 50


def test_a_line_that_cannot_be_framed_closes_the_client() -> None:
    policy = RestartPolicy()
    assert [policy.judge(death()).close for _ in range(5)] == [False] * 4 + [True]


def test_nothing_but_lines_that_are_dropped_closes_the_client() -> None:
    policy = RestartPolicy()
    verdicts = [policy.judge(death(offset=n // 3, announced=1)) for n in range(15)]
    # The last one is dropped as well: it is what an operator wants to look at.
    assert [n for n, verdict in enumerate(verdicts) if verdict.drop] == [2, 5, 8, 11, 14]
    assert [n for n, verdict in enumerate(verdicts) if verdict.close] == [14]


def test_a_good_line_among_those_that_are_dropped_keeps_the_client() -> None:
    policy = RestartPolicy()
    for line in range(100):
        for committed in (line % 4 == 0, False, False):
            one = death(offset=line, announced=1, committed=committed)
            assert not policy.judge(one).close


def test_sigkill_never_condemns_a_line_or_a_client() -> None:
    policy = RestartPolicy()
    for _ in range(1000):
        verdict = policy.judge(death(KILLED, announced=12))
        assert verdict.drop is None
        assert not verdict.close


def test_after_a_crash_sigkill_leaves_the_successor_careful() -> None:
    policy = RestartPolicy()
    policy.judge(death(SEGV, offset=7))
    assert policy.judge(death(KILLED, offset=7)).careful
    assert not policy.judge(death(KILLED, offset=8)).careful


def test_intensity() -> None:
    intensity = Intensity(3, 10.0)
    for now in (0.0, 1.0, 2.0):
        intensity.note(now)
    assert not intensity.exceeded(2.0)
    intensity.note(3.0)
    assert intensity.exceeded(3.0)
    assert intensity.until_calm(3.0) == 7.0
    assert not intensity.exceeded(10.5)


def test_an_intensity_of_0_is_no_limit() -> None:
    intensity = Intensity(0, 10.0)
    for _ in range(1000):
        intensity.note(0.0)
    assert not intensity.exceeded(0.0)
