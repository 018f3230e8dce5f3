"""Lines and their deliveries: fan-out one by one, fan-out in a stream, round trip."""

import shutil
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench.figures import Row, compared, median, number
from bench.subjects import BENCH, Load, Subject, chatd, compile_c, drive, floor, ngircd

ROUNDS = 5
"""Each load is put on each subject in turn, so often; the median counts."""

Figures = dict[str, list[dict[str, float]]]


def fan_out(directory: Path, quick: bool) -> list[Row]:
    """CPU per delivery with one line in flight, held against two floors."""
    load = Load(clients=200, senders=1, lines=500 if quick else 2000, window=1)
    figures = measure(directory, load, [_c_floor, _python_floor, _chatd, _supervised])
    cost = {
        name: median_of(figures, name, lambda f: f["cpu"] / f["heard"] * 1e6) for name in figures
    }
    until = {name: median_of(figures, name, lambda f: f["all_p50"]) for name in figures}
    what = f"fan-out to {load.clients}, one line in flight"
    return [
        compared(
            f"{what}: CPU a delivery",
            cost["chatd"],
            cost["C"],
            unit="µs",
            other_is="C",
            reach="<= 1.25",
        ),
        compared("", cost["chatd"], cost["Python"], unit="µs", other_is="Python"),
        compared("", cost["supervised"], cost["chatd"], unit="µs, supervised", other_is="plain"),
        compared(
            "... until the last has it, p50", until["chatd"], until["C"], unit="µs", other_is="C"
        ),
    ]


def stream(directory: Path, quick: bool) -> list[Row]:
    """Deliveries a second while eight send as fast as they may, held against ngircd."""
    rows = []
    subjects = [_chatd, *([ngircd_subject] if shutil.which("ngircd") else [])]
    for window in (256, 1024):
        load = Load(clients=200, senders=8, lines=10_000 if quick else 40_000, window=window)
        figures = measure(directory, load, subjects)
        rate = {
            name: median_of(figures, name, lambda f: f["heard"] / f["seconds"]) for name in figures
        }
        volume = median_of(figures, "chatd", lambda f: f["bytes"] / f["seconds"] / 1e6)
        spent = median_of(figures, "chatd", lambda f: f["cpu"] / f["seconds"])
        what = f"fan-out to {load.clients}, {window} lines in flight: deliveries"
        if "ngircd" in rate:
            rows.append(
                compared(
                    what,
                    rate["chatd"],
                    rate["ngircd"],
                    unit="/s",
                    other_is="ngircd",
                    reach=">= 1.0",
                )
            )
        else:
            rows.append(Row(what, f"{number(rate['chatd'])} /s", "ngircd is not installed"))
        rows.append(Row("... volume, CPUs busy", f"{number(volume)} MB/s, {spent:.2f} CPUs"))
    return rows


def round_trip(directory: Path, quick: bool) -> list[Row]:
    """Time until one hears one's own line, held against an echo by a single process."""
    load = Load(clients=1, senders=1, lines=2000 if quick else 10_000, window=1)
    figures = measure(directory, load, [_python_floor, _c_floor, _chatd])
    rows = []
    for percent, reach in (("p50", "<= 5"), ("p99", "")):
        time = {
            name: median_of(figures, name, lambda f: f[f"own_{percent}"])  # noqa: B023  # used here
            for name in figures
        }
        own = time["chatd"]
        rows += [
            compared(
                f"round trip, {percent}",
                own,
                time["Python"],
                unit="µs",
                other_is="Python echo",
                reach=reach,
            ),
            compared("", own, time["C"], unit="µs", other_is="C echo"),
        ]
    return rows


def journal_cost(directory: Path, quick: bool) -> list[Row]:
    """Deliveries a second with the journal, held against a journal that keeps nothing."""
    load = Load(clients=200, senders=8, lines=10_000 if quick else 40_000, window=256)
    figures = measure(directory, load, [_chatd, _unjournaled])
    rate = {name: median_of(figures, name, lambda f: f["heard"] / f["seconds"]) for name in figures}
    spent = {name: median_of(figures, name, lambda f: f["cpu"] / f["heard"]) for name in figures}
    return [
        compared(
            f"journal: fan-out to {load.clients}, {load.window} lines in flight: deliveries",
            rate["chatd"],
            rate["unjournaled"],
            unit="/s",
            other_is="keeping nothing",
            reach=">= 0.75",
        ),
        compared(
            "... CPU a delivery",
            spent["chatd"] * 1e6,
            spent["unjournaled"] * 1e6,
            unit="µs",
            other_is="keeping nothing",
        ),
    ]


def measure(
    directory: Path,
    load: Load,
    subjects: Sequence[Callable[[Path], AbstractContextManager[Subject]]],
) -> Figures:
    """Put ``load`` on each of ``subjects`` in turn, ROUNDS times; return figures by name."""
    driver = compile_c("driver", directory)
    figures: Figures = {}
    with ExitStack() as running:
        # All of them wait while one is measured: none costs anything then.
        started = [running.enter_context(subject(directory)) for subject in subjects]
        for _ in range(ROUNDS):
            for subject in started:
                measured = drive(driver, subject, load)
                figures.setdefault(subject.name, []).append(measured)
                print(f"  {subject.name}: {load} {measured}", file=sys.stderr)
    return figures


def median_of(figures: Figures, name: str, figure: Callable[[dict[str, float]], float]) -> float:
    """Return the median of ``figure`` over the rounds of the subject ``name``."""
    return median(map(figure, figures[name]))


def fresh(directory: Path, name: str) -> Path:
    """Return a directory that is not there yet, for one more subject called ``name``."""
    taken = len(list(directory.glob(f"{name}*")))
    return directory / f"{name}{taken}"


def _chatd(directory: Path) -> AbstractContextManager[Subject]:
    return chatd(fresh(directory, "chatd"))


def _supervised(directory: Path) -> AbstractContextManager[Subject]:
    return chatd(fresh(directory, "supervised"), "supervised", supervised=True)


def _unjournaled(directory: Path) -> AbstractContextManager[Subject]:
    program = [sys.executable, str(BENCH / "unjournaled.py")]
    return chatd(fresh(directory, "unjournaled"), "unjournaled", program)


def ngircd_subject(directory: Path) -> AbstractContextManager[Subject]:
    """Run ngircd."""
    return ngircd(fresh(directory, "ngircd"))


def _c_floor(directory: Path) -> AbstractContextManager[Subject]:
    return floor("C", compile_c("floor", directory))


def _python_floor(_directory: Path) -> AbstractContextManager[Subject]:
    return floor("Python", sys.executable, BENCH / "floor.py")
