"""Thousands at once, in one room: everybody hears everything once, also when workers die.

What a client costs is measured from outside: memory as the kernel tells of a sample of the workers,
and by how much the machine has less; the time on a CPU of the master and all workers.
"""

import contextlib
import os
import random
import signal
import sys
import time
from functools import partial
from pathlib import Path

from bench.figures import Row, available, median, number, proportional, unshared
from bench.people import Crowd
from bench.subjects import Subject, chatd, read

LINES = 20
KILLS = 10
"""Workers killed before each line, in the second round."""

TOGETHER = 100
"""Clients who connect at once, as they do when a network has come back."""

SAMPLE = 200
"""Workers whose memory is looked at."""

RESERVE = 3000.0
"""MB that the machine must have left, for whatever else runs on it."""


def crowds(directory: Path, quick: bool, most: int = 5000) -> list[Row]:
    """``most`` clients are let in and chat."""
    count = 1000 if quick else most
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    with chatd(directory / "crowd", supervised=True) as subject, Crowd(subject.port) as crowd:
        rows = _let_in(subject, crowd, count)
        for kills in (0, KILLS):
            rows += _talk(subject, crowd, kills, chance)
            print(f"  {count} clients, seed {seed}: {rows[-1]}", file=sys.stderr)
    return rows


def _let_in(subject: Subject, crowd: Crowd, count: int) -> list[Row]:
    """Let ``count`` in, and see what each of them costs."""
    before = _available()
    spent = subject.cpu()
    began = time.perf_counter()
    for come in range(0, count, TOGETHER):
        crowd.rush(min(TOGETHER, count - come))
        assert _available() > RESERVE, f"the machine has no memory for more than {come}"
    taken = time.perf_counter() - began
    # Those who came before the last have come to rest when that one is answered.
    crowd.join(ask=True)
    workers = subject.children()
    assert len(workers) == count + 1, f"{len(workers)} workers for {count + 1} clients"
    cpu = (subject.cpu() - spent) / count * 1e3
    used = (before - _available()) / count
    sample = [read(f"/proc/{pid}/smaps_rollup") for pid in workers[:: max(1, count // SAMPLE)]]
    own, parts = median(map(unshared, sample)), median(map(proportional, sample))
    master = proportional(read(f"/proc/{subject.pid}/smaps_rollup"))
    return [
        Row(f"{count:,} clients let in", f"{taken:.1f} s, {taken / count * 1e3:.2f} ms each"),
        Row("... CPU a client, worker included", f"{number(cpu)} ms"),
        Row("... memory that the machine has less, a client", f"{number(used)} MB"),
        Row("... of a worker: unshared, p50", f"{number(own)} MB", f"proportional {number(parts)}"),
        Row("... of the master: proportional", f"{number(master)} MB"),
    ]


def _talk(subject: Subject, crowd: Crowd, kills: int, chance: random.Random) -> list[Row]:
    """Have LINES said, ``kills`` workers killed before each; everybody must hear all of them."""
    crowd.hush()
    # What the killed have spent cannot be asked for any more.
    spent = 0.0 if kills else subject.cpu()
    times = []
    for line in range(LINES):
        for pid in chance.sample(subject.children(), kills):
            # One that was killed for the last line may be gone by now.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        times.append(crowd.say(chance.choice(crowd.members), f"line {kills} {line}"))
    cpu = 0.0 if kills else subject.cpu() - spent
    heard = crowd.heard()
    said = [f"line {kills} {line}" for line in range(LINES)]
    # Everybody heard the same, and that is each line once and in its order. Somebody who is
    # disconnected ends the measurement (people.Crowd).
    assert len(heard) == 1, f"{len(heard)} different things were heard"
    assert [line.rpartition(" : ")[2] for line in heard[0]] == said, heard
    shown = f"{sum(times):.2f} s, p50 {median(times) * 1e3:.0f} ms a line"
    zeros = "lost 0, doubled 0, reordered 0, disconnected 0"
    if kills:
        return [Row(f"... {LINES} lines, {LINES * kills} workers killed meanwhile", shown, zeros)]
    each = cpu / LINES / len(crowd.members) * 1e6
    return [
        Row(f"... {LINES} lines, until all have heard all", shown, zeros),
        Row("... CPU a line and client", f"{number(each)} µs"),
    ]


def _available() -> float:
    return available(read("/proc/meminfo"))


everybody = partial(crowds, most=9000)
"""As many as 20,000 descriptors allow, some left over."""
