"""How long workers may compute, and the clock by which that is known."""

import os
import signal
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chatd_supervisor.cpu_account import BURST, BYTE, RELAYED, SHARE, CpuAccount
from chatd_supervisor.cpu_timer import SIGNAL, CpuTimer
from harness import PATIENCE


def test_one_that_spins_is_over_after_the_burst() -> None:
    account = CpuAccount(0.0, 0.0, 0, 0)
    times = [second for second in range(1, 60) if not account.charge(second, second, 0, 0)]
    assert times[0] == 11


def test_one_that_spins_after_another_has_is_over_soon() -> None:
    account = CpuAccount(0.0, 0.0, 0, 0, careful=True)
    assert account.charge(1.0, 1.0, 0, 0)
    assert not account.charge(2.0, 2.0, 0, 0)


def test_what_its_client_says_is_time_to_read_it() -> None:
    account = CpuAccount(0.0, 3.0, 100, 0)
    # A flood of short lines, which takes a whole processor: 20,000 of 15 bytes each second.
    assert all(account.charge(n, 3.0 + n, 100 + 300_000 * n, 0) for n in range(1, 1000))


def test_a_relay_writes_as_well() -> None:
    account = CpuAccount(0.0, 0.0, 0, 0)
    assert all(account.charge(n, n / 2, 0, 100_000 * n) for n in range(1, 1000))


def test_a_day_of_silence_is_not_saved_up() -> None:
    account = CpuAccount(0.0, 0.0, 0, 0)
    assert account.charge(86_400.0, 0.0, 1 << 30, 0)
    assert account.left == BURST


@given(
    st.lists(st.tuples(st.floats(0, 1000), st.floats(0, 30), st.integers(0, 1 << 20)), max_size=50)
)
@settings(deadline=None)
def test_it_is_never_more_than_burst_and_income(moves: list[tuple[float, float, int]]) -> None:
    account = CpuAccount(0.0, 0.0, 0, 0)
    now = used = 0.0
    said = 0
    for passed, spent, more in moves:
        now, used, said = now + passed, used + spent, said + more
        if not account.charge(now, used, said, said):
            break
        assert used <= BURST + now * SHARE + said * (BYTE + RELAYED) + 1e-6


@pytest.fixture
def spinner() -> Iterator[int]:
    pid = os.fork()
    if not pid:
        while True:
            pass
    yield pid
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def test_the_kernel_tells_when_another_process_has_used_so_much(spinner: int) -> None:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {SIGNAL})
    timer = CpuTimer(spinner, 0.05)
    try:
        assert signal.sigtimedwait({SIGNAL}, PATIENCE) is not None
        assert timer.used() >= 0.05
        # And again, each time.
        assert signal.sigtimedwait({SIGNAL}, PATIENCE) is not None
        timer.close()
        timer.close()
        signal.sigtimedwait({SIGNAL}, 0)
        assert signal.sigtimedwait({SIGNAL}, 0.3) is None
    finally:
        timer.close()
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def test_there_is_no_clock_of_a_process_that_is_not() -> None:
    pid = os.fork()
    if not pid:
        os._exit(0)
    os.waitpid(pid, 0)
    with pytest.raises(OSError, match="Invalid argument"):
        CpuTimer(pid, 1.0)
