"""What a client costs to let in and to keep, as they become many; held against plain os.fork."""

import json
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from bench.figures import Row, compared, median, percentile
from bench.people import Crowd
from bench.plain_forks import SAMPLE
from bench.subjects import BENCH, chatd, children, memory

TOGETHER = 1000
"""Clients that come at once."""

PROFILES = {True: "by the supervisor", False: "by the master"}
"""Who forks their workers; whether there is a supervisor."""


class Birth(NamedTuple):
    """The medians of the last births before so many clients; ms and MB."""

    ready: float
    """Until it has said that it is there: until a newcomer's question is answered."""
    worst: float
    parent: float
    """On a CPU."""
    memory: float
    greeted: float = 0.0
    """Until a newcomer is greeted, which with a supervisor needs no worker."""


def births(directory: Path, quick: bool) -> list[Row]:
    """Time and unshared memory of a birth at 100, 1,000 and 5,000 clients."""
    levels = (100, 1000) if quick else (100, 1000, 5000)
    plain = _plain(levels)
    rows = []
    for supervised, whose in PROFILES.items():
        own = _chatd(directory / f"supervised-{supervised}", supervised, levels)
        for level in levels:
            rows += _compared(f"birth of client {level:,} {whose}", own[level], plain[level], level)
    return [
        *rows,
        *_at_once(directory / "together", supervised=True),
        *_at_once(directory / "at-once", supervised=False),
    ]


def _compared(at: str, a: Birth, b: Birth, level: int) -> list[Row]:
    target = level == 1000
    return [
        compared(
            f"{at}: until greeted, p50",
            a.greeted,
            b.ready,
            unit="ms",
            other_is="os.fork and a byte",
            reach="<= 1.5 ms" if target else "",
        ),
        compared(
            "... until its worker has answered, p50",
            a.ready,
            b.ready,
            unit="ms",
            other_is="os.fork and a byte",
        ),
        Row("... worst", f"{a.worst:.2f} ms", f"{b.worst:.2f}"),
        compared(
            "... CPU of the master, a question answered",
            a.parent,
            b.parent,
            unit="ms",
            other_is="os.fork",
        ),
        compared(
            "... unshared memory of a worker",
            a.memory,
            b.memory,
            unit="MB",
            other_is="os.fork",
            reach="<= 1.1 MB" if target else "",
        ),
    ]


def _at_once(directory: Path, *, supervised: bool) -> list[Row]:
    """Time and memory of those who come all at once, as after a cut of the network."""
    with chatd(directory, supervised=supervised) as subject, Crowd(subject.port) as crowd:
        before = subject.own_cpu()
        taken = crowd.rush(TOGETHER)
        spent = subject.own_cpu() - before
        crowd.join(ask=True)
        unshared = median(memory(_sampled(subject.children())))
    return [
        Row(
            f"{TOGETHER:,} at once, {PROFILES[supervised]}: until all are greeted, each",
            f"{taken / TOGETHER * 1e3:.2f} ms",
        ),
        Row("... CPU of the master, each", f"{spent / TOGETHER * 1e3:.2f} ms"),
        Row("... unshared memory of a worker", f"{unshared:.2f} MB"),
    ]


def _chatd(directory: Path, supervised: bool, levels: tuple[int, ...]) -> dict[int, Birth]:
    found = {}
    with chatd(directory, supervised=supervised) as subject, Crowd(subject.port) as crowd:
        for level in levels:
            while len(crowd.members) < level - SAMPLE:
                crowd.join()
            before = subject.own_cpu()
            greeted, answered = [], []
            for _ in range(SAMPLE // 2):
                answered.append(crowd.join(ask=True) * 1e3)
                greeted.append(crowd.join() * 1e3)
                # Its worker may still be on its way, and is not to be in that of the next.
                crowd.await_worker()
            spent = (subject.own_cpu() - before) / SAMPLE
            workers = subject.children()
            assert len(workers) == level, f"{len(workers)} workers for {level} clients"
            found[level] = Birth(
                median(answered),
                max(answered),
                spent * 1e3,
                median(memory(_sampled(workers))),
                median(greeted),
            )
            print(f"  chatd at {level}: {found[level]}", file=sys.stderr)
    return found


def _plain(levels: tuple[int, ...]) -> dict[int, Birth]:
    found = {}
    with subprocess.Popen(
        [sys.executable, BENCH / "plain_forks.py", *map(str, levels)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for level in levels:
            told = json.loads(process.stdout.readline())
            found[level] = Birth(
                median(told["ms"]),
                max(told["ms"]),
                told["cpu_ms"],
                median(memory(_sampled(children(process.pid)))),
            )
            print(f"  os.fork at {level}: {found[level]}", file=sys.stderr)
            process.stdin.write("\n")
            process.stdin.flush()
    return found


def _sampled(pids: list[int]) -> list[int]:
    return pids[:: max(1, len(pids) // SAMPLE)]


def restarts(directory: Path, quick: bool) -> list[Row]:
    """Time from the SIGKILL of a worker until its client's next line is back."""
    rows = []
    for supervised, whose in PROFILES.items():
        where = directory / f"restarts-{supervised}"
        with chatd(where, supervised=supervised) as subject, Crowd(subject.port) as crowd:
            crowd.join()
            crowd.hush()
            times = [
                crowd.kill_and_say(subject.children()[0]) * 1e3
                for _ in range(100 if quick else 500)
            ]
        rows += [
            Row(
                f"SIGKILL of a worker until the next line is back, another one forked {whose}, p50",
                f"{median(times):.2f} ms",
            ),
            Row("... p99, worst", f"{percentile(times, 99):.2f} ms, {max(times):.2f} ms"),
        ]
    return rows
