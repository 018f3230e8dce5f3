"""Starting a master, as its supervisor does, and the channel between the two."""

import os

from chatd_supervisor.daemon import STARTER
from chatd_supervisor.deferred_signals import DEFERRED
from chatd_supervisor.variables import KEEPER, STANDBY
from chatd_supervisor.watched import Watched
from chatd_workers.channel import pair


def start_master(
    command: list[str], log: int, starter: int | None, *, standing_by: bool
) -> Watched:
    """Run ``command``, which becomes a master. Raises OSError if that cannot be.

    ``starter`` is the descriptor of whoever started us as a daemon, if we are one. Then ``log`` is
    where it says what it has to say before it has a log of its own. If it is to be
    ``standing_by``, it waits to be told that it is its turn.
    """
    ours, theirs = pair()
    ours.setblocking(False)
    environ = {**os.environ, KEEPER: str(theirs.fileno())}
    if standing_by:
        environ[STANDBY] = "1"
    actions: list[tuple[int, int, int]] = []
    if starter is not None:
        environ[STARTER] = str(starter)
        actions = [(os.POSIX_SPAWN_DUP2, log, 2)]
    theirs.set_inheritable(True)
    try:
        pid = os.posix_spawn(
            command[0], command, environ, file_actions=actions, setsigmask=DEFERRED
        )
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return Watched(pid, ours)
