"""What IRC shows of TLS: who is safe, who proves to be somebody by a certificate."""

import contextlib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from harness import PATIENCE, Server, chatd, serving
from irc_harness import IRC_CONFIG, IrcClient, enter
from secure import HOST, Pem, make_certificate, tls_listener


class Secure(NamedTuple):
    """A server with a plain listener and one that speaks TLS."""

    server: Server
    port: int

    def client(self, pem: Pem | None = None) -> IrcClient:
        """Return a connection over TLS that shows the certificate ``pem``."""
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if pem is not None:
            context.load_cert_chain(pem.cert, pem.key)
        return IrcClient(self.port, host=HOST, tls=context)


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[Secure]:
    pem = make_certificate(tmp_path, "chatd")
    with serving(tmp_path, IRC_CONFIG + tls_listener(pem, 'dialect = "irc"')) as server:
        yield Secure(server, server.ports[-1])


def test_whois_tells_who_is_safe(secure: Secure) -> None:
    """671 (Modern, RPL_WHOISSECURE)."""
    with (
        secure.client().register("alice") as alice,
        enter(secure.server.port, "bob") as bob,
    ):
        bob.send("WHOIS alice")
        assert "671" in [message.verb for message in bob.until("318")]
        alice.send("WHOIS bob")
        assert "671" not in [message.verb for message in alice.until("318")]


def test_a_certificate_is_shown_to_oneself_and_proves_an_account(
    secure: Secure, tmp_path: Path
) -> None:
    """276 (RPL_WHOISCERTFP), and SASL EXTERNAL (RFC 4422 A)."""
    pem = make_certificate(tmp_path, "alice")
    with secure.client(pem).register("alice") as alice:
        alice.send("WHOIS alice")
        shown = [message for message in alice.until("318") if message.verb == "276"]
        assert [pem.fingerprint in message.params[-1] for message in shown] == [True]
        alice.send("REGISTER * * sesame-1")
        alice.until("REGISTER", "SUCCESS", patience=PATIENCE)
        alice.sync()
        chatd(secure.server, "account", "certificate", "add", "alice", pem.fingerprint)
    with secure.client(pem) as again:
        again.send("CAP LS 302")
        offered = " ".join(message.params[-1] for message in again.until("CAP", "*", "LS"))
        assert "EXTERNAL" in offered
        again.negotiate(["sasl"])
        again.send("AUTHENTICATE EXTERNAL")
        again.expect("AUTHENTICATE", "+")
        again.send("AUTHENTICATE +")
        again.expect("900", None, None, "alice")
        again.expect("903")


def test_plain_words_on_the_port_of_tls_are_no_harm(secure: Secure) -> None:
    with socket.create_connection((HOST, secure.port), PATIENCE) as plain:
        plain.sendall(b"NICK alice\r\nUSER alice 0 * :Alice\r\n")
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while data := plain.recv(1 << 16):
                heard += data
        # In plain words or as an alert (RFC 8446 6); in any case it ends.
        assert not heard or b"ERROR" in heard or heard[:1] == b"\x15"
    with secure.client().register("bob") as bob:
        assert bob.is_silent()


def test_who_comes_without_tls_is_told_where_to_come_with_it(tmp_path: Path) -> None:
    """The capability sts (IRCv3 sts): the port, and over TLS for how long."""
    pem = make_certificate(tmp_path, "chatd")
    with socket.create_server((HOST, 0)) as free:
        port = free.getsockname()[1]
    listener = tls_listener(pem, 'dialect = "irc"\nsts_duration = 3600', f"{HOST}:{port}")
    with serving(tmp_path, IRC_CONFIG + listener) as server:
        secure = Secure(server, port)
        for client, value in (
            (IrcClient(server.port), f"sts=port={port}"),
            (secure.client(), "sts=duration=3600"),
        ):
            with client:
                client.send("CAP LS 302")
                shown = client.until("CAP")[-1]
                while shown.params[2] == "*":
                    shown = client.until("CAP")[-1]
                assert value in shown.params[-1].split()
                client.send("CAP REQ sts")
                client.expect("CAP", None, "NAK", "sts")
