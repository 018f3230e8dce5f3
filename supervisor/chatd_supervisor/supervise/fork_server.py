"""Forking workers out of a process whose memory never changes, and whose table is shared.

A fork shares memory with the process that it came from until either side writes to it, and CPython
writes wherever it looks (reference counts). So a worker forked by a master gets to own whatever the
master touches from then on, 4 MB and in the end 12. The supervisor does nothing but fork: what it
shares with a worker stays shared. It has also never heard of any client, so whoever takes a worker
over finds nobody else's words in its memory.

The child shares the descriptor table as well, for an instant. It leaves at once, with its end of
its channel in one of the reserved numbers and nothing above it: that takes no longer with 20,000
descriptors open than with ten. Only when it has left may the number be used again, which it says in
memory that both share.
"""

import errno
import gc
import mmap
import os
import socket
import time
from typing import Final, NoReturn

from chatd_supervisor.processes import WorkerProcess
from chatd_supervisor.supervise import reserved
from chatd_supervisor.supervise.clone import clone_sharing_table, leave_table
from chatd_workers.sandbox.walls import SANDBOX, Wall, own_size
from chatd_workers.signals import BLOCK, MASTERS_SIGNALS, RESTORE, change_mask

LOOKS: Final = 100
"""How often it is looked whether a number is free, when all are in use: somebody has stopped so
many children in their first instant, if one is not free by then."""

MOMENT: Final = 0.001
"""Seconds between two looks."""


def settle(walls: Wall, memory_mb: int) -> None:
    """Have workers get ``walls``, and ``memory_mb`` beside what they share; 0: any number."""
    SANDBOX.choose(walls, own_size() + memory_mb * 1024 * 1024 if memory_mb else 0)


class ForkServer:
    """The numbers for births, and the children that have not left the table with theirs."""

    def __init__(self) -> None:
        # By place among the numbers; 0: none.
        self._leaving = [0] * reserved.BIRTHS
        self._has_left = mmap.mmap(-1, reserved.BIRTHS)

    def fork(self, descriptor: int) -> int:
        """Fork a worker whose channel is ``descriptor``, which stays the master's to close.

        Return its pid. Raises OSError if the system has no room for another process.
        """
        place = self._free_place()
        number = reserved.FIRST_BIRTH + place
        before = change_mask(BLOCK, MASTERS_SIGNALS)
        try:
            reserved.put(descriptor, number)
            self._has_left[place] = 0
            pid = clone_sharing_table()
            if pid == 0:
                self._live(number, place)
        except OSError:
            self._let_go(place)
            raise
        finally:
            change_mask(RESTORE, before)
        self._leaving[place] = pid
        return pid

    def has_ended(self, pid: int) -> None:
        """Take note that a child has: what it may have left in the table is let go of."""
        if pid in self._leaving:
            self._let_go(self._leaving.index(pid))

    def _live(self, number: int, place: int) -> NoReturn:
        """Be a worker, with a table of its own, and nothing of what this process was."""
        try:
            leave_table(number + 1)
            self._has_left[place] = 1
            gc.enable()
            WorkerProcess(None, socket.socket(fileno=number)).live()
        finally:
            os._exit(os.EX_SOFTWARE)

    def _free_place(self) -> int:
        for _ in range(LOOKS):
            for place, pid in enumerate(self._leaving):
                if not pid or self._has_left[place]:
                    self._let_go(place)
                    return place
            time.sleep(MOMENT)
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def _let_go(self, place: int) -> None:
        self._leaving[place] = 0
        reserved.clear(reserved.FIRST_BIRTH + place)
