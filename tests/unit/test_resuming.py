"""A worker whose master has died, asked by the next one to go on: what it says again."""

import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from chatd_supervisor import processes
from chatd_workers.commands import Command, Fresh, Say, Secured
from chatd_workers.reports import (
    ACK,
    Announce,
    Drain,
    Drained,
    Ended,
    Ready,
    Record,
    Report,
    Resume,
    Resumed,
    Serve,
    decode_record,
    encode,
)
from chatd_workers.worker import Worker
from harness import PATIENCE

ORDERS = Serve(
    session=1,
    peer="127.0.0.1:1",
    dialect="text",
    nick="alice",
    room="#lobby",
    line_length=1000,
    discarding=False,
    carry=b"",
    careful=False,
    token=b"t" * 8,
    adoption="",
)


class Master:
    """The master's end of the channel, and the client's of the stream."""

    def __init__(self, birth: Callable[[socket.socket, Serve], tuple[int, socket.socket]]) -> None:
        self._birth = birth
        self.pid = 0
        with socket.create_server(("127.0.0.1", 0)) as listener:
            self.client = socket.create_connection(listener.getsockname())
            self.accepted = listener.accept()[0]

    def employ(self, **changes: Any) -> None:
        orders = msgspec.structs.replace(ORDERS, **changes)
        self.pid, self.channel = self._birth(self.accepted, orders)
        self.channel.settimeout(PATIENCE)
        assert self.hear() == Ready()

    def hear(self) -> Record:
        record: Record = decode_record(self.channel.recv(1 << 18))
        return record

    def hears_nothing(self) -> bool:
        self.channel.settimeout(0.1)
        try:
            said = self.channel.recv(1 << 18)
        except TimeoutError:
            return True
        finally:
            self.channel.settimeout(PATIENCE)
        raise AssertionError(decode_record(said))

    def take(self, count: int) -> None:
        """Take so many bytes from the socket: they are committed."""
        assert len(self.accepted.recv(count, socket.MSG_WAITALL)) == count

    def acknowledge(self) -> None:
        self.channel.send(ACK)

    def resume(self, offset: int, carried: int = 0) -> None:
        self.channel.send(encode(Resume(offset, carried)))
        assert self.hear() == Resumed()

    def says(self, text: str, used: int) -> None:
        """See that the client's next line is reported, as if nothing had been."""
        self.client.sendall(f"{text}\n".encode())
        assert self.hear() == Report(used, False, b"", [Say(text)])
        self.take(used)
        self.acknowledge()

    def close(self) -> None:
        self.client.close()
        self.accepted.close()
        self.channel.close()
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)


def born(client: socket.socket, orders: Serve) -> tuple[int, socket.socket]:
    ours, theirs = processes.conceive(client, orders)
    return processes.give_birth(ours, theirs), ours


@pytest.fixture
def master() -> Iterator[Master]:
    one = Master(born)
    yield one
    one.close()


def report(used: int, *said: Command, carry: bytes = b"") -> Report:
    return Report(used, False, carry, list(said))


def test_one_that_waits_for_its_client_says_nothing_again(master: Master) -> None:
    master.employ()
    for _ in range(3):
        master.resume(0)
    assert master.hears_nothing()
    master.says("hello", 6)
    master.resume(6)
    assert master.hears_nothing()
    master.says("again", 6)


def test_what_is_not_committed_is_said_again_to_as_many_as_come(master: Master) -> None:
    master.employ()
    master.client.sendall(b"one\ntwo\nthree\n")
    said = master.hear()
    assert said == report(14, Say("one"), Say("two"), Say("three"))
    for _ in range(3):
        master.resume(0)
        assert master.hear() == said
    master.take(14)
    master.acknowledge()
    master.says("four", 5)


def test_what_is_committed_is_not_said_again(master: Master) -> None:
    master.employ()
    master.client.sendall(b"one\n")
    assert master.hear() == report(4, Say("one"))
    # Its acknowledgement is lost with the master.
    master.take(4)
    master.resume(4)
    assert master.hears_nothing()
    master.says("two", 4)


def test_an_acknowledgement_that_was_under_way_counts_once(master: Master) -> None:
    master.employ()
    master.client.sendall(b"one\n")
    assert master.hear() == report(4, Say("one"))
    master.take(4)
    master.acknowledge()
    master.resume(4)
    assert master.hears_nothing()
    # The next is not taken for acknowledged.
    master.client.sendall(b"two\n")
    said = master.hear()
    assert said == report(4, Say("two"))
    master.client.sendall(b"three\n")
    assert master.hears_nothing()
    master.resume(4)
    assert master.hear() == said
    master.take(4)
    master.acknowledge()
    assert master.hear() == report(6, Say("three"))


