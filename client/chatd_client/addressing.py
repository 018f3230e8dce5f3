"""How a server is written on the command line, and what that means: pure.

``HOST``, ``HOST:PORT``, ``[IPV6]:PORT``, ``unix:PATH``, and URLs: ``chat://`` and ``irc://``, with
TLS ``chats://`` and ``ircs://``, whose path names a room.
"""

from typing import Final, NamedTuple
from urllib.parse import unquote


class Address(NamedTuple):
    """A server, as it was written."""

    host: str
    port: int = 0
    """0: not said."""
    unix: str = ""
    tls: bool = False
    dialect: str = ""
    """What is spoken there, if that was said."""
    rooms: tuple[str, ...] = ()
    nick: str = ""


class _Scheme(NamedTuple):
    tls: bool
    dialect: str


_SCHEMES: Final = {
    "chat": _Scheme(tls=False, dialect=""),
    "chats": _Scheme(tls=True, dialect=""),
    "irc": _Scheme(tls=False, dialect="irc"),
    "ircs": _Scheme(tls=True, dialect="irc"),
    "lab": _Scheme(tls=False, dialect="lab"),
}


def parse_server(text: str) -> Address:
    """Return the server that ``text`` names. Raises ValueError with a sentence."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").removeprefix("//")
        if not path.startswith("/"):
            raise ValueError(f"{text!r} is not unix:PATH with an absolute path")
        return Address("", unix=path)
    if "://" in text:
        return _parse_url(text)
    host, port = parse_host(text)
    return Address(host, port)


def _parse_url(text: str) -> Address:
    scheme, _, rest = text.partition("://")
    known = _SCHEMES.get(scheme.lower())
    if known is None:
        raise ValueError(f"{scheme!r} is none of {', '.join(_SCHEMES)}")
    place, slash, path = rest.partition("/")
    nick, at, where = place.rpartition("@")
    host, port = parse_host(where)
    room = unquote(path) if slash else ""
    rooms = (room if room[0] in "#&+!" else f"#{room}",) if room else ()
    return Address(
        host,
        port,
        tls=known.tls,
        dialect=known.dialect,
        rooms=rooms,
        nick=unquote(nick) if at else "",
    )


def parse_host(text: str) -> tuple[str, int]:
    """Return host and port, 0 if none is said, of ``HOST[:PORT]`` or ``[IPV6][:PORT]``.

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
        return host, 0
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise ValueError(f"{port!r} is not a port (1 to 65535)")
    return host, int(port)
