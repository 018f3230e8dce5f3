"""TLS on bytes alone: what comes in, what goes out, and no socket. For the pump of one worker.

The master never sees a private key. It hands the worker a sealed file that holds certificate and
key; the worker builds a context from that and closes it (``server_context``). The connection
begins with another context, without a key; this one takes its place for the handshake alone, and
is then let go of, whereupon OpenSSL clears the key. What was freed meanwhile is overwritten
(``scrubbing``). So from the end of the handshake on a worker has the keys of its own session in
its memory, and none by which anybody could be the server to others. (Were it the first context,
OpenSSL would keep it as long as the connection.)

A client may show a certificate; nobody asks who issued it. OpenSSL would, so the certificate that
comes is put among the trusted ones before it is looked at. What is left is what counts: the client
has proven that it holds the certificate's key (``Secured.fingerprint``). Rejected: a callback of
OpenSSL's by ctypes, which needs to know where Python keeps its pointers.

There are no session tickets: the next connection is served by another process, which could not
read them.
"""

import contextlib
import hashlib
import os
import ssl
from typing import Any, Final

from chatd_workers.commands import MAX_DATE, MIN_DATE, Secured
from chatd_workers.scrubbing import scrubbed
from chatd_workers.streams import BrokenStream, WrongStream
from chatd_workers.truncation import detect_truncation, is_truncation

CHUNK: Final = 64 * 1024

_HANDSHAKE: Final = 0x16
"""The type of the first record (RFC 8446, section 5.1)."""

_CERTIFICATE: Final = 11
"""The type of the message that holds one (RFC 8446, section 4)."""

