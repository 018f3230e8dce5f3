"""The locks that say that both directories are ours: taken, or gone on with."""

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from chatd_supervisor.handover import Handover, check_places
from chatd_supervisor.paths import Paths, prepare
from chatd_supervisor.pidfile import AlreadyRunning, PidFile

if TYPE_CHECKING:  # the commands that ask do not pay for it
    from chatd_supervisor.supervise.table import Stock

LOCKED: Final = 10.0
"""Seconds in which whoever passes a server on must have ended."""

MOMENT: Final = 0.0005
"""Seconds between two looks whether it has."""


class Locks(NamedTuple):
    """The lock on the runtime directory, and the one on the state directory."""

    pid_file: PidFile
    state: PidFile

    def release(self) -> None:
        """Give both back."""
        self.pid_file.release()
        self.state.release()


def refuse_other(places: Paths) -> None:
    """Raise AlreadyRunning if another server is in the directory: sooner than its master would."""
    lock = PidFile(places.pid_file)
    lock.acquire()
    lock.release()


def locks_of(places: Paths, handover: Handover | None) -> Locks:
    """Return the locks on both directories, taken now or by the program before us.

    Raises PathError if a directory cannot be used, AlreadyRunning, other OSErrors.
    """
    locks = _unlocked(places)
    if handover is None:
        prepare(places)
        _lock(locks)
    else:
        check_places(places, handover)
        locks.pid_file.take_over(handover.pid_file)
        locks.state.take_over(handover.state_lock)
    return locks


def shared_locks(places: Paths, stock: "Stock", *, wait: bool) -> Locks:
    """Return the locks, which belong to the table: taken now, or by a master before this one.

    ``wait`` for them, if the table that has them is about to end. Raises as ``locks_of``.
    """
    prepare(places)
    locks = _unlocked(places)
    for lock in locks:
        descriptor = stock.take_file(lock.path)
        if descriptor is not None:
            lock.take_over(descriptor)
    deadline = time.monotonic() + (LOCKED if wait else 0.0)
    while True:
        try:
            _lock(locks)
        except AlreadyRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(MOMENT)
        else:
            return locks


def _unlocked(places: Paths) -> Locks:
    return Locks(PidFile(places.pid_file), PidFile(places.state_lock, places.runtime_dir))


def _lock(locks: Locks) -> None:
    locks.pid_file.acquire()
    try:
        locks.state.acquire()
    except BaseException:
        locks.pid_file.release()
        raise
