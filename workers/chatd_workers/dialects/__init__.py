"""The dialects clients speak: each a reader (bytes to commands) and a writer (events to bytes).

Both are pure: no sockets, no clock, no state beyond what they are given. Readers run in workers,
writers in the master. A new dialect is a new module and a line in ``DIALECTS``.
"""

from collections.abc import Callable
from typing import Final, NamedTuple

from chatd_workers.commands import Command
from chatd_workers.dialects import text
from chatd_workers.dialects.irc import reader as irc_reader
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.events import Event


class Dialect(NamedTuple):
    """One way to speak to a client."""

    read: Callable[[bytes], Command | None]
    """What a line (without its end) asks for; None if for nothing."""
    write: Callable[[Event, int], bytes]
    """How an event looks to a client with this view (``capabilities``), ending in LF; b"" if the
    dialect has no words for it."""
    one_room: bool = True
    """Whoever speaks it is in one room at a time, from the beginning on."""
    line_length: int = 0
    """Bytes in a line; 0: as configured."""
    nul_ends: bool = True
    """A NUL ends a line as well."""
    end_ends: bool = True
    """The end of the stream ends a line as well; where it does not, what it cuts off is dropped."""


DIALECTS: Final[dict[str, Dialect]] = {
    "text": Dialect(text.read, text.write),
    "irc": Dialect(
        irc_reader.read,
        Writer().write,
        one_room=False,
        line_length=8191,
        nul_ends=False,
        # A connection that breaks in the middle of a line would else say half of it, for good.
        end_ends=False,
    ),
}
