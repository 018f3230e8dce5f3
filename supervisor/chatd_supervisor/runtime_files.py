"""The files in the runtime directory: noticed when they are removed, and made again.

Runtime directories are removed while their owner lives: by logind(8) when its user logs out, by
whoever cleans /tmp, by hand. A server that does not notice can be found by nobody any more, neither
by ``chatd stop`` nor by workers whose master has died. So the directory is watched (``inotify``),
which costs nothing as long as nothing happens, and looked through when something was removed. The
look comes a moment later, for ``rm -r`` removes one after another.

If something cannot be made again, as when /run/user/UID itself is gone, this is said once, and
tried until it can be. Until then the server does what it can without: it serves. What it could not
do without is in the state directory (``paths``).
"""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final, NamedTuple

from chatd_supervisor.adoption import Adoption
from chatd_supervisor.control import ControlServer
from chatd_supervisor.inotify import Inotify
from chatd_supervisor.logbook import note
from chatd_supervisor.paths import Paths, is_linked, link_state, prepare
from chatd_supervisor.pidfile import AlreadyRunning, PidFile, SupervisorFile

SETTLE: Final = 0.1
"""Seconds from a removal to the look at what is missing."""

FIRST_RETRY: Final = 1.0
LAST_RETRY: Final = 60.0
"""Seconds between two tries to make what could not be made, at first and at most."""


class Piece(NamedTuple):
    """One of the files."""

    name: str
    is_there: Callable[[], bool]
    """Return whether the file is there and ours; raises OSError."""
    make: Callable[[], Awaitable[None] | None]
    """Make it again; raises OSError or AlreadyRunning."""


def pieces_of(
    paths: Paths,
    pid_file: PidFile,
    control: ControlServer,
    adoption: Adoption,
    supervisor: SupervisorFile | None,
) -> tuple[Piece, ...]:
    """Return what belongs in the runtime directory of a master with these."""
    more = []
    if supervisor is not None:
        more = [Piece(paths.supervisor_file.name, supervisor.is_in_place, supervisor.write)]
    return (
        # First, for it says that the directory is ours.
        Piece(paths.pid_file.name, pid_file.is_in_place, pid_file.make_again),
        Piece(paths.state_link.name, partial(is_linked, paths), partial(link_state, paths)),
        Piece(paths.control_socket.name, control.is_there, control.start),
        Piece(paths.adoption_socket.name, adoption.is_there, adoption.make_again),
        *more,
    )


class RuntimeFiles:
    """Watches the runtime directory of a master that serves."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, paths: Paths, pieces: tuple[Piece, ...]
    ) -> None:
        """``pieces`` are there now."""
        self._loop = loop
        self._paths = paths
        self._pieces = pieces
        self._due: asyncio.TimerHandle | None = None
        self._repair: asyncio.Task[None] | None = None
        self._retry = FIRST_RETRY
        self._inotify: Inotify | None = None
        try:
            self._inotify = Inotify()
            self._inotify.watch(paths.runtime_dir)
        except OSError as error:
            note("runtime directory not watched", reason=error.strerror)
            self.close()
            return
        loop.add_reader(self._inotify.fileno(), self._told)

    def _told(self) -> None:
        assert self._inotify is not None, "it is read from"
        self._inotify.drain()
        if self._due is None and self._repair is None:
            self._due = self._loop.call_later(SETTLE, self._look)

    def _look(self) -> None:
        self._due = None
        self._repair = self._loop.create_task(self._restore())

    async def _restore(self) -> None:
        """Make what is missing, and look again until nothing is."""
        made: list[str] = []
        try:
            while missing := self._missing():
                for piece in missing:
                    making = piece.make()
                    if making is not None:
                        await making
                    made.append(piece.name)
        except (OSError, AlreadyRunning) as error:
            if self._retry == FIRST_RETRY:
                note("runtime files missing", directory=self._paths.runtime_dir, reason=error)
            self._due = self._loop.call_later(self._retry, self._look)
            self._retry = min(2 * self._retry, LAST_RETRY)
        else:
            self._retry = FIRST_RETRY
        finally:
            self._repair = None
            if made:
                directory, names = self._paths.runtime_dir, ", ".join(made)
                note("runtime files restored", directory=directory, files=names)

    def _missing(self) -> list[Piece]:
        """Return what is missing of a directory that is there and watched. Raises OSError."""
        assert self._inotify is not None, "something was told"
        prepare(self._paths)
        # Before the look: what is removed after it is told.
        self._inotify.watch(self._paths.runtime_dir)
        return [piece for piece in self._pieces if not piece.is_there()]

    def close(self) -> None:
        """Watch no longer, and make nothing any more."""
        if self._due is not None:
            self._due.cancel()
        if self._repair is not None:
            self._repair.cancel()
        if self._inotify is not None:
            self._loop.remove_reader(self._inotify.fileno())
            self._inotify.close()
            self._inotify = None
