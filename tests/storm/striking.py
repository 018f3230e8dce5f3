"""A stroke of a storm of clients: a connection is cut, or one of all processes is killed."""

import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import Server
from storm.cutting import Cutter


@dataclass
class Toll:
    """How many were killed of each kind of process."""

    readers: int = 0
    workers: int = 0
    masters: int = 0


def strike(
    server: Server,
    cutter: Cutter,
    reader: Callable[[], int],
    toll: Toll,
    dice: random.Random,
) -> None:
    """Cut connections, or kill a process, and count it in ``toll``.

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
    else:
        pid = a_child(server.master, dice)
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        setattr(toll, what, getattr(toll, what) + 1)


def a_child(master: int, dice: random.Random) -> int:
    """Return the pid of some child of ``master``, 0 if there is none, or no such process."""
    try:
        pids = Path(f"/proc/{master}/task/{master}/children").read_text().split()
    except OSError:
        return 0
    return int(dice.choice(pids)) if pids else 0
