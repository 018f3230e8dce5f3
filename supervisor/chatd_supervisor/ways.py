"""The ways by which clients come: what lies between a client and the socket that we have for it.

A way is a set of these. It is written down in the ledger as a number, and stands in the names by
which a service manager knows sockets as words: ``text+tls+proxy``.
"""

import enum
from typing import Final, Literal

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
        return bool(int(self) & _RELAYS)

    @property
    def is_proxied(self) -> bool:
        """Tell whether a proxy speaks for it."""
        return bool(int(self) & _PROXY)

    @property
    def is_secure(self) -> bool:
        """Tell whether it speaks TLS."""
        return bool(int(self) & _TLS)

    @property
    def is_local(self) -> bool:
        """Tell whether it is a user of this machine, who has connected to a Unix socket.

        A proxy that connects to one is such a user; whoever it speaks for is not.
        """
        return int(self) & (_UNIX | _PROXY) == _UNIX

    @property
    def relay(self) -> Literal["", "tls", "unix"]:
        """The kind of relay, in the records that cross the channel."""
        return "tls" if self.is_secure else "unix" if int(self) & _UNIX else ""

    @property
    def words(self) -> list[str]:
        """The way in words, as people are shown it."""
        return [word for word, number in _WORDS if int(self) & number]


# For every birth: an enum's operators run through more code, and what runs between two births is
# memory of the first worker's own (``chatd_workers.rehearsal``).
_PROXY: Final = int(Way.PROXY)
_TLS: Final = int(Way.TLS)
_UNIX: Final = int(Way.UNIX)
_RELAYS: Final = _TLS | _UNIX
_WORDS: Final = (("tls", _TLS), ("unix", _UNIX), ("proxy", _PROXY))


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
