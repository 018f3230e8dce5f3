"""The master's line to its supervisor, with a supervisor's own holdings at the other end."""

import asyncio
import logging
import os
import socket
import time
from itertools import pairwise

import pytest

from chatd_supervisor.holding import (
    Goodbye,
    Hold,
    Ready,
    Release,
    Stopping,
)
from chatd_supervisor.keeping import Keeper
from chatd_supervisor.reinstating import Renewal
from other_end import PATIENCE, Supervisor, are_same, at_once, choke


def _nobody(_channel: socket.socket) -> None:
    raise AssertionError("no other supervisor is to be started")


NO_OTHER = Renewal(_nobody, dict)

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
    assert caplog.records[0].__dict__["fields"]["reason"] == "Bad file descriptor"
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
        keeper.attach(asyncio.get_running_loop(), NO_OTHER)
        begun = time.monotonic()
        names = choke(keeper, descriptor)
        assert time.monotonic() - begun < 1
        assert not keeper.has_all
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
        assert keeper.has_all
        keeper.release(names[1])
        assert supervisor.hear() == Release(names[1])

    asyncio.run(serve())


def test_what_waited_before_there_was_a_loop_is_sent_from_it(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    names = choke(keeper, descriptor)

    async def serve() -> None:
        keeper.attach(asyncio.get_running_loop(), NO_OTHER)
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
        keeper.attach(asyncio.get_running_loop(), NO_OTHER)
        assert keeper.is_there
        supervisor.channel.close()
        async with asyncio.timeout(PATIENCE):
            while keeper.is_there:
                await asyncio.sleep(0)

    with caplog.at_level(logging.ERROR, "chatd"):
        asyncio.run(serve())
    assert caplog.messages == ["supervisor died"]
    assert keeper.fileno() is None
    keeper.hold("adoption", descriptor)
    keeper.release("adoption")
    keeper.goodbye()
    assert keeper._queue == {}


def test_in_place_of_a_dead_one_another_is_told_everything(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    others: list[Supervisor] = []

    def start(channel: socket.socket) -> None:
        if len(others) == 1:
            others.append(others[0])
            raise OSError("no room for another process")
        others.append(Supervisor(channel.dup()))

    async def another(count: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while not (len(others) == count and keeper.is_there):
                await asyncio.sleep(0.01)

    async def serve() -> None:
        held = {"adoption": descriptor, "session 1 text": descriptor}
        keeper.attach(asyncio.get_running_loop(), Renewal(start, lambda: held))
        supervisor.channel.close()
        async with asyncio.timeout(PATIENCE):
            while keeper.is_there:
                await asyncio.sleep(0)
        # Not before clients can connect: until then there is nothing to be held.
        await asyncio.sleep(0.05)
        assert others == []
        keeper.ready(["run"])
        await another(1)
        others[0].hear_all()
        assert others[0].wishes == [Hold("adoption"), Hold("session 1 text"), Ready(["run"])]
        # It dies as well; at first there is no room for another one.
        others[0].channel.close()
        await another(3)
        others[2].hear_all()
        assert others[2].wishes == others[0].wishes
        # What is released is released there.
        keeper.release("adoption")
        assert others[2].hear() == Release("adoption")
        # And when the master stops, nobody is started any more.
        keeper.stopping()
        others[2].channel.close()
        await asyncio.sleep(0.3)
        assert len(others) == 3

    asyncio.run(serve())


def test_one_that_dies_while_much_waits_for_it_is_replaced_as_well(
    ends: tuple[Keeper, Supervisor], descriptor: int
) -> None:
    keeper, supervisor = ends
    others: list[Supervisor] = []

    async def serve() -> None:
        loop = asyncio.get_running_loop()
        held = {"adoption": descriptor}
        keeper.attach(
            loop, Renewal(lambda channel: others.append(Supervisor(channel.dup())), lambda: held)
        )
        keeper.ready(["run"])
        choke(keeper, descriptor)
        supervisor.channel.close()
        async with asyncio.timeout(PATIENCE):
            while not (others and keeper.has_all):
                await asyncio.sleep(0.01)
        assert others[0].hear_all() == [Hold("adoption"), Ready(["run"])]
        keeper.stopping()
        others[0].channel.close()

    asyncio.run(serve())


def test_those_that_die_in_a_row_are_replaced_ever_later(ends: tuple[Keeper, Supervisor]) -> None:
    keeper, supervisor = ends
    begun: list[float] = []

    async def serve() -> None:
        # It closes its end at once, as one does that cannot begin.
        keeper.attach(
            asyncio.get_running_loop(),
            Renewal(lambda _channel: begun.append(time.monotonic()), dict),
        )
        keeper.ready(["run"])
        supervisor.channel.close()
        async with asyncio.timeout(PATIENCE):
            while len(begun) < 4:
                await asyncio.sleep(0.01)

    asyncio.run(serve())
    pauses = [after - before for before, after in pairwise(begun)]
    assert pauses[0] > 0.1 or pauses[1] > 0.1
    assert pauses[2] > 0.2


@pytest.mark.parametrize("attached", [False, True])
def test_a_death_is_noticed_when_something_is_said(
    ends: tuple[Keeper, Supervisor], descriptor: int, *, attached: bool
) -> None:
    keeper, supervisor = ends

    async def serve() -> None:
        if attached:
            keeper.attach(asyncio.get_running_loop(), NO_OTHER)
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
