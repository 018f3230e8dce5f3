"""What follows from an entry, for others to carry out when it is written down."""

from typing import NamedTuple

from chatd_supervisor.rooms import Audience, Session
from chatd_workers.events import Event


class Delivery(NamedTuple):
    """An event and who is to hear of it: ``audience``, without ``but``."""

    audience: Audience
    event: Event
    but: Session | None = None


class Leaving(NamedTuple):
    """A session is to be let go: the master closes its connection.

    ``reason`` is what the others are told, ``farewell`` what it is told itself; None: it was.
    ``cause`` is what the log says instead of ``reason``, if that is what somebody has said.
    """

    session: int
    reason: str
    farewell: str | None = "goodbye"
    cause: str = ""


class Operation(NamedTuple):
    """The server itself is to do something, as an operator wants: REHASH, DIE, RESTART.

    Or HIDE: titles of processes are not to name ``room``, which has become secret, any more.
    """

    session: int
    what: str
    room: str = ""


Outcome = Delivery | Leaving | Operation
