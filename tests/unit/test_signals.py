"""Signals reach the loop, however many come before it looks."""

import asyncio
import os
import signal

import pytest

from chatd_supervisor.signals import Signals

DEADLINE = 10.0


@pytest.mark.parametrize("storm", [1, 10_000])
def test_none_is_lost_behind_many_others(storm: int) -> None:
    came: list[str] = []

    async def run() -> None:
        loop = asyncio.get_running_loop()
        last = asyncio.Event()
        signals = Signals(
            loop,
            {
                signal.SIGCHLD: lambda: came.append("child"),
                signal.SIGUSR2: last.set,
            },
        )
        try:
            for _ in range(storm):
                os.kill(os.getpid(), signal.SIGCHLD)
            os.kill(os.getpid(), signal.SIGUSR2)
            async with asyncio.timeout(DEADLINE):
                await last.wait()
        finally:
            signals.close()

    before = {number: signal.getsignal(number) for number in (signal.SIGCHLD, signal.SIGUSR2)}
    try:
        asyncio.run(run())
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    assert came == ["child"]


def test_closed_it_calls_nothing_and_leaves_the_wakeup_to_others() -> None:
    came: list[str] = []
    before = signal.getsignal(signal.SIGUSR2)

    async def run() -> None:
        signals = Signals(
            asyncio.get_running_loop(), {signal.SIGUSR2: lambda: came.append("after the end")}
        )
        signals.close()
        os.kill(os.getpid(), signal.SIGUSR2)
        await asyncio.sleep(0)

    try:
        asyncio.run(run())
    finally:
        signal.signal(signal.SIGUSR2, before)
    assert not came
    assert signal.set_wakeup_fd(-1) == -1
