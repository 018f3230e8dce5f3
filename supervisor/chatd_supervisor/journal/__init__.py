"""The journal: the one order of everything, what was said, and the state that follows from it.

This is the interface; ``sqlite`` is what stands behind it in a single server. The master writes
one ``Batch`` a tick: the facts of that tick, and where each session stands after them, in one
transaction. Either all of it is written or nothing, and nothing is consumed, acknowledged or
shown to anybody before it is.

``Fact`` is what has happened, as the hub decided it; ``Entry`` is a fact in its place in the
order. The state of the hub is a function of the facts (``state.State``); the rows for sessions and
rooms say the same in short, so that a start need not read a history of years.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple, Protocol

from chatd_supervisor.journal.accounts import Accounts, Change
from chatd_supervisor.journal.entries import SHOWN as SHOWN
from chatd_supervisor.journal.entries import Entry as Entry
from chatd_supervisor.journal.entries import Fact as Fact
from chatd_supervisor.journal.strands import Strands
from chatd_supervisor.sentence_errors import SentenceError


class Stream(NamedTuple):
    """How far a session's input is committed, and what its reader needs to go on from there."""

    session: int
    offset: int
    """Bytes of the client's stream that are committed."""
    discarding: bool
    carry: bytes
    lines: int


class Arrival(NamedTuple):
    """What is known of a session from its beginning."""

    session: int
    peer: str
    dialect: str
    since: int
    """Microseconds since the epoch."""


class Batch(NamedTuple):
    """One tick's worth, to be written all or not at all. Applied in the order of the fields."""

    facts: list[Fact]
    arrivals: list[Arrival]
    members: list[tuple[int, str]]
    """Sessions whose hub state has changed: number, and their record (``records``) as JSON."""
    leaving: list[int]
    """Sessions that have left the hub; their connections still have something to be sent."""
    closed: list[int]
    """Sessions whose connections are no more."""
    streams: list[Stream]
    """Streams that have been read on."""
    rooms: list[tuple[str, str]]
    """Rooms that are new or have changed: folded name, and their record as JSON."""
    rooms_gone: list[str]
    """Rooms that are no more, by folded name."""
    guests: int
    """How many guests have been given a nick, ever."""
    time: int = 0
    """Of its entries, in microseconds since the epoch, as ``Journal.clock`` said; 0: now."""
    accounts: Sequence[Change] = ()
    """Accounts that are new or have changed; first of all, for what is said is said by them."""
    onces: Mapping[str, int] = {}
    """Ids that clients have given to lines, and which of ``facts`` (1: the first) each is."""
    bans: Sequence[tuple[str, str | None]] = ()
    """Bans that are new, changed or no more (None): key, and their record as JSON."""


class StoredSession(NamedTuple):
    """A session as the journal has it."""

    arrival: Arrival
    record: str | None
    """JSON (``records``). None: it is leaving."""
    stream: Stream


class Snapshot(NamedTuple):
    """Everything a master needs to go on: the state after the last batch."""

    tick: int
    """The number of the last batch. 0: none yet."""
    seq: int
    """The sequence number of the last entry. 0: none yet."""
    sessions: list[StoredSession]
    """By number."""
    rooms: list[str]
    """JSON (``records``), in any order."""
    guests: int
    last_session: int
    """The highest session number ever given."""
    bans: Sequence[str] = ()
    """JSON (``records``), in any order."""


class JournalError(SentenceError):
    """The journal cannot be used or written; ``str()`` is the sentence for people.

    It names the file, what is wrong, and what to do.
    """


class TooMuch(JournalError):
    """What was asked would take longer than a client's question may."""


class Found(NamedTuple):
    """What a search has found."""

    entries: list[Entry]
    """In order."""
    is_all: bool = True
    """Everything was looked through; otherwise there was no time for what is older."""


class Journal(Protocol):
    """What the master asks of a journal."""

    @property
    def strands(self) -> Strands:
        """What is found beside the talk of rooms."""

    def clock(self) -> int:
        """Return the time for the next batch, in microseconds since the epoch.

        Less than the one before only if the clock was put back by more than some seconds.
        """

    def passed(self) -> int:
        """Return what time it surely was when ``clock`` told it (``clock.Passed``); the same."""

    def id_of(self, ahead: int) -> str:
        """Return the message id of the entry that comes ``ahead`` (1: the next) of the last."""

    @property
    def accounts(self) -> Accounts:
        """Who has an account."""

    def seq_of(self, ahead: int) -> int:
        """Return the number of the entry that comes ``ahead`` (1: the next) of the last."""

    def place_of(self, message_id: str) -> int | None:
        """Return the sequence number in a message id; None if it is not of this journal.

        Whether there is such an entry is not asked: it may be forgotten, or still be to come.
        """

    def once(self, number: str) -> Entry | None:
        """Return the line to which its client has given this id; None if there is none (any more).

        Raises JournalError.
        """

    def load(self) -> Snapshot:
        """Return the state after the last batch. Raises JournalError."""

    def commit(self, batch: Batch) -> int:
        """Write ``batch``; return its number, one more than the last one's.

        Raises JournalError, and then nothing of it is written, and it can be tried again; or
        AccountConflict, and then nothing is written either, and the hub must begin anew.
        """

    def read(self, after: int, limit: int) -> list[Entry]:
        """Return up to ``limit`` entries of all kinds after sequence number ``after``, in order."""

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` shown entries of ``room`` (any case), in order."""

    def missed(self, nick: str, room: str, count: int, after: int = 0) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since somebody called ``nick`` last left the server.

        The first ``count`` entries in order, and how many there are in all, of those that come
        ``after`` a sequence number; if they are more than COUNTED, COUNTED + 1. ([], -1) if nobody
        of that nick (any case) has ever left.
        """

    def search(self, words: str, room: str, count: int) -> Found:
        """Return the last ``count`` shown entries of ``room`` that hold all ``words``, in order.

        What is in ``words``, and when a line holds it, ``journal.words`` tells.
        """

    def allow(self) -> None:
        """Begin with a client's question: all that is asked for it may take a few milliseconds.

        What would take longer raises TooMuch. If this is never called, it takes as long as it does.
        """

    def tend(self) -> float | None:
        """Do a little of what need not be done in the tick: index, forget what is too old.

        Takes a few milliseconds. Returns seconds until it should be called again if nothing is
        said before (days, if something becomes too old then); None: not before the next commit;
        0: so much is left undone that it is urgent, also while others have to wait for it.
        """

    def close(self) -> None:
        """Let go of it."""