def test_what_was_announced_is_announced_again(master: Master) -> None:
    master.employ(careful=True)
    master.client.sendall(b"one\ntwo\n")
    said = [master.hear(), master.hear()]
    assert said == [Announce(4), report(4, Say("one"))]
    for _ in range(2):
        master.resume(0)
        assert [master.hear(), master.hear()] == said
    master.take(4)
    master.resume(4)
    # It is as careful as it was told to be.
    assert [master.hear(), master.hear()] == [Announce(4), report(4, Say("two"))]


def test_the_beginning_of_a_line_that_was_taken_is_known_by_its_length(master: Master) -> None:
    master.employ(carry=b"begun ", offset=6)
    master.resume(6, 6)
    master.client.sendall(b"and ended\n")
    said = master.hear()
    assert said == report(10, Say("begun and ended"))
    master.resume(6, 6)
    assert master.hear() == said
    master.take(10)
    master.resume(16)
    assert master.hears_nothing()
    master.says("next", 5)


@pytest.mark.parametrize("committed", [False, True])
def test_a_last_line_without_an_end_of_which_no_byte_is_left(
    master: Master, committed: bool
) -> None:
    master.employ(carry=b"my last word", offset=12)
    master.client.shutdown(socket.SHUT_WR)
    said = master.hear()
    assert said == report(0, Say("my last word"))
    if committed:
        # No byte was taken for it: what was carried is what tells.
        master.resume(12, 0)
    else:
        master.resume(12, 12)
        assert master.hear() == said
        master.acknowledge()
    assert isinstance(master.hear(), Ended)


def test_the_end_of_the_stream_is_said_again_to_as_many_as_come(master: Master) -> None:
    master.employ()
    master.says("bye", 4)
    master.client.shutdown(socket.SHUT_WR)
    said = master.hear()
    assert isinstance(said, Ended)
    for _ in range(3):
        master.resume(4)
        assert master.hear() == said
    assert master.hears_nothing()


def test_a_last_report_and_then_the_end(master: Master) -> None:
    master.employ()
    master.client.sendall(b"bye\n")
    master.client.shutdown(socket.SHUT_WR)
    assert master.hear() == report(4, Say("bye"))
    master.take(4)
    master.resume(4)
    assert isinstance(master.hear(), Ended)


def test_one_that_rests_hears_it(master: Master) -> None:
    master.employ(message_rate=1)
    master.client.sendall(b"x\n" * 200)
    first = master.hear()
    assert isinstance(first, Report)
    master.take(first.used)
    master.acknowledge()
    # Now it waits until a line may be read.
    master.resume(first.used)


def test_one_that_is_drained_is_so_for_the_next(master: Master) -> None:
    master.employ()
    master.client.sendall(b"one\n")
    said = master.hear()
    master.channel.send(encode(Drain()))
    master.resume(0)
    assert master.hear() == said
    master.take(4)
    master.acknowledge()
    assert master.hear() == Drained()


class Handshake:
    """A relay that has something to tell, once."""

    reason = ""
    truncated = False

    def __init__(self, told: Fresh) -> None:
        self._fresh: Fresh | None = told

    def fresh(self) -> Fresh | None:
        return self._fresh

    def told(self) -> None:
        self._fresh = None


@pytest.mark.parametrize("committed", [False, True])
def test_what_it_only_tells_is_told_again_and_harms_nobody(committed: bool) -> None:
    """... for no byte says whether that was committed: the master must bear to hear it twice."""
    told = Secured("TLSv1.3", "TLS_AES_128_GCM_SHA256", "")

    def relay(client: socket.socket, orders: Serve) -> tuple[int, socket.socket]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        pid = os.fork()
        if not pid:
            ours.close()
            try:
                Worker(theirs, client, orders, Handshake(told)).run(newborn=True)  # type: ignore[arg-type]
            finally:
                os._exit(1)
        theirs.close()
        return pid, ours

    master = Master(relay)
    try:
        master.employ()
        master.client.sendall(b"hello\n")
        said = master.hear()
        assert said == Report(0, False, b"", [], [told])
        master.resume(0)
        assert master.hear() == said
        if committed:
            master.resume(0)
            assert master.hear() == said
        master.acknowledge()
        assert master.hear() == report(6, Say("hello"))
        master.resume(0)
        assert master.hear() == report(6, Say("hello"))
        master.take(6)
        master.resume(6)
        master.says("again", 6)
    finally:
        master.close()


def test_a_master_that_knows_another_stream_is_not_served(master: Master) -> None:
    """... rather than have it take what nobody has said: its successor reads from the socket."""
    master.employ()
    master.says("hello", 6)
    master.channel.send(encode(Resume(3, 0)))
    assert master.hear() == Resumed()
    while master.channel.recv(1 << 18):
        pass
    pid, master.pid = master.pid, 0
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == os.EX_SOFTWARE
