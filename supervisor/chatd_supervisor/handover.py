"""From one program to the next: what an upgrade passes on.

Beside the descriptors this is little: everything else is in the journal, the ledger and the outbox,
as after a crash, and which descriptor is what the next program finds out (``supervise.table``). The
workers do not notice.

A supervised server passes its table on to a supervisor of the new program
(``supervise.succession``) and the note with it. In the plain profile, execve(2) replaces the
program and keeps the process: its pid, its children, its locks, and every descriptor that is not
close-on-exec. Then the note is in an anonymous file (memfd_create(2)), whose number is in the
environment.

The one who reads it may be another version of chatd, so unknown fields are ignored and new ones
have defaults.
"""

import os
import signal
from collections.abc import Iterable
from typing import Final, NoReturn, Protocol

import msgspec
from msgspec import Struct

from chatd_supervisor import watchdog
from chatd_supervisor.paths import PathError, Paths
from chatd_workers.signals import MASTERS_SIGNALS

VARIABLE: Final = "CHATD_HANDOVER"
"""The environment variable with the number of the note's descriptor."""


class Standing(Struct, frozen=True, kw_only=True):
    """What the service manager holds for us, and what it lends us, by our names (``store``)."""

    stored: dict[str, int]
    """Inodes, by name."""
    lent: list[str]


class Handover(Struct, frozen=True, kw_only=True):
    """Everything that is passed on."""

    protocol: int
    """What the workers speak (``reports.PROTOCOL``)."""
    version: str
    """Who passes it on."""
    before: list[str] = []
    """Program and arguments to go back to, if the next one cannot go on; none: it goes on as it
    can, for it is the same."""
    runtime_dir: str
    state_dir: str
    daemon: bool
    started: float
    """When the server was started, in seconds since the epoch."""
    generation: int
    """How many upgrades there were, with this one."""
    since: float = 0.0
    """When nobody was heard any more; of the clock that ``time.monotonic`` reads."""
    failure: str = ""
    """Why the program that this was meant for could not go on; back to the one before."""
    store: Standing | None = None
    """What the service manager holds, if it does."""
    pid_file: int = -1
    state_lock: int = -1
    """Locked files, in the same process."""
    descriptors: list[int] = []
    """Sockets, in the same process."""

    @property
    def is_upgrade(self) -> bool:
        """Another program goes on, and is the one that was meant to."""
        return bool(self.before) and not self.failure

    def encoded(self) -> bytes:
        """Return it in MessagePack."""
        return msgspec.msgpack.encode(self)

    def back(self, why: str) -> "Handover":
        """Return what the program before is given, as this one cannot go on; ``why`` tells."""
        generation = self.generation - 1
        return msgspec.structs.replace(self, failure=why, before=[], generation=generation)


def from_environment() -> Handover | None:
    """Return what was passed on to this process, if anything, and forget where it was."""
    number = os.environ.pop(VARIABLE, None)
    if number is None:
        return None
    with os.fdopen(int(number), "rb") as note:
        note.seek(0)
        handover = msgspec.msgpack.decode(note.read(), type=Handover)
    for descriptor in _descriptors(handover):
        os.set_inheritable(descriptor, False)
    return handover


class Located(Protocol):
    """What says where the running server is."""

    @property
    def runtime_dir(self) -> str:
        """Where it is found."""

    @property
    def state_dir(self) -> str:
        """Where it keeps what it keeps."""


def check_places(places: Paths, running: Located) -> None:
    """Raise PathError if ``places`` are not those of the server that is ``running``."""
    for key, ours in (("runtime_dir", places.runtime_dir), ("state_dir", places.state_dir)):
        theirs = getattr(running, key)
        if str(ours) != theirs:
            raise PathError(
                f"{key} would change from {theirs} to {ours}; that needs a stop and a start"
            )


def execute(command: list[str], handover: Handover) -> NoReturn:
    """Replace this program by ``command``, passing on ``handover``.

    Raises OSError, and then everything is as it was, but for signals, which are blocked.
    """
    # Without their handlers they would end the process; the new program lets them in when it has
    # its own.
    signal.pthread_sigmask(signal.SIG_BLOCK, MASTERS_SIGNALS)
    # It would run on in the new program (setitimer(2)).
    watchdog.disarm()
    passed = list(_descriptors(handover))
    note = os.memfd_create("chatd-handover", 0)
    try:
        for descriptor in passed:
            os.set_inheritable(descriptor, True)
        os.write(note, handover.encoded())
        os.execve(command[0], command, {**os.environ, VARIABLE: str(note)})  # noqa: S606
    finally:
        # Only if that has failed.
        for descriptor in passed:
            os.set_inheritable(descriptor, False)
        os.close(note)


def go_back(handover: Handover, why: str) -> NoReturn:
    """Give up, and execute the program that came before."""
    execute(handover.before, handover.back(why))


def python_command(python: str, arguments: Iterable[str]) -> list[str]:
    """Return how chatd is run with ``arguments`` by the interpreter ``python``."""
    # -P: whatever lies in the present directory is none of ours.
    return [python, "-P", "-m", "chatd_supervisor", *arguments]


def resuming_command(python: str, options: Iterable[str]) -> list[str]:
    """Return how the interpreter ``python`` goes on with what another program has passed on."""
    return [python, "-P", "-m", "chatd_supervisor.resuming", *options]


def _descriptors(handover: Handover) -> Iterable[int]:
    yield from (handover.pid_file, handover.state_lock, *handover.descriptors)
