"""A stroke of a storm of clients: a connection is cut, or one of all processes is killed."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from harness import NURSERY, Server
from storm.cutting import Cutter
from storm.processes import children, kill, title


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
    if kill(pid):
        setattr(toll, what, getattr(toll, what) + 1)


def a_worker(server: Server, dice: random.Random) -> int:
    """Return the pid of some worker, 0 if there is none; also of those whose master has died."""
    # Those are the supervisor's children.
    everybody = children(server.master) + children(server.supervisor)
    workers = [pid for pid in everybody if "@" in title(pid)]
    return dice.choice(workers) if workers else 0


def the_nursery(server: Server) -> int:
    """Return its pid, 0 if there is none."""
    return next((pid for pid in children(server.master) if title(pid) == NURSERY), 0)
