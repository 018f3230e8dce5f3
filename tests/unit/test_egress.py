"""What goes out: gathered, rendered once, written in order, and nobody waits for the slow."""

import os
import select
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from chatd_supervisor.egress import Egress, Output, Run
from chatd_supervisor.records import RoomRecord, SessionRecord
from chatd_supervisor.rooms import Audience, Room, Session
from chatd_workers.dialects import DIALECTS
from chatd_workers.events import Said, Source

HELLO = Said(Source("alice"), "#lobby", "hello")
LINE = DIALECTS["text"].write(HELLO, 0)


class House:
    """Sessions with real sockets, and the people at the other ends."""

    def __init__(self, opened: ExitStack, people: int) -> None:
        self.poller = opened.enter_context(select.epoll())
        self.room = Room(RoomRecord(name="#lobby"))
        self.people: list[socket.socket] = []
        self.ours: list[socket.socket] = []
        self.outputs: dict[int, Output] = {}
        for number in range(1, people + 1):
            ours, theirs = socket.socketpair()
            opened.enter_context(ours)
            self.people.append(opened.enter_context(theirs))
            ours.setblocking(False)
            theirs.settimeout(5)
            self.ours.append(ours)
            self.outputs[number] = Output(number, self.poller)
            self.room.add(Session(number, "text", SessionRecord(nick=f"guest{number}")))
        self.sessions = self.room.audience().sessions
        self.egress = Egress(self.outputs.get)

    def attach(self) -> None:
        for output, ours in zip(self.outputs.values(), self.ours, strict=True):
            output.attach(ours, [])

    def alone(self, number: int) -> Audience:
        return self.sessions[number - 1].alone

    def heard(self) -> list[bytes]:
        return [person.recv(1 << 20) for person in self.people]


@pytest.fixture
def house() -> Iterator[House]:
    with ExitStack() as opened:
        house = House(opened, 3)
        house.attach()
        yield house


def test_a_socket_that_somebody_has_made_wait_makes_nobody_wait(house: House) -> None:
    # Of the open file, so for all who hold it: what a worker without a sandbox could do.
    for ours in house.ours:
        os.set_blocking(ours.fileno(), True)
    big = Said(Source("x"), "#lobby", "y" * 8000)
    begun = time.monotonic()
    for _ in range(100):
        house.egress.deliver(house.room.audience(), big)
        house.egress.flush()
    assert all(output.queued for output in house.outputs.values())
    for output in house.outputs.values():
        output.drain()
    assert time.monotonic() - begun < 5
    assert all(output.queued for output in house.outputs.values())


def test_who_is_left_out_of_some_hears_the_others_in_order(house: House) -> None:
    everybody = house.room.audience()
    for number in (1, 0, 2, 1):
        event = Said(Source(f"{number}"), "#lobby", "x")
        house.egress.deliver(everybody, event, house.sessions[number - 1] if number else None)
    runs = house.egress.seal()
    assert sorted((run.data, run.route.sessions) for run in runs) == [
        (b"0 : x\n2 : x\n", (1,)),
        (b"1 : x\n0 : x\n1 : x\n", (2,)),
        (b"1 : x\n0 : x\n2 : x\n1 : x\n", (3,)),
    ]
    house.egress.write(runs)
    assert house.egress.deliveries == 9


def test_what_is_sealed_is_rendered_once_for_an_audience(house: House) -> None:
    everybody = house.room.audience()
    house.egress.deliver(everybody, HELLO)
    house.egress.deliver(everybody, HELLO)
    house.egress.deliver(house.alone(2), HELLO)
    house.egress.deliver(everybody, HELLO)
    runs = house.egress.seal()
    assert [(run.data, run.route.sessions) for run in runs] == [
        (2 * LINE, (1, 2, 3)),
        (LINE, (2,)),
        (LINE, (1, 2, 3)),
    ]
    assert runs[0].route is runs[2].route
    assert house.egress.seal() == []
    assert house.egress.write(runs) == []
    assert house.heard() == [3 * LINE, 4 * LINE, 3 * LINE]
    assert house.egress.deliveries == 10


