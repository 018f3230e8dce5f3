"""Certificates, made with openssl(1), and clients that speak TLS."""

import hashlib
import os
import socket
import ssl
import struct
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from chatd_workers.truncation import detect_truncation, is_truncation
from harness import PATIENCE, Client

HOST = "127.0.0.2"
"""Where TLS is spoken in tests, so that any free port can be asked for there, too."""

FORGED = bytes((23, 3, 3, 0, 32)) + bytes(32)
"""A record of application data (RFC 8446, section 5.2) that was not made with the keys."""


class Pem(NamedTuple):
    """A certificate that vouches for itself, and its key."""

    cert: Path
    key: Path

    @property
    def fingerprint(self) -> str:
        der = ssl.PEM_cert_to_DER_cert(self.cert.read_text())
        return hashlib.sha256(der).hexdigest()


KINDS = {
    "ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"],
    "rsa": ["-newkey", "rsa:2048"],
}


def make_certificate(directory: Path, name: str, kind: str = "ec", more: Sequence[str] = ()) -> Pem:
    """Make a certificate for ``name``, with a key of the ``kind``; ``more`` is for openssl(1)."""
    pem = Pem(directory / f"{name}.crt", directory / f"{name}.key")
    subprocess.run(
        [
            *("openssl", "req", "-x509", *KINDS[kind], "-nodes", "-days", "100"),
            *("-subj", f"/CN={name}", "-keyout", str(pem.key), "-out", str(pem.cert), *more),
        ],
        check=True,
        capture_output=True,
        timeout=PATIENCE,
    )
    return pem


_CA: Final = """
[ca]
default_ca = own
[own]
database = index.txt
new_certs_dir = .
rand_serial = yes
policy = any
[any]
commonName = supplied
"""


def make_expired_certificate(directory: Path, name: str) -> Pem:
    """Make a certificate for ``name`` that was valid on the first day of 2020."""
    pem = make_certificate(directory, name)
    request = directory / f"{name}.csr"
    (directory / "ca.cnf").write_text(_CA)
    (directory / "index.txt").touch()
    for command in (
        ("req", "-new", "-key", pem.key, "-subj", f"/CN={name}", "-out", request),
        (
            *("ca", "-config", "ca.cnf", "-batch", "-selfsign", "-notext", "-md", "sha256"),
            *("-keyfile", pem.key, "-in", request, "-out", pem.cert),
            *("-startdate", "20200101000000Z", "-enddate", "20200102000000Z"),
        ),
    ):
        subprocess.run(
            ["openssl", *map(str, command)],
            cwd=directory,
            check=True,
            capture_output=True,
            timeout=PATIENCE,
        )
    return pem


def tls_listener(pem: Pem, more: str = "", address: str = f"{HOST}:0") -> str:
    """Return the configuration of a listener that speaks TLS with ``pem``."""
    return (
        f'[[listen]]\naddress = "{address}"\ntls = true\ncert = "{pem.cert}"\n'
        f'key = "{pem.key}"\n{more}\n'
    )


class TlsSocket:
    """As much of a socket as ``Client`` needs, with TLS, which can be ended one way."""

    def __init__(self, sock: socket.socket, pem: Pem | None = None, *, version: str = "") -> None:
        """Shake hands. ``pem`` is what is shown of oneself; ``version``: 1.2 and no other."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        detect_truncation(context)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        if version == "1.2":
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if pem is not None:
            context.load_cert_chain(pem.cert, pem.key)
        self._socket = sock
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._ssl = context.wrap_bio(self._incoming, self._outgoing)
        self.ended = False
        """The server has said that nothing more comes (close_notify)."""
        self._until_done()

    def _until_done(self) -> None:
        while True:
            try:
                self._ssl.do_handshake()
            except ssl.SSLWantReadError:
                self._flush()
                self._fill()
            else:
                self._flush()
                return

    def _flush(self) -> None:
        if data := self._outgoing.read():
            self._socket.sendall(data)

    def _fill(self) -> None:
        if data := self._socket.recv(1 << 16):
            self._incoming.write(data)
        else:
            self._incoming.write_eof()

    @property
    def fingerprint(self) -> str:
        """That of the server's certificate."""
        return hashlib.sha256(self._ssl.getpeercert(binary_form=True) or b"").hexdigest()

    @property
    def version(self) -> str | None:
        return self._ssl.version()

    def sendall(self, data: bytes) -> None:
        self._ssl.write(data)
        self._flush()

    def recv(self, size: int) -> bytes:
        while True:
            try:
                data = self._ssl.read(size)
            except ssl.SSLWantReadError:
                self._fill()
            except ssl.SSLZeroReturnError:
                self.ended = True
                return b""
            except ssl.SSLError as error:
                if is_truncation(error):
                    return b""
                raise
            else:
                self.ended = not data
                return data

    def shutdown(self, _how: int) -> None:
        """Say that nothing more comes; what the server says still does."""
        with suppress(ssl.SSLWantReadError):
            self._ssl.unwrap()
        self._flush()

    def cut(self, how: str) -> None:
        """End the connection as anybody on its way can who has no keys: without close_notify."""
        if how == "forged":
            self._socket.sendall(FORGED)
            return
        if how == "reset":
            # socket(7), SO_LINGER.
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.close()

    def goes_on_after_the_end(self, data: bytes) -> None:
        """Say that nothing more comes, and then ``data`` nevertheless.

        OpenSSL does not do such a thing, so a fork of this process does: there one record stands in
        the place of close_notify, and the next has the number that comes after that.
        """
        end, made = os.pipe()
        if not (child := os.fork()):
            self._ssl.write(b"x")
            self._outgoing.read()
            self._ssl.write(data)
            os.write(made, self._outgoing.read())
            os._exit(0)
        os.waitpid(child, 0)
        os.close(made)
        with suppress(ssl.SSLWantReadError):
            self._ssl.unwrap()
        with open(end, "rb") as later:
            self._socket.sendall(self._outgoing.read() + later.read())

    def settimeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def getsockname(self) -> tuple[str, int]:
        name: tuple[str, int] = self._socket.getsockname()
        return name

    def close(self) -> None:
        self._socket.close()


class TlsClient(Client):
    """A person on ``openssl s_client``."""

    socket: TlsSocket  # type: ignore[assignment]  # as much of one as a Client needs

    def __init__(
        self,
        port: int,
        pem: Pem | None = None,
        receive_buffer: int = 0,
        version: str = "",
        host: str = HOST,
    ) -> None:
        super().__init__(port, host, receive_buffer)
        self.socket = TlsSocket(self.socket, pem, version=version)  # type: ignore[arg-type]

    @property
    def port(self) -> int:
        return self.socket.getsockname()[1]

    def greet(self, nick: str = "") -> "TlsClient":
        super().greet(nick)
        return self
