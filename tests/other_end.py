"""The supervisor's end of a keeper's channel, for the tests."""

import os
import select
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from chatd_supervisor.holding import (
    Doubt,
    Goodbye,
    Hold,
    Recall,
    Release,
    Settled,
    Wish,
    decode_wish,
    receive,
)
from chatd_supervisor.holdings import Holdings
from chatd_supervisor.keeping import Keeper

PATIENCE = 10.0


class Supervisor:
    """The other end: does what is asked of it, when it is told to."""

    def __init__(self, channel: socket.socket) -> None:
        self.channel = channel
        channel.settimeout(PATIENCE)
        self.holdings = Holdings()
        self.wishes: list[Wish] = []

    def hear(self) -> Wish:
        """Take one wish, and do what it asks for."""
        parcel = receive(self.channel)
        wish: Wish = decode_wish(parcel.record)
        self.wishes.append(wish)
        match wish:
            case Hold(name):
                assert parcel.descriptor is not None
                self.holdings.put(name, parcel.descriptor)
            case Release(name):
                self.holdings.drop(name)
            case Doubt():
                self.holdings.doubt()
            case Settled():
                self.holdings.settle()
            case Goodbye():
                self.holdings.let_go()
                self.channel.close()
            case _:
                assert parcel.descriptor is None
        return wish

    def hear_all(self) -> list[Wish]:
        """Take all that is there; return it."""
        before = len(self.wishes)
        self.channel.settimeout(0)
        try:
            while True:
                self.hear()
        except BlockingIOError:
            return self.wishes[before:]
        finally:
            self.channel.settimeout(PATIENCE)

    def answer(self) -> None:
        """Pass on all that is held, when asked for it, waiting as it must."""
        assert self.hear() == Recall()
        self.channel.setblocking(False)
        owed = self.holdings.debt()
        poll = select.poll()
        while event := self.holdings.pay(owed, self.channel):
            poll.register(self.channel, event)
            assert poll.poll(PATIENCE * 1000)

    def names(self) -> list[str]:
        """Return the names of all that is held."""
        return list(self.holdings.debt())


@contextmanager
def at_once(act: Callable[[], object]) -> Iterator[None]:
    """Have another thread ``act`` meanwhile."""
    thread = threading.Thread(target=act)
    thread.start()
    yield
    thread.join(PATIENCE)
    assert not thread.is_alive()


def are_same(one: int, other: int) -> bool:
    return os.path.sameopenfile(one, other)


def choke(keeper: Keeper, descriptor: int) -> list[str]:
    """Fill the channel and more; return the names that are under way or queued."""
    names = [f"session {number} text" for number in range(1000)]
    for name in names:
        keeper.hold(name, descriptor)
    assert keeper._queue, "the channel took all"
    return names
