"""The kill storm: people who chat, and SIGKILL at workers and masters all the time.

    python3 tests/storm/storm.py --seconds 600 --senders 50 --listeners 450 \\
        --kills 50 --master-every 5 --dialect text irc proxied
    python3 tests/storm/storm.py --hard

Every sender numbers its lines. In the end everybody must have heard every line of every sender
once, to the byte, all in the same order; and nobody may have been disconnected, or refused. Among
the listeners are some who read seldom, with tiny buffers; visitors come all the time, say
something, close their half, and must hear everything up to that. Prints its figures and the seed;
exit code 1 if one of the zeros is not. Loopback only; ends by itself.

With --hard masters and supervisors are killed sooner than they can be replaced.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path
from typing import Any, Final

ROOT = Path(__file__).resolve().parent.parent.parent
# Python has put this folder first; its modules are storm.NAME.
sys.path[0:1] = [str(ROOT / "tests"), str(ROOT / "supervisor"), str(ROOT / "workers")]

import bootstrap  # noqa: E402

bootstrap.enter(__file__)

from harness import serving  # noqa: E402
from storm.course import Storm, config  # noqa: E402
from storm.killing import Kills  # noqa: E402
from storm.wires import WIRES  # noqa: E402

HARD: Final[dict[str, Any]] = {
    "seconds": 30.0,
    "senders": 6,
    "listeners": 5,
    "dialect": ["text", "irc"],
    "kills": 40.0,
    "master_every": 0.0,
    "supervisor_every": 0.0,
    "any_every": 0.8,
    "volume": 4.0,
}
"""What --hard stands for, but for options that are given as well."""


def main() -> None:
    """Storm as the arguments say."""
    options = argparse.ArgumentParser(description="Kill workers and masters while lines flow.")
    options.add_argument(
        "--hard",
        action="store_true",
        help="30 s, 11 clients of text and IRC, 40 workers a second, and any other each 0.4 to 1.2",
    )
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
    options.add_argument(
        "--any-every",
        type=float,
        default=0,
        help="seconds from one to the next of all that are no workers, whoever is there; 0: none",
    )
    options.add_argument("--volume", type=float, default=16, help="MB a second for all together")
    options.add_argument(
        "--dialect", choices=WIRES, nargs="+", default=["text"], help="what people speak, in turn"
    )
    options.add_argument("--seed", type=int, default=random.randrange(1 << 32))
    options.add_argument(
        "--unsupervised",
        action="store_true",
        help="without a supervisor: chatd run again after each kill, workers spared meanwhile",
    )
    options.add_argument("--log", type=Path, help="keep the server's log, and who was killed")
    if "--hard" in sys.argv:
        options.set_defaults(**HARD)
    chosen = options.parse_args()
    supervised = not chosen.unsupervised
    others = (chosen.supervisor_every, chosen.any_every) if supervised else ()
    with (
        tempfile.TemporaryDirectory() as directory,
        serving(Path(directory), config(*chosen.dialect), supervised=supervised) as server,
    ):
        figures = Storm(
            server,
            seconds=chosen.seconds,
            senders=chosen.senders,
            listeners=chosen.listeners,
            seed=chosen.seed,
            kills=Kills(chosen.kills, chosen.master_every, *others),
            volume=chosen.volume,
            dialects=chosen.dialect,
        ).run()
        print(figures, flush=True)
        if chosen.log:
            struck = "".join(f"{one}\n" for one in figures.struck)
            chosen.log.write_text(f"{server.log()}\nKilled:\n{struck}")
    sys.exit(0 if figures.zeros else 1)


main()
