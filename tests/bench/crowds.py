"""Thousands at once, in one room: everybody hears everything once, also when workers die."""

import contextlib
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

from bench.figures import Row, median
from bench.people import Crowd
from bench.subjects import chatd

LINES = 20
KILLS = 10
"""Workers killed before each line, in the second round."""


def crowds(directory: Path, quick: bool, most: int = 5000) -> list[Row]:
    """``most`` clients are let in and chat."""
    count = 1000 if quick else most
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    rows = []
    with chatd(directory / "crowd") as subject, Crowd(subject.port) as crowd:
        began = time.perf_counter()
        for _ in range(count):
            crowd.join()
        taken = time.perf_counter() - began
        rows.append(
            Row(f"{count:,} clients let in", f"{taken:.1f} s, {taken / count * 1e3:.2f} ms each")
        )
        for kills in (0, KILLS):
            crowd.hush()
            times = []
            for number in range(LINES):
                for pid in chance.sample(subject.children(), kills):
                    # One that was killed for the last line may be gone by now.
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                times.append(crowd.say(chance.choice(crowd.members), f"line {kills} {number}"))
            heard = crowd.heard()
            print(f"  {count} clients, seed {seed}: {times}", file=sys.stderr)
            said = [f"line {kills} {number}" for number in range(LINES)]
            # Everybody heard the same, and that is each line once and in its order.
            assert len(heard) == 1, f"{len(heard)} different things were heard, seed {seed}"
            assert [line.rpartition(" : ")[2] for line in heard[0]] == said, (heard, seed)
            rows.append(
                Row(
                    f"... {LINES} lines, {KILLS} workers killed before each"
                    if kills
                    else f"... {LINES} lines, until all have heard all",
                    f"{sum(times):.2f} s, p50 {median(times) * 1e3:.0f} ms a line",
                    "each once, in one order",
                )
            )
    return rows


everybody = partial(crowds, most=9000)
"""As many as 20,000 descriptors allow, some left over."""
