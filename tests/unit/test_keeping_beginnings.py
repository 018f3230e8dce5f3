"""How a master comes to its keeper, and what it receives at its beginning."""

import logging
import os
import socket

import pytest

from chatd_supervisor.holding import (
    MAX_NAME,
    AllHeld,
    Held,
    Hold,
    decode_wish,
    encode,
)
from chatd_supervisor.keeping import Keeper, KeeperError
from chatd_supervisor.variables import KEEPER
from chatd_workers.channel import pair, send_with_descriptor
from other_end import Supervisor

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
    assert caplog.messages == ["no room for socket"]
    assert caplog.records[0].__dict__["fields"]["name"] == "session 1 text"


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
