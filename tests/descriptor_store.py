"""The store of descriptors of ``manager``; service_add_fd_store() in systemd's service.c."""

import os
import select
from collections.abc import Container
from typing import NamedTuple

MAX_NAME = 255


class Stored(NamedTuple):
    name: str
    descriptor: int
    polled: bool


class DescriptorStore:
    """Descriptors with names, of which several may be the same."""

    def __init__(self, poll: select.poll, size: int) -> None:
        """``poll`` is where it is noticed that one has hung up (FDPOLL)."""
        self._poll = poll
        self._size = size
        self._stored: list[Stored] = []

    def named(self) -> list[tuple[str, int]]:
        return [(one.name, one.descriptor) for one in self._stored]

    def add(self, name: str, descriptor: int, *, polled: bool) -> None:
        """Keep a duplicate of ``descriptor``, if there is room and its file is not there yet."""
        valid = all(" " <= char < "\x7f" and char != ":" for char in name)
        assert valid, f"FDNAME={name!r}"
        assert len(name) <= MAX_NAME, name
        there = any(os.path.sameopenfile(descriptor, one.descriptor) for one in self._stored)
        if there or len(self._stored) >= self._size:
            return
        kept = os.dup(descriptor)
        self._stored.append(Stored(name, kept, polled))
        if polled:
            self._poll.register(kept, 0)

    def remove(self, name: str) -> None:
        self._drop([one for one in self._stored if one.name == name])

    def remove_hung_up(self, happened: Container[int]) -> None:
        self._drop([one for one in self._stored if one.polled and one.descriptor in happened])

    def clear(self) -> None:
        self._drop(list(self._stored))

    def _drop(self, unwanted: list[Stored]) -> None:
        for one in unwanted:
            if one.polled:
                self._poll.unregister(one.descriptor)
            os.close(one.descriptor)
            self._stored.remove(one)
