"""The pair of master and supervisor, from the master's side: kept whole, and told to others.

Where the supervisor has died and a guard stands in for it, another pair of the same program takes
over from both before long.
"""

import asyncio
from pathlib import Path

from chatd_supervisor.births import Births
from chatd_supervisor.pidfile import SupervisorFile
from chatd_supervisor.sandbox_config import Sandboxing
from chatd_supervisor.supervise.parent import Hearers, Parent
from chatd_supervisor.upgrading import QUIET, Upgrade
from chatd_workers.sandbox.walls import Wall


class Pair:
    """What a master does for its supervisor."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        parent: Parent,
        upgrade: Upgrade,
        path: Path,
    ) -> None:
        """``path`` is where the supervisor's pid is told."""
        self._loop = loop
        self._parent = parent
        self._upgrade = upgrade
        self._stopping = False
        self.file = SupervisorFile(path, lambda: parent.pid)

    def begin(self, births: Births, walls: Wall, sandbox: Sandboxing) -> None:
        """Have the supervisor fork workers for ``births``, as ``sandbox`` says."""
        self._parent.settle(walls, sandbox.memory_mb)
        hearers = Hearers(births.exited, births.orphaned, self._lost)
        self._parent.attach(self._loop, hearers, births.strangers)
        self.file.write()

    def ready(self) -> None:
        """Say that clients can connect."""
        self._parent.ready()

    def stopping(self) -> None:
        """Say that the master is to end, and that nobody is to follow it."""
        self._stopping = True
        self._parent.stopping()

    def _lost(self) -> None:
        if self._stopping:
            return
        self.file.write()
        self._loop.call_later(QUIET, self._upgrade.renew)
