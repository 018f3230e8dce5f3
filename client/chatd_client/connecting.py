"""Reaching a server, and saying in one sentence why it could not be reached."""

import select
import socket
import time
from typing import Final

from chatd_client.exits import Exit
from chatd_client.wires import GREETING, NOTICE, OTHERS

DEFAULT_PORT: Final = 5015
CONNECT_TIMEOUT: Final = 10.0
GREETING_TIMEOUT: Final = 0.5
"""Seconds in which chatd has greeted; after that it is taken for the lab's server."""


class CannotConnect(Exception):
    """``str()`` says why, ``code`` is what to exit with."""

    def __init__(self, code: Exit, why: str) -> None:
        super().__init__(why)
        self.code = code


def parse_address(text: str) -> tuple[str, int]:
    """Return host and port of ``HOST``, ``HOST:PORT``, ``IPV6`` or ``[IPV6]:PORT``.

    Raises ValueError.
    """
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or (port and not port.startswith(":")):
            raise ValueError(f"{text!r} is not [ADDRESS]:PORT")
        port = port[1:]
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if not host:
        raise ValueError(f"{text!r} has no host")
    if not port:
        return host, DEFAULT_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is not a port (1 to 65535)")
    return host, int(port)


def connect(host: str, port: int) -> socket.socket:
    """Return a connected, blocking socket. Raises CannotConnect."""
    where = f"{host} port {port}"
    try:
        connected = socket.create_connection((host, port), CONNECT_TIMEOUT)
    except (socket.gaierror, UnicodeError) as error:
        # UnicodeError: it cannot be a name at all (RFC 5891), such as one with two dots in a row.
        why = error.strerror if isinstance(error, OSError) else "it cannot be a host's name"
        raise CannotConnect(Exit.NO_HOST, f"nobody knows the name {host}: {why}") from error
    except ConnectionRefusedError as error:
        raise CannotConnect(Exit.UNAVAILABLE, f"no server listens on {where}") from error
    except TimeoutError as error:
        raise CannotConnect(
            Exit.UNAVAILABLE, f"{where} has not answered within {CONNECT_TIMEOUT:g} s"
        ) from error
    except OSError as error:
        raise CannotConnect(Exit.UNAVAILABLE, f"{where}: {error.strerror or error}") from error
    connected.settimeout(None)
    return connected


def greets(server: socket.socket) -> bool:
    """Tell whether ``server`` greets as chatd does, taking nothing from the socket.

    Raises CannotConnect if what it says is no chat server's.
    """
    try:
        return _greets(server)
    except OSError as error:
        raise CannotConnect(Exit.UNAVAILABLE, f"the server hung up: {error.strerror}") from error
    finally:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, 1)


def _greets(server: socket.socket) -> bool:
    deadline = time.monotonic() + GREETING_TIMEOUT
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([server], [], [], left)[0]:
            break
        said = server.recv(len(GREETING), socket.MSG_PEEK)
        if not said:
            raise CannotConnect(Exit.UNAVAILABLE, "the server hung up at once")
        if said.startswith(OTHERS):
            raise CannotConnect(Exit.PROTOCOL, f"this is not a chat server: it says {said!r}")
        if said.startswith(NOTICE) or not GREETING.startswith(said):
            return said.startswith(NOTICE)
        # A part of the greeting: socket(7), SO_RCVLOWAT, makes select wait for the rest.
        server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, len(said) + 1)
    return False
