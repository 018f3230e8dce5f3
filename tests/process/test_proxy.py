"""Behind a proxy: whom it speaks for is whom we have, also when processes die."""

import os
import pwd
import signal
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

import pytest

from administered import done
from chatd_supervisor.account_editing import editing, new_account
from chatd_supervisor.hashing import derive
from harness import PATIENCE, Client, Server, eventually, serving
from secure import HOST, TlsSocket, make_certificate, tls_listener

LISTEN = '[[listen]]\naddress = "127.0.0.1:0"\nproxy_protocol = true\n'

ME = pwd.getpwuid(os.getuid()).pw_name

ONE = b"PROXY TCP4 192.0.2.7 198.51.100.1 4711 5015\r\n"
TWO = b"\r\n\r\n\0\r\nQUIT\n" + struct.pack(
    "!BBH4s4sHH3s",
    0x21,
    0x11,
    15,
    socket.inet_aton("192.0.2.7"),
    socket.inet_aton("198.51.100.1"),
    4711,
    5015,
    b"\x04\0\0",  # an addition that says nothing
)
SIX = b"PROXY TCP6 2001:DB8:0::7 2001:db8::1 4711 5015\r\n"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(tmp_path, LISTEN) as running:
        yield running


def connect(server: Server, header: bytes, nick: str = "") -> Client:
    client = Client(server.port)
    server.clients.append(client)
    client.send(header)
    return client.greet(nick)


def peers(server: Server) -> dict[str, str]:
    return {one["nick"]: one["peer"] for one in server.ask("ps")}


@pytest.mark.parametrize(
    ("header", "peer"),
    [(ONE, "192.0.2.7:4711"), (TWO, "192.0.2.7:4711"), (SIX, "[2001:db8::7]:4711")],
)
def test_the_client_is_who_the_proxy_says(server: Server, header: bytes, peer: str) -> None:
    alice = connect(server, header, "alice")
    alice.send("hello\n")
    assert alice.line() == "alice : hello"
    assert peers(server) == {"alice": peer}
    assert f"chatd: alice@{peer} text #lobby" in server.titles()
    for _ in range(2):
        os.kill(server.worker_of("alice"), signal.SIGKILL)
        alice.send("still here\n")
        assert alice.line() == "alice : still here"
    eventually("its title", lambda: f"chatd: alice@{peer} text #lobby" in server.titles())
    assert server.ask("status")["listen"][0]["way"] == ["proxy"]
    # The log has it when a proxy says it, and once.
    assert server.log().count(f"session proxied session=1 peer={peer}\n") == 1


@pytest.mark.parametrize(
    "header", [b"PROXY UNKNOWN\r\n", TWO[:12] + struct.pack("!BBH", 0x20, 0, 0)]
)
def test_a_proxy_that_speaks_for_itself_is_itself(server: Server, header: bytes) -> None:
    alice = connect(server, header, "alice")
    assert peers(server)["alice"] == f"proxy:127.0.0.1:{alice.socket.getsockname()[1]}"


@pytest.mark.parametrize("header", [ONE, TWO])
@pytest.mark.parametrize("cut", [1, 12, 20, -1])
def test_a_worker_is_killed_in_the_middle_of_a_header_and_right_after(
    server: Server, header: bytes, cut: int
) -> None:
    alice = connect(server, header[:cut])
    (pid,) = server.workers()
    os.kill(pid, signal.SIGKILL)
    eventually("another one", lambda: pid not in server.workers())
    alice.send(header[cut:])
    eventually("it is known", lambda: peers(server) == {"guest1": "192.0.2.7:4711"})
    (pid,) = server.workers()
    os.kill(pid, signal.SIGKILL)
    eventually("another one", lambda: pid not in server.workers())
    alice.send("/nick alice\nhello\n")
    assert alice.until("hello")[-1] == "alice : hello"


def test_a_master_is_killed_with_half_a_header_and_right_after_it(tmp_path: Path) -> None:
    server = Server(tmp_path, LISTEN)
    alice, bob = connect(server, ONE[:10]), connect(server, ONE, "bob")
    eventually("bob is known", lambda: peers(server)["bob"] == "192.0.2.7:4711")
    server.kill_master()
    alice.send(ONE[10:])
    server.again()
    eventually("the next master is ready", server.is_ready)
    eventually("all are known", lambda: set(peers(server).values()) == {"192.0.2.7:4711"})
    alice.send("/nick alice\n")
    bob.send("hello\n")
    assert alice.until("hello")[-1] == "bob : hello"
    assert server.stop() == 0


@pytest.mark.parametrize(
    ("begin", "said"),
    [
        (b"hello\n", "there is no PROXY header"),
        (b"PROXY TCP4 nowhere 1.2.3.4 1 2\r\n", "the PROXY header has an address that is none"),
        (b"\x16\x03\x01", "there is no PROXY header"),
    ],
)
def test_what_is_no_header_is_told_and_said_to_nobody(
    server: Server, begin: bytes, said: str
) -> None:
    bob = connect(server, ONE, "bob")
    other = Client(server.port)
    other.send(begin)
    assert other.rest().endswith(f"--- closing: {said}\n")
    other.close()
    heard = bob.until(f"left #lobby ({said})")
    assert all(line.startswith("--- ") for line in heard)


LOCAL = TWO[:12] + struct.pack("!BBH", 0x20, 0, 0)


class BehindUnix(Client):
    """Somebody for whom a proxy connects to a Unix socket, and begins with ``header``."""

    def __init__(self, path: Path, header: bytes) -> None:
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(str(path))
        self.received = bytearray()
        self.send(header)


