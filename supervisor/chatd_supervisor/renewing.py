"""After an upgrade: replacing the workers, which are of the program before, one after another."""

import asyncio
import time
from collections import deque
from collections.abc import Iterable
from typing import Final

from chatd_supervisor import __version__
from chatd_supervisor.births import Births
from chatd_supervisor.connections import Connection
from chatd_supervisor.handover import Handover
from chatd_supervisor.logbook import note

BREATH: Final = 0.5
"""Seconds before the first worker is replaced: what was said during the upgrade comes first."""

PACE: Final = 0.005
"""Seconds between one worker's replacement and the next one's."""


class Renewal:
    """The workers that are still to be replaced."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        births: Births,
        connections: Iterable[Connection],
    ) -> None:
        """Replace the workers of ``connections``, but for relays."""
        self._loop = loop
        self._births = births
        self._left = deque(
            connection.worker
            for connection in connections
            if connection.worker is not None and not connection.way.is_relay
        )
        loop.call_later(BREATH, self._next)

    def _next(self) -> None:
        # Not while others wait for theirs, and among them the one before.
        while self._left and self._births.at_rest:
            worker = self._left.popleft()
            connection = worker.connection
            if connection is not None and connection.worker is worker and not worker.ended:
                worker.renewing = True
                self._births.kill(worker)
                break
        if self._left:
            self._loop.call_later(PACE, self._next)
        else:
            note("all workers are new")


def renew_after(
    handover: Handover | None,
    loop: asyncio.AbstractEventLoop,
    births: Births,
    connections: Iterable[Connection],
) -> None:
    """Log that the upgrade of ``handover`` is done, and begin to replace all workers.

    Nothing, if there was none, or we are the program that it has come back to.
    """
    if handover is None or not handover.is_upgrade:
        return
    pause = round(1000 * (time.monotonic() - handover.since))
    note("upgraded", before=handover.version, version=__version__, milliseconds=pause)
    Renewal(loop, births, connections)
