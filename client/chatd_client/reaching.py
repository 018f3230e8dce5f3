"""Reaching a server, finding out what it speaks, and saying in one sentence why that fails.

What a server speaks is found out by what it says first, before anything is said to it:

=====================  ============================================================================
it greets ``--- ``     chatd's text dialect
it is silent           the lab's server on its port, 5015, where a word of IRC would be shown to
                       everybody there; IRC on any other
it says ``:... NOTICE``  IRC
=====================  ============================================================================

Without a port IRC's own is tried first, then 5015. All of this blocks, each step for a bounded
time: the reading process does it in a thread (``Attempt``), because looking up a name cannot be
done otherwise.
"""

import hashlib
import os
import socket
import ssl
import threading
from typing import Final, NamedTuple

from chatd_client.exchange import Target
from chatd_client.exits import Exit
from chatd_workers.names import make_safe
from chatd_workers.truncation import detect_truncation

CHATD_PORT: Final = 5015
IRC_PORT: Final = 6667
IRC_TLS_PORT: Final = 6697

CONNECT_TIMEOUT: Final = 10.0
"""Seconds for a connection, for each address."""

TLS_TIMEOUT: Final = 10.0

GREETING_TIMEOUT: Final = 0.7
"""Seconds in which chatd has greeted, and a server of IRC, if it says anything by itself."""

OTHERS: Final = (
    b"SSH-",
    b"HTTP/",
    b"220 ",
    b"220-",
    b"* OK",
    b"+OK",
    b"RFB ",
    b"\x16\x03",
    b"\x15\x03",
)
"""How servers greet that are no chat servers: SSH, HTTP, SMTP or FTP, IMAP, POP3, VNC, TLS."""

_IRC: Final = (b":", b"NOTICE", b"PING", b"ERROR", b"CAP", b"@")
_TEXT: Final = b"--- "


class CannotReach(Exception):
    """``str()`` says why, ``code`` is what to exit with."""

    def __init__(self, code: Exit, why: str) -> None:
        super().__init__(why)
        self.code = code


class Reached(NamedTuple):
    """A connection."""

    server: socket.socket
    """May be an ``ssl.SSLSocket``; blocking, without a time-out."""
    dialect: str
    port: int
    secure: str
    """As ``Status.secure``."""
    early: bytes
    """What it has said already."""


class Attempt(threading.Thread):
    """Reaches a server beside whatever else is done; ``fileno`` is readable when that is over."""

    def __init__(self, target: Target) -> None:
        super().__init__(daemon=True)
        self._target = target
        self._done = os.eventfd(0)
        self.result: Reached | CannotReach | None = None

    def run(self) -> None:
        """Do it."""
        try:
            self.result = reach(self._target)
        except CannotReach as error:
            self.result = error
        finally:
            os.eventfd_write(self._done, 1)

    def fileno(self) -> int:
        """Return a descriptor that is readable when ``result`` is there."""
        return self._done

    def close(self) -> None:
        """Let go of the descriptor; the attempt must be over."""
        os.close(self._done)


def reach(target: Target) -> Reached:
    """Return a connection to ``target``. Raises CannotReach."""
    places = _places(target)
    failures: list[CannotReach] = []
    for port, dialect in places:
        try:
            return _reach(target, port, dialect)
        except CannotReach as error:
            failures.append(error)
            if error.code is Exit.NO_HOST:
                raise
    refused = [error for error in failures if isinstance(error.__cause__, ConnectionRefusedError)]
    if len(refused) == len(failures) > 1:
        ports = " and ".join(str(port) for port, _ in places)
        raise CannotReach(
            Exit.UNAVAILABLE, f"no server listens on {_shown(target)}, neither of ports {ports}"
        )
    raise next((error for error in failures if error not in refused), failures[0])


def _places(target: Target) -> list[tuple[int, str]]:
    """Return ports to be tried, and what is spoken there if that is certain."""
    dialect = target.dialect or ("lab" if target.lab else "")
    if target.unix or target.port:
        if not dialect and target.port in (IRC_PORT, IRC_TLS_PORT) and not target.unix:
            dialect = "irc"
        return [(target.port, dialect)]
    irc = (IRC_TLS_PORT if target.tls else IRC_PORT, "irc")
    if dialect == "irc":
        return [irc]
    if dialect:
        return [(CHATD_PORT, dialect)]
    return [irc, (CHATD_PORT, "")]


def _shown(target: Target) -> str:
    return make_safe(target.host)[:200]


def _reach(target: Target, port: int, dialect: str) -> Reached:
    where = target.unix or f"{_shown(target)} port {port}"
    server = _connect(target, port, where)
    try:
        secure = ""
        if target.tls:
            server, secure = _secure(server, target, port, where)
        early = b""
        if not dialect:
            early = _listen(server, where)
            dialect = _dialect_of(early, port, target, where)
        server.settimeout(None)
    except BaseException:
        server.close()
        raise
    return Reached(server, dialect, port, secure, early)


