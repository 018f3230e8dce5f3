"""Work for the tick, and what is left to be done of it when it is written down (``commits``)."""

from typing import NamedTuple

from chatd_supervisor.connections import Connection, Worker
from chatd_supervisor.egress import Run
from chatd_supervisor.hub import Operation
from chatd_supervisor.hub.administering import Notify, Wish
from chatd_supervisor.questions import Settled
from chatd_workers.commands import Entry
from chatd_workers.reports import Report


class Reported(NamedTuple):
    """A worker has reported what its client said."""

    worker: Worker
    report: Report
    settled: Settled | None = None
    """What had to be known first, and the answer."""


class Departing(NamedTuple):
    """A connection is to be let go: the others are told ``reason``, itself ``farewell``."""

    connection: Connection
    reason: str
    farewell: str | None
    cut: bool = False
    """What is queued for it is not to be sent any more."""
    quiet: bool = False
    """The others are not told: they are leaving as well."""
    cause: str = ""
    """What the log says instead of ``reason``, if that is what somebody has said."""
    nick: str = ""
    """What it was called; added when it is applied."""


class Dropped(NamedTuple):
    """A line that kills its readers is to be set aside."""

    connection: Connection
    used: int
    """Its bytes that are still in the socket."""
    shown: str
    """How it begins, for the one who sent it."""


class Arriving(NamedTuple):
    """A client is to be let in."""

    connection: Connection


class Answering(NamedTuple):
    """Something that a session has asked for outside of the hub has been done."""

    connection: Connection
    entry: Entry


class AccountChanged(NamedTuple):
    """Somebody has changed an account beside us."""

    account: str


class Administered(NamedTuple):
    """The administrator wants something done, or somebody is to be told of it."""

    wish: Wish | Notify
    concerned: list[int]
    """How many it concerns; added when it is applied."""


Work = Reported | Departing | Dropped | Arriving | Answering | AccountChanged | Administered


class Commit(NamedTuple):
    """What has been written down, and is to be carried out now, in the order of the fields."""

    reports: list[Reported]
    dropped: list[Dropped]
    runs: list[Run]
    departed: list[Departing]
    operations: list[Operation]
