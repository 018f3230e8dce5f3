"""A file through a pipe into chat-client, while whatever serves it is cut and killed.

Nobody looks after it: what is shown is that the program alone, as a script uses it, says every line
once and in order, and exits with 0.
"""

import random
import signal
import subprocess
import time
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final, NamedTuple

from client_harness import reader_of
from harness import CHAT_CLIENT, Server, chatd, eventually
from storm.cutting import Cutter
from storm.pairs import Pair
from storm.striking import Toll, strike

ROOM: Final = "#pipe"

PATIENCE: Final = 600.0
"""Seconds after which the program is given up."""


class Piped(NamedTuple):
    """What came of it."""

    seed: int
    lines: int
    seconds: float
    cuts: int
    killed: Toll
    lost: int
    doubled: int
    disordered: int
    exit_code: int

    @property
    def zeros(self) -> bool:
        """Whether what should be zero is."""
        return not any(self[5:])


def _is_begun(server: Server) -> bool:
    with suppress(AssertionError):  # before anything was said there
        return bool(chatd(server, "history", ROOM, "--last", "1"))
    return False


def pipe(server: Server, directory: Path, *, lines: int, every: float, seed: int) -> Piped:
    """Say ``lines`` lines, with a death or a cut ``every`` seconds."""
    dice = random.Random(seed)
    file = directory / "lines"
    file.write_text("".join(f"line {number}\n" for number in range(lines)))
    cutter = Cutter(server.port, dice)
    toll, pair = Toll(), Pair(server)
    begun = time.monotonic()
    try:
        with (
            file.open("rb") as said,
            subprocess.Popen(
                [
                    *(CHAT_CLIENT, f"irc://127.0.0.1:{cutter.port}", "-q"),
                    *("--nick", "bot", "--room", ROOM),
                ],
                stdin=said,
            ) as program,
        ):
            # A first connection that breaks is told, and not made again.
            eventually("its lines are said", partial(_is_begun, server))
            while program.poll() is None:
                if time.monotonic() - begun > PATIENCE:
                    program.send_signal(signal.SIGKILL)
                time.sleep(every * dice.uniform(0.5, 1.5))
                if program.poll() is None:
                    strike(
                        server, pair, cutter, lambda: reader_of(program.pid), toll=toll, dice=dice
                    )
    finally:
        cutter.close()
    took = time.monotonic() - begun
    shown = chatd(server, "history", ROOM, "--last", "10000000")
    found = [line.partition(" : ")[2] for line in shown.splitlines() if " : line " in line]
    there = set(found)
    wanted = [f"line {number}" for number in range(lines)]
    return Piped(
        seed,
        lines,
        round(took, 1),
        cutter.cuts,
        killed=toll,
        lost=len(set(wanted) - there),
        doubled=len(found) - len(there),
        disordered=int(list(dict.fromkeys(found)) != [each for each in wanted if each in there]),
        exit_code=program.returncode,
    )
