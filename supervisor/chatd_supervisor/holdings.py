"""The descriptors that the supervisor holds, by name, and passing them to a master."""

import contextlib
import errno
import os
import select
import socket
import time
from collections import deque
from typing import Final

from chatd_supervisor.holding import AllHeld, Held, encode
from chatd_workers.channel import send_with_descriptor

RETRY: Final = 0.01
"""Seconds until a descriptor is sent again of which too many were under way (ETOOMANYREFS)."""


class Holdings:
    """Descriptors by name. Whoever puts one in gives it away."""

    def __init__(self) -> None:
        self._held: dict[str, int] = {}
        self._doubted: set[str] = set()

    def __len__(self) -> int:
        """Return how many are held."""
        return len(self._held)

    def put(self, name: str, descriptor: int | None) -> None:
        """Hold ``descriptor``, or nothing, instead of what is held by ``name``."""
        self.drop(name)
        if descriptor is not None:
            self._held[name] = descriptor

    def drop(self, name: str) -> None:
        """Close what is held by ``name``, if anything is."""
        self._doubted.discard(name)
        if name in self._held:
            os.close(self._held.pop(name))

    def doubt(self) -> None:
        """Begin to ask what of all this is still wanted: what is put in from now on is."""
        self._doubted = set(self._held)

    def settle(self) -> None:
        """Close what is still in doubt."""
        for name in self._doubted.copy():
            self.drop(name)

    def let_go(self) -> None:
        """Close everything."""
        for name in list(self._held):
            self.drop(name)

    def debt(self) -> deque[str]:
        """Return the names of all that is held, for ``pay``."""
        return deque(self._held)

    def pay(self, owed: deque[str], channel: socket.socket) -> int:
        """Send what ``owed`` names, and that it is all, as far as ``channel`` takes it.

        Returns the events of poll(2) to go on at; 0: it is done.
        """
        try:
            while owed:
                name = owed[0]
                if name in self._held:
                    send_with_descriptor(channel, encode(Held(name)), self._held[name])
                owed.popleft()
            channel.send(encode(AllHeld()))
        except BlockingIOError:
            return select.POLLOUT
        except OSError as error:
            if error.errno == errno.ETOOMANYREFS:
                # Others of this user have as many under way (unix(7)), and nothing says when not.
                time.sleep(RETRY)
                return select.POLLOUT
            # The master has died, of which we are about to be told.
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                raise
        return 0
