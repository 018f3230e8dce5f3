"""The pair that a relay's bytes go over."""

import socket

import pytest

from chatd_supervisor import relaying
from chatd_supervisor.counts import consumed, written
from chatd_supervisor.relaying import make_pair, user_name
from harness import PATIENCE


def test_the_accepted_end_is_counted_rightly() -> None:
    client, inner = make_pair()
    with client, inner:
        client.settimeout(PATIENCE)
        inner.sendall(b"x" * 1000)
        while len(client.recv(1000, socket.MSG_PEEK)) < 1000:
            pass
        assert (consumed(client), written(client)) == (0, 0)
        client.recv(300)
        client.send(b"y" * 20)
        assert (consumed(client), written(client)) == (300, 20)


def test_an_intruder_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    intruders: list[socket.socket] = []

    class Watched(socket.socket):
        def listen(self, backlog: int = 0) -> None:
            super().listen(backlog)
            # Before anybody else can.
            intruders.append(socket.create_connection(self.getsockname(), PATIENCE))

    monkeypatch.setattr(socket, "socket", Watched)
    client, inner = make_pair()
    monkeypatch.undo()
    with client, inner, intruders[0] as intruder:
        assert client.getpeername() == inner.getsockname()
        assert intruder.recv(10) == b""


def test_a_crowd_of_intruders_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relaying, "INTRUDERS", 2)
    held: list[socket.socket] = []

    class Watched(socket.socket):
        def listen(self, backlog: int = 0) -> None:
            super().listen(backlog)
            where = self.getsockname()
            held.extend(socket.create_connection(where, PATIENCE) for _ in range(3))

    monkeypatch.setattr(socket, "socket", Watched)
    monkeypatch.setattr(relaying, "PATIENCE", 0.3)
    with pytest.raises(OSError, match=r"timed out|too many others"):
        make_pair()
    for sock in held:
        sock.close()


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(0) == "root"
    assert user_name(2**31 - 7) == str(2**31 - 7)