def unix_listener(path: Path, more: str = "") -> str:
    return (
        '[[listen]]\naddress = "127.0.0.1:0"\n'
        f'[[listen]]\naddress = "unix:{path}"\nproxy_protocol = true\n{more}'
    )


@pytest.mark.parametrize("dialect", ["text", "irc"])
@pytest.mark.parametrize("header", [b"", ONE, b"PROXY UNKNOWN\r\n", LOCAL])
def test_nobody_is_the_user_that_the_proxy_runs_as(
    tmp_path: Path, dialect: str, header: bytes
) -> None:
    path = tmp_path / "sock"
    with serving(tmp_path, unix_listener(path, f'dialect = "{dialect}"\n')) as server:
        with editing(server.state_dir / "journal.db") as editor:
            editor.change(new_account(ME, derive("sesame")))
        client = BehindUnix(path, header)
        server.clients.append(client)
        if not header:
            assert dialect == "irc" or client.line().startswith("--- Welcome")
        elif dialect == "text":
            client.greet("alice")
            client.send(f"/nick {ME}\n")
            client.until("belongs to an account")
        else:
            client.send("CAP LS 302\nNICK alice\nUSER a 0 * :A\nCAP END\n")
            heard = client.until(" 422 ")
            assert " sasl=PLAIN,SCRAM-SHA-256 " in heard[0]
            assert not any(" 900 " in line for line in heard)
            client.send("AUTHENTICATE EXTERNAL\nAUTHENTICATE +\n")
            client.until(" 904 ")
        [shown] = eventually("it is there", lambda: server.ask("ps"))
        assert not shown["account"]
        pid = os.getpid()
        assert shown["peer"] == ("192.0.2.7:4711" if header == ONE else f"proxy:{ME}:{pid}")


def test_limits_and_bans_behind_a_unix_socket_and_in_the_next_master(tmp_path: Path) -> None:
    path = tmp_path / "sock"
    config = unix_listener(path) + "[limits]\nmax_clients_per_ip = 2\n"
    with serving(tmp_path, config, supervised=True) as server:
        people = [BehindUnix(path, header) for header in (ONE, ONE, LOCAL, LOCAL)]
        for client, nick in zip(people, ("al", "bob", "carol", "dave"), strict=True):
            client.greet(nick)
        for again in range(3):
            for header, of in ((ONE, "192.0.2.7"), (LOCAL, f"proxy:{ME}")):
                third = BehindUnix(path, header)
                assert third.rest().endswith(f": the limit is 2 connections from {of}\n")
                third.close()
            if again == 0:
                server.kill_master()
                eventually("the next master", server.is_ready)
            elif again == 1:
                os.kill(server.master, signal.SIGUSR2)
                eventually("it has gone on", lambda: "chatd: upgraded " in server.log())
        done(server, "ban", f"unix:{ME}")
        people[2].send("I am not the proxy\n")
        people[3].until("I am not the proxy")
        done(server, "ban", "192.0.2.0/24")
        assert people[0].rest().endswith("--- closing: you are banned from this server\n")
        for client in people:
            client.close()


def test_only_those_may_connect_that_are_proxies(tmp_path: Path) -> None:
    listen = LISTEN + 'proxy_from = ["127.0.0.9", "127.1.0.0/16"]\n'
    with serving(tmp_path, listen) as server:
        refused = Client(server.port)
        assert refused.rest() == "--- closing: only proxies of this server may connect here\n"
        refused.close()
        for source in ("127.0.0.9", "127.1.2.3"):
            with socket.create_connection(
                ("127.0.0.1", server.port), PATIENCE, (source, 0)
            ) as proxy:
                proxy.sendall(ONE + b"/quit\n")
                assert proxy.recv(100).startswith(b"--- Welcome")


def test_limits_are_those_of_the_client_and_not_of_the_proxy(tmp_path: Path) -> None:
    with serving(tmp_path, LISTEN + "[limits]\nmax_clients_per_ip = 2\n") as server:
        waiting = [connect(server, b"") for _ in range(3)]
        connect(server, ONE, "alice")
        bob = connect(server, ONE, "bob")
        third = Client(server.port)
        third.send(ONE)
        assert third.rest().endswith("--- closing: the limit is 2 connections from 192.0.2.7\n")
        third.close()
        carol = connect(server, SIX, "carol")
        connect(server, SIX.replace(b"0::7", b"0::8"), "erin")
        third = Client(server.port)
        third.send(SIX.replace(b"0::7", b"0::9"))
        # Whoever has one address of IPv6 has the network around it.
        said = third.rest()
        assert said.endswith("--- closing: the limit is 2 connections from 2001:db8::/64\n")
        third.close()
        carol.close()
        bob.close()
        eventually("bob is gone", lambda: "bob" not in peers(server))
        connect(server, ONE, "dave")
        assert len(waiting) == 3


def test_a_proxy_that_passes_tls_on(tmp_path: Path) -> None:
    pem = make_certificate(tmp_path, "server")
    with serving(tmp_path, tls_listener(pem, "proxy_protocol = true")) as server:
        for header in (ONE, TWO):
            client = Client(server.port, HOST)
            for byte in header:
                client.send(bytes([byte]))
            client.socket = TlsSocket(client.socket)  # type: ignore[assignment]
            client.greet("alice")
            client.send("hello\n")
            assert client.line() == "alice : hello"
            assert peers(server) == {"alice": "192.0.2.7:4711"}
            client.send("/quit\n")
            assert client.rest() == "--- closing: goodbye\n"
            client.close()
            eventually("she is gone", lambda: not peers(server))
        other = Client(server.port, HOST)
        other.send("hello\n")
        assert other.rest() == ""
        other.close()
        eventually("it is gone", lambda: 'reason="there is no PROXY header' in server.log())
