"""Starting a master, as its supervisor does, and the channel between the two."""

import os
from collections.abc import Mapping

from chatd_supervisor.daemon import STARTER
from chatd_supervisor.holding import KEEPER
from chatd_supervisor.watched import Watched
from chatd_workers.channel import pair


def start_master(
    command: list[str], log: int, starter: int | None, more: Mapping[str, str]
) -> Watched:
    """Run ``command``, which becomes a master. Raises OSError if that cannot be.

    ``starter`` is the descriptor of whoever started us as a daemon, if we are one. Then ``log`` is
    where it says what it has to say before it has a log of its own. ``more`` goes into its
    environment.
    """
    ours, theirs = pair()
    ours.setblocking(False)
    environ = {**os.environ, KEEPER: str(theirs.fileno()), **more}
    actions: list[tuple[int, int, int]] = []
    if starter is not None:
        environ[STARTER] = str(starter)
        actions = [(os.POSIX_SPAWN_DUP2, log, 2)]
    theirs.set_inheritable(True)
    try:
        pid = os.posix_spawn(command[0], command, environ, file_actions=actions, setsigmask=())
    except OSError:
        ours.close()
        raise
    finally:
        theirs.close()
    return Watched(pid, ours)