def test_a_route_is_kept_until_somebody_comes_or_goes(house: House) -> None:
    def route() -> object:
        house.egress.deliver(house.room.audience(), HELLO)
        return house.egress.seal()[0].route

    first = route()
    assert route() is first
    house.room.remove(house.sessions[0])
    assert route() is not first


def test_whoever_has_no_output_is_left_out(house: House) -> None:
    del house.outputs[2]
    house.egress.deliver(house.alone(2), HELLO)
    house.egress.deliver(house.room.audience(), HELLO)
    (run,) = house.egress.seal()
    assert run.route.sessions == (1, 3)


def test_what_is_forgotten_is_not_written_and_not_counted(house: House) -> None:
    house.egress.deliver(house.room.audience(), HELLO)
    house.egress.deliver(house.alone(1), HELLO)
    house.egress.forget()
    assert house.egress.seal() == []
    house.egress.deliver(house.room.audience(), HELLO)
    runs = house.egress.seal()
    house.egress.forget()
    assert house.egress.deliveries == 0
    # The same objects are used again.
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.seal() == runs
    house.egress.write(runs)
    assert house.heard() == [LINE] * 3
    assert house.egress.deliveries == 3


def fill(house: House, number: int) -> bytes:
    """Write to one until something is queued; return all that was written."""
    written = b""
    data = b"x" * 10_000 + b"\n"
    house.egress.deliver(house.alone(number), HELLO)
    (run,) = house.egress.seal()
    while not house.outputs[number].queue:
        grown = house.egress.write([Run(data, run.route)])
        written += data
    assert grown == [house.outputs[number]]
    assert house.outputs[number].queued == sum(map(len, house.outputs[number].queue))
    return written


def drained(house: House, number: int) -> bytes:
    """Let one take all that is queued, as the poller says it can; return what it has heard."""
    output, person = house.outputs[number], house.people[number - 1]
    heard = b""
    while output.queue or select.select([person], [], [], 0)[0]:
        for _ in house.poller.poll(0):
            output.drain()
        heard += person.recv(1 << 16)
    assert output.queued == 0
    return heard


def test_the_slow_are_queued_for_and_the_others_do_not_wait(house: House) -> None:
    written = fill(house, 2)
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == [house.outputs[2]]
    assert house.people[0].recv(100) == LINE
    assert house.people[2].recv(100) == LINE
    assert drained(house, 2) == written + LINE
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == []
    assert house.heard() == [LINE] * 3


def test_a_recovered_output_begins_with_what_another_master_left(house: House) -> None:
    parts: list[bytes | memoryview] = [b"half of a line\n", memoryview(b"y" * 1_000_000), b"\n"]
    house.outputs[1] = Output(1, house.poller)
    house.outputs[1].attach(house.ours[0], parts)
    assert house.outputs[1].queued == 1_000_016
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == [house.outputs[1]]
    assert house.people[1].recv(100) == LINE
    assert drained(house, 1) == b"".join(parts) + LINE


def test_a_recovered_output_with_nothing_left_is_as_any_other(house: House) -> None:
    house.outputs[1] = Output(1, house.poller)
    house.outputs[1].attach(house.ours[0], [])
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == []
    assert house.heard() == [LINE] * 3
    assert house.poller.poll(0) == []


def test_what_is_cut_ends_with_the_line_that_was_begun(house: House) -> None:
    written = fill(house, 1)
    house.egress.deliver(house.alone(1), HELLO)
    house.egress.write(house.egress.seal())
    house.outputs[1].cut()
    heard = drained(house, 1)
    assert heard == written[: len(heard)]
    assert heard.endswith(b"x\n")


def test_one_who_is_gone_is_not_written_to_again(house: House) -> None:
    house.people[0].close()
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == []
    assert house.outputs[1].broken
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == []
    assert [person.recv(100) for person in house.people[1:]] == [2 * LINE] * 2


def test_before_there_is_a_socket_everything_is_queued(house: House) -> None:
    house.outputs[1] = Output(1, house.poller)
    house.egress.deliver(house.room.audience(), HELLO)
    assert house.egress.write(house.egress.seal()) == [house.outputs[1]]
    house.egress.deliver(house.room.audience(), HELLO)
    house.egress.write(house.egress.seal())
    house.outputs[1].attach(house.ours[0], [b"first\n"])
    assert drained(house, 1) == b"first\n" + 2 * LINE
