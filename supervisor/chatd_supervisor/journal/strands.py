"""Strands: where an entry is found beside the talk of its room.

What is said in a room is found by the room alone (the index ``entries_shown``), at no cost beyond
that. Everything else that somebody may want to be shown again is part of one or more strands, each
a list of sequence numbers under a name. An entry's own data say which; so they can be found out
again when it is forgotten.

===========================  =====================================================================
the strand                   has
===========================  =====================================================================
``#room``, folded            comings, goings, changes of modes, and tags without text in the room;
                             changes of nicks and departures in all the rooms that somebody was in
``sealed #room``, folded     where its past was sealed: what was before is shown to nobody any more
``reader nick``, folded      private lines that the reader has exchanged with whoever was called
                             so; a line is in a strand of the one and in a strand of the other
===========================  =====================================================================

A reader is ``@account`` for a client that was logged in, otherwise the number of its session, which
no other session will ever have: whoever has no account reads nothing from before it came. For the
same readers it is kept up to when they have read what (facts of the kind ``read``).
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple, Protocol

from chatd_supervisor.journal.entries import SHOWN, Entry, Fact
from chatd_supervisor.records import fields_of
from chatd_workers.names import fold

_IN_ONE_ROOM: Final = frozenset({"arrive", "join", "part", "kick", "mode", "status", "tag"})
_IN_ALL_ROOMS: Final = frozenset({"nick", "depart"})

EVENTS: Final = _IN_ONE_ROOM | _IN_ALL_ROOMS | {"topic"}
"""Kinds of facts that are shown again as events of a room; their data say by whom, by all names,
and those of ``nick`` and ``depart`` in which rooms (``in``)."""

PRIVATE: Final = frozenset({"tell", "tell-act", "tell-notice", "tell-tag"})
"""Kinds of facts that are between two; ``to`` in their data is the other one's session and
account."""

STRANDED: Final = _IN_ONE_ROOM | _IN_ALL_ROOMS | PRIVATE | {"seal"}
"""Kinds of facts that may be part of strands."""

END: Final = 1 << 62
"""After every sequence number."""


class Span(NamedTuple):
    """A part of the order: what is between two sequence numbers, and how much of it."""

    after: int
    before: int
    most: int
    """At most so many,"""
    latest: bool
    """from its end on; otherwise from its beginning on."""


class Conversation(NamedTuple):
    """What is shown together: what was said in a room, or between a reader and somebody else."""

    name: str
    """Of the room, or the nick of the other one; in any case."""
    readers: tuple[str, ...] = ()
    """As whom it is read if it is private; empty: it is a room."""
    topics: bool = True
    """With changes of the room's topic."""
    events: bool = False
    """With what is neither said nor a topic."""

    @property
    def strands(self) -> tuple[str, ...]:
        """The strands that it is made of, beside the talk of a room."""
        folded = fold(self.name)
        if self.readers:
            return tuple(f"{reader} {folded}" for reader in self.readers)
        return (folded,) if self.events else ()

    def holds(self, fact: Fact) -> bool:
        """Tell whether ``fact`` is part of it."""
        if fact.kind in SHOWN:
            wanted = not self.readers and (self.topics or fact.kind != "topic")
            return wanted and fold(fact.room) == fold(self.name)
        if fact.kind not in STRANDED or (fact.kind == "tell-tag" and not self.events):
            return False
        return not set(self.strands).isdisjoint(strands_of(fact))


def reader_of(session: int, account: str) -> str:
    """Return as whom a client reads that is logged in to ``account``, if that is not empty."""
    return f"@{fold(account)}" if account else str(session)


def strands_of(fact: Fact | Entry) -> Sequence[str]:
    """Return the strands that ``fact`` is part of, each once."""
    kind = fact.kind
    if kind in _IN_ONE_ROOM:
        # A mode that is told to nobody has no text.
        told = fact.text or kind not in ("mode", "status")
        return (fold(fact.room),) if fact.room and told else ()
    if kind == "seal":
        return (f"sealed {fold(fact.room)}",)
    if kind in _IN_ALL_ROOMS:
        return tuple(map(fold, fields_of(fact.data).get("in", ())))
    return tuple(dict.fromkeys(_private(fact))) if kind in PRIVATE else ()


def _private(fact: Fact | Entry) -> Sequence[str]:
    fields: dict[str, Any] = fields_of(fact.data)
    strands = [f"{reader_of(fact.session, fields.get('account', ''))} {fold(fact.room)}"]
    if "to" in fields:
        session, account = fields["to"]
        strands.append(f"{reader_of(session, account)} {fold(fact.nick)}")
    return strands


class Strands(Protocol):
    """What is asked of a journal about conversations. Everything raises JournalError."""

    def between(self, wanted: Conversation, span: Span) -> list[Entry]:
        """Return the entries of a conversation in ``span``, in order."""

    def first_at(self, time: int) -> int:
        """Return the sequence number of the first entry at or after ``time``; if none, the next."""

    def sealed(self, room: str) -> int:
        """Return the sequence number after which the past of ``room`` may be shown; 0: all."""

    def correspondents(self, reader: str, after: int, tags: bool) -> list[tuple[str, Entry]]:
        """Return with whom ``reader`` has exchanged private lines ``after`` a sequence number.

        Folded nicks, a thousand at most, in any order, with the last line exchanged; ``tags``
        without text are lines only if wanted.
        """

    def marked(self, reader: str, target: str) -> int:
        """Return up to when ``reader`` has read ``target`` (any case); 0: nothing is known."""

    def marks(self, reader: str) -> int:
        """Return of how many targets it is known up to when ``reader`` has read them."""
