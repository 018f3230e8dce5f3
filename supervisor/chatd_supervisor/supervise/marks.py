"""Which sockets the service manager has: for the next master, which could not ask it.

Memory that a supervisor shares with its masters and nobody else (MADV_DONTFORK): a worker that
was taken over could write there what it likes. A row for each descriptor has the cookie of the
socket that was stored, so that whoever gets that number later is no longer meant.
"""

import mmap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from chatd_supervisor.counts import cookie_of

ROWS: Final = 1 << 16
"""Descriptors above are not marked: what they lead to is stored once more."""


class Marks:
    """The rows."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, ROWS * 8)
        self._cookies = memoryview(self._memory).cast("Q")
        self._memory.madvise(mmap.MADV_DONTFORK)

    @contextmanager
    def passed_on(self) -> Iterator[None]:
        """Have a process that is cloned meanwhile share them; in both, no others do after that."""
        self._memory.madvise(mmap.MADV_DOFORK)
        try:
            yield
        finally:
            self._memory.madvise(mmap.MADV_DONTFORK)

    def put(self, descriptor: int) -> None:
        """Note that the manager has what ``descriptor`` leads to."""
        if descriptor < ROWS:
            self._cookies[descriptor] = cookie_of(descriptor)

    def has(self, descriptor: int) -> bool:
        """Return whether it is known that the manager has what ``descriptor`` leads to."""
        return descriptor < ROWS and self._cookies[descriptor] == cookie_of(descriptor)
