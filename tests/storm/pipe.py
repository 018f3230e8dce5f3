"""A file through chat-client: each line is said once and in order, whatever is cut or killed.

    python3 tests/storm/pipe.py --lines 100000

Connections are cut in the middle of lines, and the reading process, workers and masters are killed
while the program reads. In the end the journal has each line once, in order, and the program has
exited with 0. Prints its figures and the seed; exit code 1 if one of the zeros is not. Loopback
only; ends by itself.
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
from storm.piping import pipe  # noqa: E402


def main() -> None:
    """Say the lines as the arguments say."""
    options = argparse.ArgumentParser(description="Cut and kill while a file is said.")
    options.add_argument("--lines", type=int, default=100_000)
    options.add_argument("--every", type=float, default=2.0, help="seconds from death to death")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    chosen = vars(options.parse_args())
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), IRC_CONFIG, supervised=True) as server,
    ):
        figures = pipe(server, Path(directory), **chosen)
        print(figures)
    sys.exit(0 if figures.zeros else 1)


main()
