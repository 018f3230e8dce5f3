"""A stroke of a storm of clients: a connection is cut, or one of all processes is killed."""

import contextlib
import os
import random
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness import NURSERY, Server
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
        pid = a_worker(server, dice)
    if pid:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        setattr(toll, what, getattr(toll, what) + 1)


def a_worker(server: Server, dice: random.Random) -> int:
    """Return the pid of some worker, 0 if there is none; also of those whose master has died."""
    titles = _titles(server)
    workers = [pid for pid, title in titles.items() if "@" in title]
    return dice.choice(workers) if workers else 0


def the_nursery(server: Server) -> int:
    """Return its pid, 0 if there is none."""
    return next((pid for pid, title in _titles(server).items() if title == NURSERY), 0)


def _titles(server: Server) -> dict[int, str]:
    """Return the titles of those who belong to the master or, as their own has died, to nobody."""
    found = {}
    for parent in (server.master, server.supervisor):
        with contextlib.suppress(OSError):
            for pid in Path(f"/proc/{parent}/task/{parent}/children").read_text().split():
                with contextlib.suppress(OSError):
                    found[int(pid)] = Path(f"/proc/{pid}/cmdline").read_text().rstrip("\0")
    return found
