"""The storm of resends: lines of chat-client are said once, whatever is cut or killed meanwhile.

    python3 tests/storm/resends.py --seconds 300 --people 6

Connections are cut in the middle of lines, and reading processes, workers and masters are killed,
while everybody says numbered lines. In the end the journal has each line once, each person's in
order, and everybody has been told all of them once, in that order. Prints its figures and the
seed; exit code 1 if one of the zeros is not. Loopback only; ends by itself.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / name) for name in ("tests", "supervisor", "workers", "client")]

import bootstrap  # noqa: E402

bootstrap.enter(__file__)

from harness import serving  # noqa: E402
from irc_harness import IRC_CONFIG  # noqa: E402
from storm.resending import storm  # noqa: E402


def main() -> None:
    """Storm as the arguments say."""
    options = argparse.ArgumentParser(description="Cut and kill while lines are said again.")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--people", type=int, default=4)
    options.add_argument("--rate", type=float, default=50, help="lines a second of each")
    options.add_argument("--every", type=float, default=0.25, help="seconds from death to death")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = vars(options.parse_args())
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), IRC_CONFIG, supervised=True) as server,
    ):
        figures = storm(server, **chosen)
        print(figures)
    sys.exit(0 if figures.zeros else 1)


main()
