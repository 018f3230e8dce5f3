"""The kill storm: people who chat, and SIGKILL at workers and masters all the time.

    python3 tests/storm/storm.py --seconds 600 --senders 50 --listeners 450 \\
        --kills 50 --master-every 5

Every sender numbers its lines. In the end everybody must have heard every line of every sender
once, to the byte, all in the same order; and nobody may have been disconnected, or refused. Among
the listeners are some who read seldom, with tiny buffers; visitors come all the time, say
something, close their half, and must hear everything up to that. Prints its figures and the seed;
exit code 1 if one of the zeros is not. Loopback only; ends by itself.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

bootstrap.enter(__file__)

from harness import WITH_NURSERY, serving  # noqa: E402
from storm.course import Storm, config  # noqa: E402
from storm.wires import WIRES  # noqa: E402


def main() -> None:
    """Storm as the arguments say."""
    options = argparse.ArgumentParser(description="Kill workers and masters while lines flow.")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--senders", type=int, default=8)
    options.add_argument("--listeners", type=int, default=16)
    options.add_argument("--kills", type=float, default=50, help="workers a second; 0: none")
    options.add_argument(
        "--master-every", type=float, default=5, help="seconds from master to master; 0: none"
    )
    options.add_argument(
        "--supervisor-every", type=float, default=7, help="seconds from one to the next; 0: none"
    )
    options.add_argument("--volume", type=float, default=16, help="MB a second for all together")
    options.add_argument("--dialect", choices=WIRES, default="text", help="what people speak")
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument(
        "--unsupervised",
        action="store_true",
        help="without a supervisor: chatd run again after each kill, workers spared meanwhile",
    )
    options.add_argument(
        "--nursery", action="store_true", help="one also without a supervisor, which has one anyway"
    )
    chosen = vars(options.parse_args())
    supervised = not chosen.pop("unsupervised")
    setting = WITH_NURSERY * chosen.pop("nursery") + config(chosen["dialect"])
    if not supervised:
        chosen["supervisor_every"] = 0
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), setting, supervised=supervised) as server,
    ):
        figures = Storm(server, **chosen).run()
        print(figures)
    sys.exit(0 if figures.zeros else 1)


main()
