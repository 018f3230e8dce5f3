"""The soak: clients who come, talk and leave, a day's worth of them; and what is left of it after.

    python3 tests/soak/soak.py --sessions 200000

Residents stay and hear everything; visitors speak the text dialect or IRC, say some lines, and
leave as people do: politely, by closing their half, or with a reset. Workers are killed meanwhile.
Every so often nobody is let in until all visitors are gone: then memory, descriptors and processes
are looked at, always of the same server at rest. Exit code 1 if descriptors or processes are not
what they were at the first rest after visitors, if memory has grown by more than is allowed, or if
a line was lost or doubled. Loopback only; ends by itself.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are soak.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

bootstrap.enter(__file__)

from harness import serving  # noqa: E402
from soak.course import CONFIG, Soak  # noqa: E402


def main() -> None:
    """Soak as the arguments say."""
    options = argparse.ArgumentParser(description="Let clients come, talk and leave.")
    options.add_argument("--sessions", type=int, default=2000, help="visitors, all together")
    options.add_argument("--residents", type=int, default=20)
    options.add_argument("--at-once", type=int, default=60, help="visitors at a time")
    options.add_argument("--rests", type=int, default=20, help="how often figures are taken")
    options.add_argument("--kills", type=float, default=1.0, help="workers a second")
    options.add_argument("--allow", type=float, default=8.0, help="MB the master may grow by")
    options.add_argument("--supervised", action="store_true", help="with a supervisor")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = vars(options.parse_args())
    allowed = chosen.pop("allow")
    supervised = chosen.pop("supervised")
    with (
        tempfile.TemporaryDirectory(prefix="chatd-soak-") as directory,
        serving(Path(directory), CONFIG, supervised=supervised) as server,
    ):
        print(f"seed {chosen['seed']}", flush=True)
        outcome = Soak(server, **chosen).run(lambda rest: print(rest, flush=True))
        print(outcome)
    sys.exit(0 if outcome.is_as_before(allowed) else 1)


main()
