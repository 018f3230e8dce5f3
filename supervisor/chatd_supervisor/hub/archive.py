"""What the hub can ask about the past; whoever has a journal answers.

What has been decided in this very tick is part of the past already: its entries have the numbers
that they will have in the journal. Everything raises JournalError if it cannot be read.
"""

from typing import Final, Protocol

from chatd_supervisor.journal import Entry, Found
from chatd_supervisor.journal.strands import Conversation, Span


class Archive(Protocol):
    """Answers questions about the past."""

    def allow(self) -> None:
        """Begin with a command: all that is asked for it may take a few milliseconds.

        What would take longer raises TooMuch.
        """

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` lines and topics of ``room``, in order."""

    def missed(self, nick: str, room: str, count: int) -> tuple[list[Entry], int]:
        """Return the first ``count`` of what was shown in ``room`` since ``nick`` last left.

        And how much there is in all; -1 if nobody of that nick has ever left.
        """

    def search(self, words: str, room: str, count: int) -> Found:
        """Return the last ``count`` lines and topics of ``room`` that hold all ``words``."""

    def between(self, wanted: Conversation, span: Span) -> list[Entry]:
        """Return the entries of a conversation in ``span``, in order."""

    def place_of(self, message_id: str) -> int | None:
        """Return the sequence number in a message id; None if it is none of this server's."""

    def once(self, number: str) -> Entry | None:
        """Return the line to which its client has given this id; None if there is none."""

    def first_at(self, time: int) -> int:
        """Return the sequence number of the first entry at or after ``time``; if none, the next."""

    def correspondents(self, reader: str, after: int, tags: bool) -> list[tuple[str, Entry]]:
        """Return with whom ``reader`` has exchanged private lines ``after``, and the last of them.

        By folded nicks, in any order, one of them maybe twice. What are ``tags`` without text
        counts only if wanted.
        """

    def marked(self, reader: str, target: str) -> int:
        """Return up to when ``reader`` has read ``target``; 0: nothing is known."""

    def marks(self, reader: str) -> int:
        """Return of how many targets it is known up to when ``reader`` has read them."""


class NoArchive:
    """There is no past."""

    def allow(self) -> None:
        """Do nothing: nothing takes long."""

    def last(self, _room: str, _count: int) -> list[Entry]:
        """Return nothing."""
        return []

    def missed(self, _nick: str, _room: str, _count: int) -> tuple[list[Entry], int]:
        """Return nothing, for nobody has ever left."""
        return [], -1

    def search(self, _words: str, _room: str, _count: int) -> Found:
        """Return nothing."""
        return Found([])

    def between(self, _wanted: Conversation, _span: Span) -> list[Entry]:
        """Return nothing."""
        return []

    def place_of(self, _message_id: str) -> int | None:
        """Return None."""
        return None

    def once(self, _number: str) -> Entry | None:
        """Return None."""
        return None

    def first_at(self, _time: int) -> int:
        """Return the first number there will be."""
        return 1

    def correspondents(self, _reader: str, _after: int, _tags: bool) -> list[tuple[str, Entry]]:
        """Return nobody."""
        return []

    def marked(self, _reader: str, _target: str) -> int:
        """Return 0."""
        return 0

    def marks(self, _reader: str) -> int:
        """Return 0."""
        return 0


NOTHING: Final = NoArchive()
"""What a hub has that was given no archive."""
