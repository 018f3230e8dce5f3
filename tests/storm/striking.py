"""A stroke of a storm of clients: a connection is cut, or one of all processes is killed."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from harness import Server
from storm.cutting import Cutter
from storm.pairs import Pair
from storm.processes import family, is_worker, kill


@dataclass
class Toll:
    """How many were killed of each kind of process."""

    readers: int = 0
    workers: int = 0
    masters: int = 0
    supervisors: int = 0


def strike(
    server: Server,
    pair: Pair,
    cutter: Cutter,
    reader: Callable[[], int],
    *,
    toll: Toll,
    dice: random.Random,
) -> None:
    """Cut connections, or kill a process, and count it in ``toll``.

    ``reader`` returns the pid of a reading process of chat-client, 0 if there is none.
    """
    what = dice.choices(["cut", "readers", "workers", "masters", "supervisors"], [6, 4, 6, 1, 1])[0]
    if what == "cut":
        cutter.cut()
        return
    killed = False
    if what == "readers":
        killed = kill(reader())
    elif what == "workers":
        killed = kill(a_worker(server, dice))
    elif pair.look():
        killed = pair.kill(pair.master if what == "masters" else dice.choice(pair.others or [0]))
    if killed:
        setattr(toll, what, getattr(toll, what) + 1)


def a_worker(server: Server, dice: random.Random) -> int:
    """Return the pid of some worker, 0 if there is none; whoever its parent is."""
    everybody = family(set(server.groups))
    workers = [pid for pid, shown in everybody.items() if is_worker(shown)]
    return dice.choice(workers) if workers else 0
