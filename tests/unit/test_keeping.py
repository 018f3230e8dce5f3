"""The master's line to its supervisor, with a supervisor's own holdings at the other end."""

import asyncio
import logging
import os
import select
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from chatd_supervisor.holding import (
    KEEPER,
    MAX_NAME,
    AllHeld,
    Doubt,
    Goodbye,
    Held,
    Hold,
    Ready,
    Recall,
    Release,
    Settled,
    Stopping,
    Wish,
    decode_wish,
    encode,
    receive,
)
from chatd_supervisor.holdings import Holdings
from chatd_supervisor.keeping import Keeper, KeeperError
from chatd_workers.channel import pair, send_with_descriptor

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


@pytest.fixture
def ends() -> Iterator[tuple[Keeper, Supervisor]]:
    """A keeper and its supervisor, nothing of which is left open."""
    ours, theirs = pair()
    supervisor = Supervisor(theirs)
    yield Keeper(ours), supervisor
    supervisor.holdings.let_go()
    ours.close()
    theirs.close()


@pytest.fixture
def descriptor() -> Iterator[int]:
    """A descriptor that is worth being held."""
    reading, writing = os.pipe()
    os.close(writing)
    yield reading
    os.close(reading)


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


# Holding and releasing


def test_what_is_held_is_passed_to_the_next_master(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    keeper.hold("session 1 text", descriptor)
    keeper.hold("adoption", descriptor)
    keeper.release("session 1 text")
    keeper.ready(["python", "run"])
    heard = supervisor.hear_all()
    assert heard == [
        Hold("session 1 text"),
        Hold("adoption"),
        Release("session 1 text"),
        Ready(["python", "run"]),
    ]

    with at_once(supervisor.answer):
        received = keeper.receive()
    assert list(received) == ["adoption"]
    assert are_same(received["adoption"], descriptor)
    assert not os.get_inheritable(received["adoption"])
    os.close(received["adoption"])
    # It is known to be held, by a keeper that has only received it.
    keeper.release("adoption")
    assert supervisor.hear() == Release("adoption")
    assert len(supervisor.holdings) == 0


def test_a_name_held_again_stands_for_the_new_one(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    other, end = os.pipe()
    keeper.hold("adoption", descriptor)
    keeper.hold("adoption", other)
    supervisor.hear_all()
    with at_once(supervisor.answer):
        received = keeper.receive()
    assert are_same(received["adoption"], other)
    for one in (other, end, *received.values()):
        os.close(one)


def test_nothing_is_said_of_what_is_not_held(ends: tuple[Keeper, Supervisor]) -> None:
    keeper, supervisor = ends
    keeper.release("session 1 text")
    assert supervisor.hear_all() == []


def test_a_descriptor_that_is_none_holds_up_nobody(
    ends: tuple[Keeper, Supervisor], descriptor: int, caplog: pytest.LogCaptureFixture
) -> None:
    keeper, supervisor = ends
    with caplog.at_level(logging.ERROR, "chatd"):
        keeper.hold("session 1 text", 1 << 20)
    assert "Bad file descriptor" in caplog.text
    keeper.hold("session 2 text", descriptor)
    assert supervisor.hear_all() == [Hold("session 2 text")]


def test_after_an_upgrade_only_what_is_named_is_held(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    for number in range(5):
        keeper.hold(f"session {number} text", descriptor)
    next_one = Keeper.from_descriptor(os.dup(keeper.fileno() or -1))
    assert next_one is not None
    next_one.release("session 1 text")  # not known any more
    next_one.hold_only({"session 2 text": descriptor, "session 9 text": descriptor})
    supervisor.hear_all()
    assert sorted(supervisor.names()) == ["session 2 text", "session 9 text"]
    next_one._channel.close()


# A supervisor that does not listen


def test_what_is_not_taken_waits_and_nobody_waits_for_it(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends

    async def serve() -> None:
        keeper.attach(asyncio.get_running_loop())
        begun = time.monotonic()
        names = choke(keeper, descriptor)
        assert time.monotonic() - begun < 1
        under_way = len(names) - len(keeper._queue)
        # Those that came and went meanwhile leave no trace; the ones under way do.
        keeper.release(names[-1])
        keeper.release(names[0])
        keeper.hold(names[1], descriptor)
        keeper.ready(["run"])
        assert names[-1] not in keeper._queue
        async with asyncio.timeout(PATIENCE):
            while Ready(["run"]) not in supervisor.wishes:
                supervisor.hear_all()
                await asyncio.sleep(0)
        assert sorted(supervisor.names()) == sorted(names[1:-1])
        assert supervisor.wishes[-3:] == [Release(names[0]), Hold(names[1]), Ready(["run"])]
        assert Hold(names[-1]) not in supervisor.wishes
        assert under_way > 10
        # And what comes now goes at once.
        keeper.release(names[1])
        assert supervisor.hear() == Release(names[1])

    asyncio.run(serve())


def test_what_waited_before_there_was_a_loop_is_sent_from_it(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    names = choke(keeper, descriptor)

    async def serve() -> None:
        keeper.attach(asyncio.get_running_loop())
        async with asyncio.timeout(PATIENCE):
            while len(supervisor.holdings) < len(names):
                supervisor.hear_all()
                await asyncio.sleep(0)

    asyncio.run(serve())


def test_a_hold_that_waits_replaces_what_is_held(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    keeper.hold("adoption", descriptor)
    choke(keeper, descriptor)
    keeper.hold("adoption", descriptor)
    keeper.release("adoption")
    # The one that is there must still go, for the supervisor has it.
    assert keeper._queue["adoption"][0] == Release("adoption")
    supervisor.hear_all()


# Both passing much at once


def test_thousands_of_descriptors_are_passed_in_time(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    count = 2000
    for number in range(count):
        supervisor.holdings.put(f"session {number} text", os.dup(descriptor))
    begun = time.monotonic()
    with at_once(supervisor.answer):
        received = keeper.receive()
    assert len(received) == count
    assert time.monotonic() - begun < 2
    for one in received.values():
        os.close(one)


# Death and farewell


def test_the_supervisors_death_is_noticed_and_changes_nothing_else(
    ends: tuple[Keeper, Supervisor], descriptor: int, caplog: pytest.LogCaptureFixture
) -> None:
    keeper, supervisor = ends

    async def serve() -> None:
        keeper.attach(asyncio.get_running_loop())
        assert keeper.is_there
        supervisor.channel.close()
        async with asyncio.timeout(PATIENCE):
            while keeper.is_there:
                await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "chatd"):
        asyncio.run(serve())
    assert caplog.messages == ["the supervisor has died; serving on without one"]
    assert keeper.fileno() is None
    keeper.hold("adoption", descriptor)
    keeper.release("adoption")
    keeper.ready(["run"])
    keeper.goodbye()
    assert keeper._queue == {}


@pytest.mark.parametrize("attached", [False, True])
def test_a_death_is_noticed_when_something_is_said(
    ends: tuple[Keeper, Supervisor], descriptor: int, *, attached: bool
) -> None:
    keeper, supervisor = ends

    async def serve() -> None:
        if attached:
            keeper.attach(asyncio.get_running_loop())
        supervisor.channel.close()
        keeper.hold("adoption", descriptor)
        assert not keeper.is_there

    asyncio.run(serve())


def test_goodbye_waits_until_all_is_let_go(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    choke(keeper, descriptor)

    def end() -> None:
        while supervisor.hear() != Goodbye():
            pass

    with at_once(end):
        keeper.goodbye(PATIENCE)
        assert len(supervisor.holdings) == 0
    assert supervisor.wishes[-2:] == [Stopping(), Goodbye()]
    assert not keeper.is_there


def test_goodbye_does_not_wait_for_long(ends: tuple[Keeper, Supervisor], descriptor: int) -> None:
    keeper, _ = ends
    choke(keeper, descriptor)
    begun = time.monotonic()
    keeper.goodbye(0.2)
    assert 0.2 <= time.monotonic() - begun < 2


# Receiving what is wrong


def test_a_supervisor_that_says_nothing_is_an_error_in_time(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    send_with_descriptor(supervisor.channel, encode(Held("adoption")), descriptor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeeperError, match="has not passed on what it holds in time"):
        keeper.receive(0.2)
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_cannot_be_understood_is_an_error(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    send_with_descriptor(supervisor.channel, encode(Held("adoption")), descriptor)
    send_with_descriptor(supervisor.channel, b"\x93\x01\x02\x03", descriptor)
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(KeeperError, match="cannot be understood"):
        keeper.receive()
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_a_supervisor_that_dies_meanwhile_what_came_is_kept(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    send_with_descriptor(supervisor.channel, encode(Held("adoption")), descriptor)
    supervisor.channel.close()
    received = keeper.receive()
    assert not keeper.is_there
    assert list(received) == ["adoption"]
    for one in received.values():
        os.close(one)


def test_what_there_is_no_room_for_is_said_and_the_rest_received(
    ends: tuple[Keeper, Supervisor], caplog: pytest.LogCaptureFixture
) -> None:
    keeper, supervisor = ends
    supervisor.channel.send(encode(Held("session 1 text")))
    supervisor.channel.send(encode(AllHeld()))
    with caplog.at_level(logging.ERROR, "chatd"):
        assert keeper.receive() == {}
    assert caplog.messages == ["no room for session 1 text, which the supervisor holds"]


def test_names_have_a_bound() -> None:
    assert decode_wish(encode(Hold("n" * MAX_NAME))) == Hold("n" * MAX_NAME)
    with pytest.raises(ValueError, match="length"):
        decode_wish(encode(Hold("n" * (MAX_NAME + 1))))


# The environment


def test_the_environment_names_the_channel_once(monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = pair()
    ours.set_inheritable(True)
    monkeypatch.setenv(KEEPER, str(ours.fileno()))
    keeper = Keeper.from_environment()
    assert keeper is not None
    assert keeper.fileno() == ours.detach()
    assert KEEPER not in os.environ
    assert not keeper._channel.get_inheritable()
    assert Keeper.from_environment() is None
    keeper._channel.close()
    theirs.close()


@pytest.mark.parametrize("value", ["", "x", "-1", "1048576", "pipe", "stream"])
def test_an_environment_that_names_none_of_ours_is_as_none(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    reading, writing = os.pipe()
    one, other = socket.socketpair()
    numbers = {"pipe": str(reading), "stream": str(one.fileno())}
    monkeypatch.setenv(KEEPER, numbers.get(value, value))
    assert Keeper.from_environment() is None
    # Whatever it was, it is left as it was.
    os.close(reading)
    os.close(writing)
    one.close()
    other.close()
