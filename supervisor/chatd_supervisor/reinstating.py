"""A supervisor in place of one that was killed: started by the master, for the master.

The master watches its supervisor as the supervisor watches it. The new one is nobody's child, so
it stands where the old one stood: it is told which process to watch by a pidfd (pidfd_open(2)),
which cannot come to mean another one. What it is to hold waits in the channel from the first
moment on; so a master that dies before its new supervisor has even begun is seen, and succeeded,
all the same. Only both within the few milliseconds in which the one notices the other's death
are too many: then all is as it is without a supervisor, until somebody starts chatd.
"""

import os
import signal
import socket
from collections.abc import Callable, Iterable, MutableMapping
from functools import partial
from typing import TYPE_CHECKING, Final, NamedTuple

from chatd_supervisor.deferred_signals import DEFERRED
from chatd_supervisor.paths import Paths
from chatd_supervisor.subreaper import become_subreaper
from chatd_supervisor.supervision import Supervision

if TYPE_CHECKING:  # a supervisor knows nothing of these
    from chatd_supervisor.config import Server
    from chatd_supervisor.upgrading import Launch

ATTACHED: Final = "CHATD_MASTER"
"""The environment variable that tells a supervisor of a master that it has not started."""


class Attached(NamedTuple):
    """A master that runs already, as its new supervisor is told of it."""

    pid: int
    process: int
    """A pidfd of it."""
    channel: socket.socket
    """The supervisor's end."""


class Renewal(NamedTuple):
    """How a master comes by another supervisor."""

    start: Callable[[socket.socket], None]
    """Start one, which gets this end of a channel; raises OSError."""
    named: Callable[[], dict[str, int]]
    """Return what it is to hold: descriptors by name."""


def renewal_for(
    places: Paths, server: "Server", launch: "Launch", named: Callable[[], dict[str, int]]
) -> Renewal:
    """Return how a master that was started so comes by another supervisor."""
    supervision = Supervision.of(places, server, -1 if launch.daemon else None)
    return Renewal(partial(start_supervisor, supervision.program(launch.succession(places))), named)


def start_supervisor(program: list[str], channel: socket.socket) -> None:
    """Run ``program`` as the supervisor of this process, at the other end of ``channel``.

    Returns when it is on its way; it is no child of ours. Raises OSError if there is no room.
    """
    process = os.pidfd_open(os.getpid())
    told = f"{os.getpid()} {process} {channel.fileno()}"
    try:
        child = os.fork()
        if child == 0:
            _leave(program, {**os.environ, ATTACHED: told}, (process, channel.fileno()))
        _, status = os.waitpid(child, 0)
    finally:
        os.close(process)
    if status:
        raise OSError("no room for another process")


def _leave(program: list[str], environ: dict[str, str], kept: Iterable[int]) -> None:
    """Run ``program`` in a process that is nobody's child; never returns."""
    code = os.EX_OSERR
    try:
        os.setsid()
        if os.fork() == 0:
            become_subreaper()
            signal.pthread_sigmask(signal.SIG_SETMASK, DEFERRED)
            for descriptor in kept:
                os.set_inheritable(descriptor, True)
            os.execve(program[0], program, environ)  # noqa: S606  # ourselves
        code = os.EX_OK
    finally:
        os._exit(code)


def attached(environ: MutableMapping[str, str] = os.environ) -> Attached | None:
    """Return the master that the environment speaks of, if it does; it is spoken of no more."""
    told = environ.pop(ATTACHED, "")
    if not told:
        return None
    pid, process, channel = map(int, told.split())
    for descriptor in (process, channel):
        os.set_inheritable(descriptor, False)
    return Attached(pid, process, socket.socket(fileno=channel))
