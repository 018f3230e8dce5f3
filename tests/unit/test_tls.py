"""TLS on bytes alone, with Python's own client at the other end."""

import os
import ssl
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from chatd_workers.streams import BrokenStream
from chatd_workers.tls import Tls, server_context
from chatd_workers.truncation import detect_truncation, is_truncation
from secure import FORGED, Pem, make_certificate

CERTIFICATE_REQUEST = 13
"""RFC 8446, section 4."""

COMPRESS_CERTIFICATE = 27
"""RFC 8879, section 3."""


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    return make_certificate(tmp_path_factory.mktemp("pem"), "both")


class Pair:
    """The server's side under test, and a client's."""

    def __init__(self, pem: Pem, version: ssl.TLSVersion) -> None:
        together = pem.cert.with_name("together")
        together.write_bytes(pem.cert.read_bytes() + pem.key.read_bytes())
        self.tls = Tls(server_context(os.open(together, os.O_RDONLY)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = version
        context.load_cert_chain(pem.cert, pem.key)
        context._msg_callback = self._see  # type: ignore[attr-defined]  # not documented
        self.messages: dict[int, bytes] = {}
        """What the client was sent, by the type of the message."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = context.wrap_bio(self._incoming, self._outgoing)
        while not self.tls.ready:
            with suppress(ssl.SSLWantReadError):
                self.client.do_handshake()
            self.exchange()

    def _see(
        self, _connection: Any, direction: str, _version: Any, _content: Any, kind: Any, data: bytes
    ) -> None:
        if direction == "read" and isinstance(kind, int):
            self.messages[kind] = data

    def exchange(self) -> bytes:
        """Pass on what each side has to send; return what the client says."""
        data = self._outgoing.read()
        said = self.tls.receive(data) if data else b""
        self._incoming.write(self.tls.take())
        return said


@pytest.fixture(params=["TLSv1_2", "TLSv1_3"])
def pair(pem: Pem, request: pytest.FixtureRequest) -> Pair:
    return Pair(pem, ssl.TLSVersion[request.param])


def test_a_client_is_known_by_its_certificate(pair: Pair, pem: Pem) -> None:
    assert pair.tls.secured is not None
    assert pair.tls.secured.fingerprint == pem.fingerprint


def test_no_client_is_asked_to_compress_its_certificate(pem: Pem) -> None:
    # RFC 8446, section 4.3.2: type, length, a context, and extensions.
    request = Pair(pem, ssl.TLSVersion.TLSv1_3).messages[CERTIFICATE_REQUEST]
    rest = request[4 + 1 + request[4] + 2 :]
    found = []
    while rest:
        found.append(int.from_bytes(rest[:2], "big"))
        rest = rest[4 + int.from_bytes(rest[2:4], "big") :]
    assert found
    assert COMPRESS_CERTIFICATE not in found


def test_an_end_that_was_said_truncates_nothing(pair: Pair) -> None:
    pair.client.write(b"whole")
    with pytest.raises(ssl.SSLWantReadError):
        pair.client.unwrap()
    assert pair.exchange() == b"whole"
    assert (pair.tls.ended, pair.tls.truncated) == (True, False)


def test_an_end_of_the_connection_alone_may_have_truncated_it(pair: Pair) -> None:
    pair.client.write(b"pay him 10")
    assert pair.exchange() == b"pay him 10"
    assert pair.tls.receive(b"") == b""
    assert (pair.tls.ended, pair.tls.truncated) == (True, True)


def test_so_may_a_record_that_was_forged(pair: Pair) -> None:
    pair.client.write(b"pay him 10")
    assert pair.exchange() == b"pay him 10"
    with pytest.raises(BrokenStream):
        pair.tls.receive(FORGED)
    assert pair.tls.truncated


def test_an_end_within_the_handshake_is_called_so(pem: Pem, tmp_path: Path) -> None:
    together = tmp_path / "pem"
    together.write_bytes(pem.cert.read_bytes() + pem.key.read_bytes())
    tls = Tls(server_context(os.open(together, os.O_RDONLY)))
    with pytest.raises(BrokenStream, match=r"^connection closed during the TLS handshake$"):
        tls.receive(b"")


def test_an_unexpected_end_is_one_by_either_name() -> None:
    # Which of them a Python has: Python 3.11.2 with OpenSSL 3 the second.
    named = ssl.SSLError(1, "unexpected eof while reading")
    named.reason = "UNEXPECTED_EOF_WHILE_READING"
    other = ssl.SSLError(1, "bad record mac")
    other.reason = "BAD_RECORD_MAC"
    assert is_truncation(ssl.SSLEOFError(8, "EOF occurred in violation of protocol"))
    assert is_truncation(named)
    assert not is_truncation(other)


def test_openssl_is_told_to_tell() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    ignoring = getattr(ssl, "OP_IGNORE_UNEXPECTED_EOF", ssl.Options(0))
    context.options |= ignoring
    detect_truncation(context)
    assert not context.options & ignoring
