"""The adoption socket: whatever is sent there ends its own offer, and nothing else."""

import array
import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chatd_supervisor import adoption, counts
from chatd_supervisor.adoption import AT_ONCE, OFFERS, Adoption, Offered, bind, objection
from chatd_supervisor.ledger import Place, Row
from chatd_supervisor.rates import Rates
from chatd_workers.reports import TOKEN, Offer, encode
from descriptor_kinds import KINDS, WITH_ANOTHER_END

PID = os.getpid()
RIGHT = Offer(7, b"t" * TOKEN, "text")


class Desk:
    """An adoption socket, and what has come of what was sent there."""

    def __init__(self, path: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self.faults: list[object] = []
        self.loop.set_exception_handler(lambda _, context: self.faults.append(context))
        self.offered: list[Offered] = []
        self.pests: list[int] = []
        self.names: list[tuple[str, int]] = []
        self.adoption = Adoption(
            self.loop,
            bind(path),
            self.offered.append,
            lambda pid, _: self.pests.append(pid),
            lambda name, descriptor: self.names.append((name, descriptor)),
        )
        self.path = str(path)
        near = socket.create_server(("127.0.0.1", 0))
        self.peer = socket.create_connection(near.getsockname())
        self.client = near.accept()[0]
        near.close()
        self.row = Row(RIGHT.token, PID, Place(1, 16), 0, cookie=counts.cookie(self.client))

    def send(self, record: bytes, descriptors: list[int]) -> socket.socket:
        channel = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        channel.connect(self.path)
        rights = array.array("i", descriptors)
        channel.sendmsg([record], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        return channel

    def turn(self) -> None:
        """Let everything be taken that has come."""
        for _ in range(3):
            self.loop.call_soon(self.loop.stop)
            self.loop.run_forever()

    def judge(self) -> list[str | None]:
        """Refuse what is to be refused, and return why; None for what is taken."""
        found = []
        for offered in self.offered:
            found.append(objection(offered, self.row))
            offered.refuse("")
        self.offered.clear()
        return found

    def close(self) -> None:
        self.adoption.close()
        self.loop.close()
        for each in (self.peer, self.client):
            each.close()


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path / "adoption")
    yield made
    made.close()


def test_what_it_is_called_is_told_and_of_another_in_its_place(desk: Desk) -> None:
    first = desk.adoption.fileno()
    assert desk.names == [(adoption.NAME, first)]
    os.unlink(desk.path)
    assert not desk.adoption.is_there()
    desk.adoption.make_again()
    assert desk.adoption.is_there()
    assert desk.names[1:] == [(adoption.NAME, desk.adoption.fileno())]
    with desk.send(encode(RIGHT), [desk.client.fileno()]):
        desk.turn()
        assert desk.judge() == [None]


def test_the_very_socket_is_taken(desk: Desk) -> None:
    with desk.send(encode(RIGHT), [desk.client.fileno()]):
        desk.turn()
        assert desk.judge() == [None]


@pytest.mark.parametrize(
    "row",
    [
        None,
        Row(b"u" * TOKEN, PID, Place(1, 16), 0),
        Row(RIGHT.token, PID + 1, Place(1, 16), 0),
        Row(RIGHT.token, PID, Place(1, 16), 0, cookie=1),
        Row(RIGHT.token, 0, Place(1, 16), 0),
    ],
)
def test_what_the_ledger_does_not_know_is_not_taken(desk: Desk, row: Row | None) -> None:
    with desk.send(encode(RIGHT), [desk.client.fileno()]):
        desk.turn()
        offered = desk.offered.pop()
        assert objection(offered, row)
        offered.refuse("")


_records = st.one_of(
    st.just(encode(RIGHT)),
    st.binary(max_size=adoption.MAX_OFFER + 40),
    st.builds(Offer, st.integers(0, 1 << 40), st.binary(max_size=TOKEN), st.text(max_size=32)).map(
        encode
    ),
    st.builds(Offer, st.just(7), st.just(RIGHT.token), st.text(max_size=8)).map(encode),
)


@given(st.lists(st.tuples(st.sampled_from(sorted(KINDS)), _records), min_size=1, max_size=6))
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_no_descriptor_and_no_record_harms_the_master(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, sent: list[tuple[str, bytes]]
) -> None:
    monkeypatch.setattr(adoption, "OFFERS", 0)  # no bound
    before = len(os.listdir("/proc/self/fd"))
    channels = []
    kept = 0
    for kind, record in sent:
        made = KINDS[kind](desk.client.fileno())
        kept += kind in WITH_ANOTHER_END
        channels.append(desk.send(record, made))
        for descriptor in made:
            if descriptor != desk.client.fileno():
                os.close(descriptor)
    desk.turn()
    assert None not in desk.judge(), "none of them is the client's socket, and alone"
    for channel in channels:
        channel.close()
    desk.turn()
    assert not desk.faults
    assert len(os.listdir("/proc/self/fd")) <= before + kept, "what was brought is closed"


class Stopped(Rates):
    """No bucket fills again, however long the test takes on a busy machine."""

    def admits(self, host: str, rate: int, now: float) -> bool:
        return super().admits(host, rate, min(now, 0.0))


def test_who_offers_without_end_is_not_heard_and_named(desk: Desk) -> None:
    desk.adoption._rates = Stopped()
    channels = [desk.send(encode(RIGHT), [desk.client.fileno()]) for _ in range(2 * AT_ONCE)]
    desk.turn()
    desk.turn()
    assert len(desk.judge()) == OFFERS
    pests = 2 * AT_ONCE - OFFERS
    assert desk.pests == [PID] * pests
    # Then nobody is accepted for a while; who waits is heard after it.
    channels.append(desk.send(encode(RIGHT), [desk.client.fileno()]))
    desk.turn()
    assert len(desk.pests) == pests
    while len(desk.pests) == pests:
        desk.loop.run_until_complete(asyncio.sleep(adoption.RESPITE))
    for channel in channels:
        channel.close()
