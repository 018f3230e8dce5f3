"""``python3 tests/bench [--quick] [PART ...]``: measure, and print one table.

Ratios are taken in one run, side by side, because machines differ. Needs cc; ngircd, if it is
there, is measured as well, and is installed for the part irc. Nothing else of weight should run
meanwhile.
"""

import argparse
import os
import resource
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are bench.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

bootstrap.enter(str(ROOT / "tests" / "bench"))

from bench.births import births, restarts  # noqa: E402
from bench.clients import client  # noqa: E402
from bench.crowds import crowds, everybody  # noqa: E402
from bench.figures import Row, table  # noqa: E402
from bench.irc import irc  # noqa: E402
from bench.journals import journals  # noqa: E402
from bench.lines import fan_out, journal_cost, round_trip, stream  # noqa: E402
from bench.survivals import adoption, upgrade  # noqa: E402

PARTS: dict[str, Callable[[Path, bool], list[Row]]] = {
    "fan-out": fan_out,
    "stream": stream,
    "round-trip": round_trip,
    "births": births,
    "restarts": restarts,
    "crowd": crowds,
    "journal-cost": journal_cost,
    "journal": journals,
    "adoption": adoption,
    "upgrade": upgrade,
    "irc": irc,
    "client": client,
    "everybody": everybody,
}
USUAL = [name for name in PARTS if name != "everybody"]


def main() -> None:
    """Measure the parts that are asked for."""
    parser = argparse.ArgumentParser(prog="python3 tests/bench", description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="less of everything, in a minute")
    parser.add_argument(
        "part",
        nargs="*",
        metavar="PART",
        help=f"one of {', '.join(PARTS)}; without any, all but everybody (9,000 clients)",
    )
    arguments = parser.parse_args()
    unknown = set(arguments.part) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # An installed program has its bytecode beside it, and starts in half the time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    rows: list[Row] = []
    try:
        for name in arguments.part or USUAL:
            print(f"{name} ...", file=sys.stderr)
            with tempfile.TemporaryDirectory(prefix="chatd-bench-") as directory:
                rows += PARTS[name](Path(directory), arguments.quick)
    finally:
        print(table(rows))


main()