def _connect(target: Target, port: int, where: str) -> socket.socket:
    try:
        if target.unix:
            server = socket.socket(socket.AF_UNIX)
            server.settimeout(CONNECT_TIMEOUT)
            try:
                server.connect(target.unix)
            except BaseException:
                server.close()
                raise
            return server
        server = socket.create_connection((target.host, port), CONNECT_TIMEOUT)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except (socket.gaierror, UnicodeError) as error:
        # UnicodeError: it cannot be a name at all (RFC 5891), such as one with two dots in a row.
        why = error.strerror if isinstance(error, OSError) else "it cannot be a host's name"
        raise CannotReach(Exit.NO_HOST, f"nobody knows the name {_shown(target)}: {why}") from error
    except ConnectionRefusedError as error:
        raise CannotReach(Exit.UNAVAILABLE, f"no server listens on {where}") from error
    except TimeoutError as error:
        raise CannotReach(
            Exit.UNAVAILABLE, f"{where} has not answered within {CONNECT_TIMEOUT:g} s"
        ) from error
    except OSError as error:
        raise CannotReach(Exit.UNAVAILABLE, f"{where}: {error.strerror or error}") from error
    return server


def _secure(
    server: socket.socket, target: Target, port: int, where: str
) -> tuple[ssl.SSLSocket, str]:
    try:
        context = ssl.create_default_context(cafile=target.ca_file or None)
    except OSError as error:
        why = f"{target.ca_file} cannot be used: {error.strerror or error}"
        raise CannotReach(Exit.PROTOCOL, why) from error
    detect_truncation(context)
    pinned = _normal(target.pin)
    if pinned or target.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    server.settimeout(TLS_TIMEOUT)
    try:
        secured = context.wrap_socket(server, server_hostname=target.host or None)
    except ssl.SSLCertVerificationError as error:
        shown = _fingerprint_at(target, port, where)
        pin = f"; if you know it for the right one: --pin {shown}" if shown else ""
        why = f"the certificate of {where} is not trusted: {error.verify_message}{pin}"
        raise CannotReach(Exit.PROTOCOL, why) from error
    except TimeoutError as error:
        why = f"{where} does not speak TLS: no answer within {TLS_TIMEOUT:g} s"
        raise CannotReach(Exit.PROTOCOL, why) from error
    except ssl.SSLError as error:
        reason = (error.reason or str(error)).replace("_", " ").lower()
        why = f"there is no TLS with {where}: {reason}"
        raise CannotReach(Exit.PROTOCOL, why) from error
    except OSError as error:
        why = f"there is no TLS with {where}: {error.strerror or error}"
        raise CannotReach(Exit.PROTOCOL, why) from error
    found = fingerprint(secured)
    if pinned and found != pinned:
        secured.close()
        why = f"{where} shows another certificate than the pinned one: {found}"
        raise CannotReach(Exit.PROTOCOL, why)
    version = (secured.version() or "TLS").replace("TLSv", "TLS ")
    how = ", pinned" if pinned else ", not verified" if target.insecure else ""
    return secured, f"{version}{how}"


def fingerprint(server: ssl.SSLSocket) -> str:
    """Return the SHA-256 of the server's certificate (DER), in hexadecimal."""
    return hashlib.sha256(server.getpeercert(binary_form=True) or b"").hexdigest()


def _fingerprint_at(target: Target, port: int, where: str) -> str:
    """Return the fingerprint of a certificate that is not trusted, to be shown; "" if not known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        with _connect(target, port, where) as server:
            server.settimeout(TLS_TIMEOUT)
            with context.wrap_socket(server, server_hostname=target.host or None) as secured:
                return fingerprint(secured)
    except (OSError, CannotReach):
        return ""


def _normal(pin: str) -> str:
    return pin.strip().lower().replace(":", "").removeprefix("sha256")


def _listen(server: socket.socket, where: str) -> bytes:
    server.settimeout(GREETING_TIMEOUT)
    try:
        data = server.recv(4096)
    except TimeoutError:
        return b""
    except OSError as error:
        why = f"{where} hung up: {error.strerror or error}"
        raise CannotReach(Exit.UNAVAILABLE, why) from error
    if not data:
        raise CannotReach(Exit.UNAVAILABLE, f"{where} hung up at once")
    return data


def _dialect_of(early: bytes, port: int, target: Target, where: str) -> str:
    if not early:
        return "lab" if port == CHATD_PORT and target.lab is not False else "irc"
    if early.startswith(_TEXT) or (len(early) < len(_TEXT) and _TEXT.startswith(early)):
        return "text"
    if early.startswith(_IRC):
        return "irc"
    if b"\0" in early and not early.startswith(OTHERS):
        return "lab"
    raise not_a_chat_server(early, where)


def not_a_chat_server(early: bytes, where: str) -> CannotReach:
    """Return the sentence about a server that says ``early`` first."""
    said = early.partition(b"\n")[0][:60].decode("utf-8", "replace").strip()
    return CannotReach(Exit.PROTOCOL, f"{where} is not a chat server: it says {make_safe(said)!r}")
