"""Addresses as people write them, and why there is no connection."""

import socket
import threading
from collections.abc import Iterator

import pytest

from chatd_client import connecting
from chatd_client.connecting import CannotConnect, connect, greets, parse_address
from chatd_client.exits import Exit
from harness import eventually


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("localhost", ("localhost", 5015)),
        ("localhost:", ("localhost", 5015)),
        ("192.0.2.1:6000", ("192.0.2.1", 6000)),
        ("::1", ("::1", 5015)),
        ("2001:db8::5015:6000", ("2001:db8::5015:6000", 5015)),
        ("[::1]", ("::1", 5015)),
        ("[::1]:6000", ("::1", 6000)),
    ],
)
def test_an_address(written: str, meant: tuple[str, int]) -> None:
    assert parse_address(written) == meant


@pytest.mark.parametrize(
    "written",
    [
        "",
        ":5015",
        "[]:5015",
        "[::1",
        "[::1]5015",
        "host:0",
        "host:65536",
        "host:-1",
        "host:٣",
        "h:x",
    ],
)
def test_no_address(written: str) -> None:
    with pytest.raises(ValueError, match=r"no host|not a port|not \[ADDRESS\]"):
        parse_address(written)


@pytest.mark.parametrize("host", ["two..dots", "x" * 64 + ".invalid", "nosuch.invalid"])
def test_a_name_that_nobody_knows(host: str) -> None:
    with pytest.raises(CannotConnect, match="nobody knows the name") as caught:
        connect(host, 5015)
    assert caught.value.code == Exit.NO_HOST


def test_no_way_there() -> None:
    # The kernel refuses TCP to the broadcast address before a packet is made.
    with pytest.raises(CannotConnect, match=r"255\.255\.255\.255 port 5015: Network is") as caught:
        connect("255.255.255.255", 5015)
    assert caught.value.code == Exit.UNAVAILABLE


def test_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connecting, "CONNECT_TIMEOUT", 0.3)
    # A listener whose backlog is full does not answer. listen(2): a backlog of 0 holds one.
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
        pytest.raises(CannotConnect, match="has not answered within") as caught,
    ):
        connect(*full.getsockname())
    assert caught.value.code == Exit.UNAVAILABLE


@pytest.fixture
def line() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Yield the server's and the client's end of a connection."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    with server, client:
        yield server, client


def low_water(client: socket.socket) -> int:
    return client.getsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT)


@pytest.mark.parametrize(
    ("said", "is_chatd"),
    [
        (b"--- Welcome to chatd. You are guest1 in #lobby.\n", True),
        (b"--- closing: the server is full\n", True),
        (b"alice : bonjour\0\0", False),
        (b"-", False),
        (b"", False),
    ],
)
def test_who_greets(line: tuple[socket.socket, socket.socket], said: bytes, is_chatd: bool) -> None:
    server, client = line
    server.sendall(said)
    assert greets(client) is is_chatd
    assert low_water(client) == 1
    server.shutdown(socket.SHUT_WR)
    assert client.recv(1024) == said


def test_a_greeting_in_pieces(
    line: tuple[socket.socket, socket.socket], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connecting, "GREETING_TIMEOUT", 10.0)
    server, client = line
    found: list[bool] = []
    looking = threading.Thread(target=lambda: found.append(greets(client)))
    looking.start()
    server.sendall(b"--")
    eventually("it waits for the rest", lambda: low_water(client) == 3)
    server.sendall(b"- Welcome")
    looking.join(10)
    assert found == [True]
    # Else a single byte that comes later would be held up.
    assert low_water(client) == 1


@pytest.mark.parametrize(
    ("said", "why", "code"),
    [
        (b"SSH-2.0-OpenSSH_9.2\r\n", "this is not a chat server", Exit.PROTOCOL),
        (b"", "the server hung up at once", Exit.UNAVAILABLE),
    ],
)
def test_no_chat_server(
    line: tuple[socket.socket, socket.socket], said: bytes, why: str, code: Exit
) -> None:
    server, client = line
    server.sendall(said)
    server.shutdown(socket.SHUT_WR)
    with pytest.raises(CannotConnect, match=why) as caught:
        greets(client)
    assert caught.value.code == code