_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME: one that is out of date does not end the handshake. Its dates are
told (``Secured``), and whoever wants to be logged in by it is told then that it is."""

_MONTHS: Final = "JanFebMarAprMayJunJulAugSepOctNovDec"

_COMPRESSES: Final = (3, 2)
"""The OpenSSL that compresses certificates if it was built with zlib, brotli or zstd."""

_NO_RX_CERTIFICATE_COMPRESSION: Final = 1 << 33
"""SSL_OP_NO_RX_CERTIFICATE_COMPRESSION, SSL_CTX_set_options(3): clients are not offered to send
theirs compressed (RFC 8879). It would come in a message of another type, for ``first_certificate``
to decompress what a stranger sent."""


def server_context(credentials: int) -> ssl.SSLContext:
    """Return the context for one handshake, from ``credentials``, which is closed.

    ``credentials`` is the descriptor of a file in PEM: a certificate, its chain, its key. Raises
    OSError (ssl.SSLError is one) if they cannot be used.
    """
    context = _context()
    try:
        with scrubbed():
            context.load_cert_chain(f"/proc/self/fd/{credentials}", password=_no_password)
    finally:
        os.close(credentials)
    return context


def _no_password() -> str:
    """Answer for a key that is encrypted: nobody is there to be asked."""
    return ""


def _trust_whatever_comes(
    connection: ssl.SSLObject, direction: str, _version: Any, _content: Any, kind: Any, data: bytes
) -> None:
    """Put a certificate that has come among the trusted ones; a callback for all messages."""
    if direction == "read" and kind == _CERTIFICATE:
        certificate = first_certificate(data)
        if certificate:
            # If it is none, OpenSSL will say so itself.
            with contextlib.suppress(ssl.SSLError):
                connection.context.load_verify_locations(cadata=certificate)


def first_certificate(message: bytes) -> bytes:
    """Return the first certificate in a ``message`` Certificate, b"" if there is none.

    RFC 5246, section 7.4.2: type, length, and a list. RFC 8446, section 4.4.2: before the list
    stands what it answers, with its length.
    """
    body = message[4:]
    if int.from_bytes(body[:3], "big") + 3 != len(body):
        body = body[1 + body[0] :] if body else b""
    size = int.from_bytes(body[3:6], "big")
    return body[6 : 6 + size]


def seconds_of(shown: str) -> int:
    """Return a date in the form of ASN1_TIME_print(3) in seconds since the epoch, or the nearest.

    ``Jan  5 09:34:43 2018 GMT``. ssl.cert_time_to_seconds does the same, but brings strptime, and
    with it half a megabyte, into a worker. Days are counted as for a year that begins in March:
    howardhinnant.github.io/date_algorithms.html, "days_from_civil".
    """
    month, day, clock, year, _ = shown.split()
    hours, minutes, seconds = map(int, clock.split(":"))
    months = (_MONTHS.index(month) // 3 + 10) % 12
    years = int(year) - (months >= 10)
    leap_days = years // 4 - years // 100 + years // 400
    days = 365 * years + leap_days + (153 * months + 2) // 5 + int(day) - 719_469
    return min(max(MIN_DATE, days * 86400 + hours * 3600 + minutes * 60 + seconds), MAX_DATE)


def _context() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    detect_truncation(context)
    if ssl.OPENSSL_VERSION_INFO >= _COMPRESSES:
        context.options |= _NO_RX_CERTIFICATE_COMPRESSION  # Python has no name for it
    # Not documented, but there since Python 3.8; without it, nobody is asked for a certificate.
    if hasattr(context, "_msg_callback"):
        context.verify_mode = ssl.CERT_OPTIONAL
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.verify_flags |= _NO_CHECK_TIME  # Python has no name for it
        context._msg_callback = _trust_whatever_comes  # noqa: SLF001
    return context


_FIRST: Final = _context()
"""Made when this is imported, by the master: workers share what OpenSSL sets up for it."""


class Tls:
    """The server's side of one connection."""

    def __init__(self, context: ssl.SSLContext) -> None:
        """``context`` is for the handshake, and should be referred to by nobody else."""
        self._for_handshake: ssl.SSLContext | None = context
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        # Called for every ClientHello, whether or not it names a server.
        _FIRST.sni_callback = self._greeted
        self._ssl = _FIRST.wrap_bio(self._incoming, self._outgoing, server_side=True)
        self._begun = False
        self.ready = False
        """The handshake is over."""
        self.ended = False
        """The client has said that nothing more comes from it."""
        self.truncated = True
        """It has not, so that whatever comes last may have been cut off: by an end of the
        connection, a reset, a forged record."""
        self.secured: Secured | None = None

    def receive(self, data: bytes) -> bytes:
        """Take ``data`` from the client, b"" for its end; return what it says.

        Raises BrokenStream.
        """
        if not self._begun and data and data[0] != _HANDSHAKE:
            raise WrongStream("TLS is spoken on this port, and nothing else")
        self._begun = True
        if data:
            self._incoming.write(data)
        else:
            self._incoming.write_eof()
        try:
            if not self.ready:
                with scrubbed():
                    self._ssl.do_handshake()
                    self._learn()
            return self._read()
        except ssl.SSLWantReadError:
            return b""
        except ssl.SSLError as error:
            raise BrokenStream(self._sentence(error)) from error

    def _read(self) -> bytes:
        parts = []
        try:
            while not self.ended:
                part = self._ssl.read(CHUNK)
                parts.append(part)
                if not part:
                    self._end()
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self._end()
        except ssl.SSLError as error:
            if not is_truncation(error):
                raise
            self.ended = True
        return b"".join(parts)

    def _end(self) -> None:
        self.ended = True
        self.truncated = False

    def _learn(self) -> None:
        certificate = self._ssl.getpeercert(binary_form=True)
        cipher = self._ssl.cipher()
        version, name = self._ssl.version() or "", cipher[0] if cipher else ""
        self.secured = Secured(version, name, "")
        if certificate:
            dates: Any = self._ssl.getpeercert()
            self.secured = Secured(
                version,
                name,
                hashlib.sha256(certificate).hexdigest(),
                seconds_of(dates["notBefore"]),
                seconds_of(dates["notAfter"]),
            )
        self.ready = True
        self._ssl.context = _FIRST
        self._for_handshake = None

    def _greeted(self, connection: ssl.SSLObject, _name: object, _context: object) -> None:
        if self._for_handshake is not None:
            connection.context = self._for_handshake

    def _sentence(self, error: ssl.SSLError) -> str:
        if is_truncation(error) and not self.ready:
            return "connection closed during the TLS handshake"
        why = (error.reason or str(error)).replace("_", " ").lower()
        return f"TLS failed: {why}" if self.ready else f"TLS handshake failed: {why}"

    def send(self, data: bytes) -> None:
        """Say ``data`` to the client. Raises BrokenStream."""
        try:
            self._ssl.write(data)
        except ssl.SSLError as error:
            raise BrokenStream(self._sentence(error)) from error

    def end(self) -> None:
        """Tell the client that nothing more comes (close_notify)."""
        # It has not said so itself yet, or cannot be told any more.
        with contextlib.suppress(ssl.SSLError):
            self._ssl.unwrap()

    def take(self) -> bytes:
        """Return what is to be sent to the client."""
        return self._outgoing.read()
