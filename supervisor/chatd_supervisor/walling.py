"""The walls around workers, from the master's side: which are wanted, and which stand here.

They are tried in a process of their own before the first worker is born, for they cannot be taken
down again.
"""

import functools
import os
import socket
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from chatd_supervisor.logbook import note
from chatd_supervisor.processes import fork
from chatd_supervisor.sandbox_config import Sandboxing
from chatd_workers.sandbox.walls import ALL, SANDBOX, WORDS, Wall, own_size


class WallError(OSError):
    """A wall is required, and cannot be built here; ``str()`` says which."""


_NONE: Final = Wall(0)

TRIES: Final = 5
"""How many processes may be killed while they try the walls."""


class Walls(NamedTuple):
    """What was wanted, and what stands."""

    wanted: Wall
    stand: Wall

    def described(self) -> dict[str, Any]:
        """Return them as ``chatd status`` shows them."""
        return {"walls": words(self.stand), "missing": words(self.wanted & ~self.stand)}


def words(walls: Wall) -> list[str]:
    """Return the names of ``walls``."""
    return [word for wall, word in WORDS.items() if walls & wall]


def wanted(mode: str, user: int) -> Wall:
    """Return the walls that ``mode`` stands for in a master of ``user`` (a user id).

    A process that is not dumpable hides its descriptors from its own user, too, and ss(8) could no
    longer tell that user which worker holds a connection. It keeps out nobody but others of the
    same user, and of those workers are kept out by seccomp and Landlock. So an ordinary user has
    that wall only by requiring it.
    """
    if mode == "off":
        return _NONE
    return ALL if mode == "require" or not user else ALL & ~Wall.NOT_DUMPABLE


def build_walls(config: Sandboxing) -> Walls:
    """Have all workers from now on walled in as ``config`` says. Raises WallError.

    To be called when everything is imported that workers share: what they may take is reckoned
    from there.
    """
    chosen = wanted(config.mode, os.geteuid())
    walls = Walls(chosen, chosen & buildable() if chosen else _NONE)
    memory = own_size() + config.memory_mb * 1024 * 1024 if config.memory_mb else 0
    SANDBOX.choose(chosen, memory)
    missing = words(walls.wanted & ~walls.stand)
    if missing and config.mode == "require":
        raise WallError(
            f"sandbox.mode is require, and this kernel or machine has no {', '.join(missing)}"
        )
    if missing:
        note("walls missing", walls=", ".join(words(walls.stand)), missing=", ".join(missing))
    elif walls.wanted:
        note("walls", walls=", ".join(words(walls.stand)), landlock_abi=SANDBOX.landlock_abi)
    return walls


@functools.cache
def buildable() -> Wall:
    """Return which walls stand in a process that builds all of them; tried once."""
    SANDBOX.choose(ALL, 0)
    one, other = socket.socketpair()
    with one, other:
        return standing(lambda: SANDBOX.begin() | SANDBOX.complete(one.fileno(), relay=False))


def standing(build: Callable[[], int]) -> Wall:
    """Return the walls that ``build`` returns in a process of its own.

    One that was killed has said nothing, least of all that nothing can be built here: the next one
    tries. Where all of ``TRIES`` are killed, it is a wall that kills them, and none stands.
    """
    for _ in range(TRIES):
        _, status = os.waitpid(fork(build), 0)
        code = os.waitstatus_to_exitcode(status)
        if code >= 0:
            return Wall(code) if code <= int(ALL) else _NONE
    return _NONE
