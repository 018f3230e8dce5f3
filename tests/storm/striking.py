"""A stroke of a storm of clients: a connection is cut, or one of all processes is killed."""

import os
import random
import signal
from collections.abc import Callable
from pathlib import Path

from harness import Server
from storm.cutting import Cutter


def strike(
    server: Server,
    cutter: Cutter,
    reader: Callable[[], int],
    kills: dict[str, int],
    dice: random.Random,
) -> None:
    """Cut connections, or kill a process, and count it in ``kills``.

    ``reader`` returns the pid of a reading process of chat-client, 0 if there is none.
    """
    what = dice.choices(["cut", "readers", "workers", "masters"], [6, 4, 6, 1])[0]
    if what == "cut":
        cutter.cut()
        return
    pid = 0
    if what == "readers":
        pid = reader()
    elif what == "masters":
        pid = server.master
    elif master := server.master:
        try:
            pids = Path(f"/proc/{master}/task/{master}/children").read_text().split()
        except OSError:
            pids = []
        pid = int(dice.choice(pids)) if pids else 0
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        kills[what] += 1
