"""The ways by which clients come: what lies between a client and the socket that we have for it.

A way is a set of these. It is written down in the ledger as a number, and stands in the names by
which the supervisor knows sockets as words: ``text+tls+proxy``.
"""

import enum
from typing import Literal

from chatd_supervisor.listen_config import Listen


class Way(enum.IntFlag):
    """How a client comes. None of these: over TCP, as it is."""

    PLAIN = 0
    PROXY = 1
    """A proxy speaks for it, and begins with a header that says so."""
    TLS = 2
    """It speaks TLS with its worker."""
    UNIX = 4
    """It has connected to a Unix socket."""

    @property
    def is_relay(self) -> bool:
        """Tell whether the client's real socket is its worker's alone (``relaying``)."""
        return bool(self & (Way.TLS | Way.UNIX))

    @property
    def relay(self) -> Literal["", "tls", "unix"]:
        """The kind of relay, in the records that cross the channel."""
        return "tls" if self & Way.TLS else "unix" if self & Way.UNIX else ""

    @property
    def words(self) -> list[str]:
        """The way in words, as people are shown it."""
        return [str(one.name).lower() for one in (Way.TLS, Way.UNIX, Way.PROXY) if self & one]


def way_of(listen: Listen) -> Way:
    """Return the way by which those come that connect to ``listen``."""
    return (
        (Way.TLS if listen.tls else Way.PLAIN)
        | (Way.UNIX if listen.unix_path else Way.PLAIN)
        | (Way.PROXY if listen.proxy_protocol else Way.PLAIN)
    )


def kind_of(dialect: str, way: Way) -> str:
    """Return ``text`` or ``text+tls``, as it stands in names."""
    return "+".join([dialect, *way.words])


def read_kind(kind: str) -> tuple[str, Way]:
    """Return dialect and way of a ``kind``. Raises KeyError for an unknown word."""
    dialect, *words = kind.split("+")
    way = Way.PLAIN
    for word in words:
        way |= Way[word.upper()]
    return dialect, way
