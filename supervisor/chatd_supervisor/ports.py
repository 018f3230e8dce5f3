"""The listening sockets: those of the configuration, opened, kept and closed."""

import asyncio
import logging
import socket
from collections.abc import Callable, Iterator

from chatd_supervisor.config import Config, Listen
from chatd_supervisor.keeping import Keeper
from chatd_supervisor.listeners import Listener, bound_address

log = logging.getLogger("chatd")


class Ports:
    """All listeners."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        accepted: Callable[[Listener, socket.socket], None],
        keeper: Keeper | None,
        held: dict[str, int],
    ) -> None:
        """``accepted`` gets each connection. ``held`` are sockets of a former master, by name."""
        self._loop = loop
        self._accepted = accepted
        self._keeper = keeper
        self._held = held
        self._listeners: dict[str, Listener] = {}

    def __iter__(self) -> Iterator[Listener]:
        """Go through the listeners."""
        return iter(self._listeners.values())

    def named(self) -> dict[str, int]:
        """Return the descriptors of the listening sockets, by name."""
        return {name: listener.fileno() for name, listener in self._listeners.items()}

    def listen(self, config: Config) -> None:
        """Listen where ``config`` says, and nowhere else.

        Raises ListenError, and then everything is as it was.
        """
        wanted = {f"listener {one.address} {one.dialect}": one for one in config.listen}
        opened: dict[str, Listener] = {}
        try:
            for name, listen in wanted.items():
                if name not in self._listeners:
                    opened[name] = Listener(
                        listen,
                        config.limits.accept_backlog,
                        self._loop,
                        self._accepted,
                        held=self._find(name, listen),
                    )
        except OSError:
            for listener in opened.values():
                listener.close()
            raise
        for name in self._listeners.keys() - wanted.keys():
            log.info("no longer listening on %s", self._listeners[name].address)
            self._close(name)
        for name, listener in opened.items():
            if self._keeper is not None:
                self._keeper.hold(name, listener.fileno())
            listener.open()
            log.info("listening on %s (%s)", listener.address, listener.listen.dialect)
        self._listeners |= opened

    def _find(self, name: str, listen: Listen) -> int | None:
        """Return the held socket for ``listen``; it may have been opened by another word for it."""
        for held, descriptor in self._held.items():
            address, _, dialect = held.removeprefix("listener ").rpartition(" ")
            if held.startswith("listener ") and dialect == listen.dialect:
                if address != listen.address:
                    address = bound_address(descriptor)
                if address == listen.address:
                    if self._keeper is not None and held != name:
                        self._keeper.release(held)
                    return self._held.pop(held)
        return None

    def _close(self, name: str) -> None:
        self._listeners.pop(name).close()
        if self._keeper is not None:
            self._keeper.release(name)

    def close(self) -> None:
        """Listen no longer."""
        for name in list(self._listeners):
            self._close(name)
