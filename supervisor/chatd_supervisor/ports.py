"""The listening sockets: those of the configuration, opened, kept and closed."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec

from chatd_supervisor.addresses import split_address
from chatd_supervisor.certificates import Certificate, CertificateError
from chatd_supervisor.config import Config
from chatd_supervisor.last_good import LastGood
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.listeners import Listener, addresses_of, bound_address
from chatd_supervisor.logbook import note
from chatd_supervisor.networks import read_address
from chatd_supervisor.store import Store
from chatd_supervisor.unix_sockets import file_of
from chatd_supervisor.ways import kind_of, way_of
from chatd_workers.titles import format_address

AT_THE_END: Final = 60.0
"""Seconds for which a master that cannot serve accepts nobody: longer than it takes to end."""


class Ports:
    """All listeners."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        accepted: Callable[[Listener, Sequence[socket.socket]], None],
        store: Store | None,
        held: dict[str, int],
        named: Callable[[Mapping[str, int]], None],
    ) -> None:
        """``accepted`` gets the connections. ``held`` are sockets of a former master, by name.

        ``named`` is told of all sockets and their names before any of them listens.
        """
        self._loop = loop
        self._accepted = accepted
        self._store = store
        self._told = named
        self._held = held
        self._listeners: dict[str, Listener] = {}
        # Sockets without a certificate, by name.
        self._shelved: dict[str, int] = {}

    def __iter__(self) -> Iterator[Listener]:
        """Go through the listeners."""
        return iter(self._listeners.values())

    def named(self) -> dict[str, int]:
        """Return the descriptors of the listening sockets, by name."""
        listening = {name: listener.fileno() for name, listener in self._listeners.items()}
        return self._shelved | listening

    def listen(self, config: Config, last_good: LastGood | None = None) -> None:
        """Listen where ``config`` says, and nowhere else; with its certificates as they are now.

        Raises ListenError or CertificateError, and then everything is as it was. A master that goes
        on after another, as ``last_good`` knows, does so without a certificate that cannot be used:
        whoever connects to its socket waits.
        """
        wanted = {name_of(each): each for one in config.listen for each in self._each(one)}
        opened: dict[str, Listener] = {}
        certificates: dict[str, Certificate] = {}
        try:
            for name in self._certify(wanted, certificates, last_good):
                self._shelve(name, wanted.pop(name))
            for name, listen in wanted.items():
                if name not in self._listeners:
                    opened[name] = Listener(
                        listen,
                        config.limits.accept_backlog,
                        self._loop,
                        self._accepted,
                        held=self._find(name, listen, wanted.keys()),
                        lent=self._store is not None and self._store.is_lent(name),
                    )
        except (OSError, CertificateError):
            for listener in opened.values():
                listener.close(for_good=listener.listen.address not in self._addresses())
            for one in certificates.values():
                one.close()
            raise
        kept = {listener.listen.address for listener in opened.values()}
        for name in self._listeners.keys() - wanted.keys():
            listener = self._listeners[name]
            if listener.listen.address not in kept:
                note("no longer listening", address=listener.address)
            self._close(name, for_good=listener.listen.address not in kept)
        self._listeners |= opened
        self._told(self.named())
        for name, listen in wanted.items():
            self._listeners[name].change(listen, certificates.get(name))
        for name, listener in opened.items():
            if self._store is not None:
                self._store.hold(name, listener.fileno())
            listener.open()
            words = ", ".join([listener.listen.dialect, *listener.way.words])
            note("listening", address=listener.address, way=words)

    def _certify(
        self,
        wanted: Mapping[str, Listen],
        certificates: dict[str, Certificate],
        last_good: LastGood | None,
    ) -> list[str]:
        """Put into ``certificates`` those of ``wanted``; return whose it can be done without."""
        missing = []
        for name, listen in wanted.items():
            if not listen.tls:
                continue
            try:
                certificates[name] = Certificate(listen)
            except CertificateError as error:
                if last_good is None or not last_good.goes_on:
                    raise
                last_good.error = str(error)
                note("certificate not used", address=listen.address, reason=error)
                missing.append(name)
        return missing

    def _shelve(self, name: str, listen: Listen) -> None:
        """Put the socket for ``listen`` aside, if there is one, for the next time."""
        descriptor = self._find(name, listen, {name})
        if descriptor is not None:
            self._shelved[name] = descriptor
            if self._store is not None:
                self._store.hold(name, descriptor)

    def _each(self, listen: Listen) -> list[Listen]:
        if self._store is not None and self._store.is_lent(name_of(listen)):
            return [listen]  # whoever lends it has chosen
        return each_address(listen)

    def _addresses(self) -> set[str]:
        return {listener.listen.address for listener in self._listeners.values()}

    def _find(self, name: str, listen: Listen, wanted: AbstractSet[str]) -> int | None:
        """Return a socket for ``listen`` that there is already, if there is one.

        That of a listener which is not ``wanted`` as it was, or one that is held; it may have been
        opened by another word for its address.
        """
        for other, listener in self._listeners.items():
            known_as = (listener.listen.address, listener.address)
            if other not in wanted and listen.address in known_as:
                return os.dup(listener.fileno())
        if listen.unix_path and file_of(listen.unix_path) is None:
            return None  # whatever is held, nobody finds it any more
        for held, descriptor in (self._held | self._shelved).items():
            address, _, kind = held.removeprefix("listener ").rpartition(" ")
            if held.startswith("listener ") and kind == kind_of(listen.dialect, way_of(listen)):
                if address != listen.address:
                    address = bound_address(descriptor)
                if address == listen.address:
                    if self._store is not None and held != name:
                        self._store.release(held)
                    self._held.pop(held, None)
                    self._shelved.pop(held, None)
                    return descriptor
        return None

    def _close(self, name: str, *, for_good: bool = True) -> None:
        self._listeners.pop(name).close(for_good=for_good)
        if self._store is not None:
            self._store.release(name)

    def accepting(self, accepted: socket.socket) -> Listener | None:
        """Return the listener through which ``accepted`` has come, by its own address."""
        try:
            address = accepted.getsockname()
        except OSError:
            return None
        found = [one for one in self if one.is_bound_to(address)]
        return found[0] if found else None

    def hold_back(self, seconds: float) -> None:
        """Leave new connections in the backlog, for so long at most."""
        for listener in self:
            listener.hold_back(seconds)

    @contextlib.contextmanager
    def let_nobody_in_if_that_fails(self) -> Iterator[None]:
        """Accept nobody any more after an exception: the loop turns once more before it is closed.

        Whoever has connected is the next master's.
        """
        try:
            yield
        except Exception:
            self.hold_back(AT_THE_END)
            raise

    def go_on(self) -> None:
        """Hold nobody back any more."""
        for listener in self:
            listener.go_on()

    def close(self) -> None:
        """Listen no longer."""
        for name in list(self._listeners):
            self._close(name)
        while self._shelved:
            os.close(self._shelved.popitem()[1])


def each_address(listen: Listen) -> list[Listen]:
    """Return ``listen`` for each address that its host's name has on this machine.

    One without a name, or with port 0, which would be another port for each, is left as it is.
    Raises ListenError if there is no such name.
    """
    if listen.unix_path:
        return [listen]
    host, port = split_address(listen.address)
    if not host or not port or read_address(host) is not None:
        return [listen]
    hosts = addresses_of(listen.address)
    return [msgspec.structs.replace(listen, address=format_address((each, port))) for each in hosts]


def name_of(listen: Listen) -> str:
    """Return what the socket for ``listen`` is called, by masters and service managers."""
    return f"listener {listen.address} {kind_of(listen.dialect, way_of(listen))}"
