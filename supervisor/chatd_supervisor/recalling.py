"""Answering what the hub asks about the past: from the journal, and what is not in it yet."""

from chatd_supervisor.hub.core import Core
from chatd_supervisor.journal import Entry, Fact, Found, Journal
from chatd_supervisor.journal.strands import END, Conversation, Span
from chatd_supervisor.recent_facts import RecentFacts
from chatd_workers.events import COUNTED
from chatd_workers.names import fold


class Recollection:
    """The archive of a hub (``hub.archive``). Everything may raise JournalError.

    What the hub has decided in this tick is not in the journal yet, and comes after all that is.
    What was said in a room before its past was sealed is shown to nobody.
    """

    def __init__(self, journal: Journal, hub: Core) -> None:
        self._journal = journal
        self._hub = hub
        self._recent = RecentFacts()

    def allow(self) -> None:
        """Begin with a command: all that is asked for it may take a few milliseconds."""
        self._journal.allow()

    def last(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` lines and topics of ``room``, in order."""
        found = self._journal.last(room, count) + self._shown(room, count)
        return self._since_sealed(room, found)[-count:]

    def missed(self, nick: str, room: str, count: int) -> tuple[list[Entry], int]:
        """Return what was shown in ``room`` since ``nick`` last left, and how much there is."""
        found, total = self._journal.missed(nick, room, count, after=self._sealed(room))
        if total < 0:
            return found, total
        fresh = self._since_sealed(room, self._shown(room, COUNTED + 1))
        return (found + fresh)[:count], min(total + len(fresh), COUNTED + 1)

    def search(self, words: str, room: str, count: int) -> Found:
        """Return the last ``count`` lines and topics of ``room`` that hold all ``words``.

        What was said in this tick is not looked through.
        """
        found, is_all = self._journal.search(words, room, count)
        return Found(self._since_sealed(room, found), is_all)

    def between(self, wanted: Conversation, span: Span) -> list[Entry]:
        """Return the entries of a conversation in ``span``, in order."""
        if not wanted.readers:
            span = span._replace(after=max(span.after, self._sealed(wanted.name)))
        found = self._journal.strands.between(wanted, span)
        found += self._fresh(wanted, span)
        return found[-span.most :] if span.latest else found[: span.most]

    def _fresh(self, wanted: Conversation, span: Span) -> list[Entry]:
        """Return what of this tick is in ``span``, as much as is asked for."""
        facts = self._hub.facts
        seq_of = self._journal.seq_of
        places = self._recent.places(facts, wanted)
        found: list[Entry] = []
        for place in reversed(places) if span.latest else places:
            if len(found) == span.most:
                break
            fact = facts[place - 1]
            if span.after < seq_of(place) < span.before and wanted.holds(fact):
                found.append(self._entry(place, fact))
        return found[::-1] if span.latest else found

    def place_of(self, message_id: str) -> int | None:
        """Return the sequence number in a message id; None if it is none of this server's."""
        return self._journal.place_of(message_id)

    def once(self, number: str) -> Entry | None:
        """Return the line to which its client has given this id; None if there is none."""
        place = self._hub.onces.get(number)
        if place is not None:
            return self._entry(place, self._hub.facts[place - 1])
        return self._journal.once(number)

    def first_at(self, time: int) -> int:
        """Return the sequence number of the first entry at or after ``time``; if none, the next."""
        found = self._journal.strands.first_at(time)
        if found < self._journal.seq_of(1) or time <= self._hub.now:
            return found
        return self._journal.seq_of(len(self._hub.facts) + 1)

    def correspondents(self, reader: str, after: int, tags: bool) -> list[tuple[str, Entry]]:
        """Return with whom ``reader`` has exchanged private lines ``after``, and the last."""
        found = self._journal.strands.correspondents(reader, after, tags)
        span = Span(after, END, 1, latest=True)
        for nick in self._recent.correspondents(self._hub.facts, reader):
            private = Conversation(nick, (reader,), topics=tags, events=tags)
            found += [(nick, last) for last in self._fresh(private, span)]
        return found

    def marked(self, reader: str, target: str) -> int:
        """Return up to when ``reader`` has read ``target``; 0: nothing is known."""
        fresh = self._recent.marks(self._hub.facts, reader).get(fold(target))
        return fresh or self._journal.strands.marked(reader, target)

    def marks(self, reader: str) -> int:
        """Return of how many targets it is known up to when ``reader`` has read them.

        Those of this tick may be counted twice.
        """
        fresh = len(self._recent.marks(self._hub.facts, reader))
        return self._journal.strands.marks(reader) + fresh

    def _sealed(self, room: str) -> int:
        """Return the sequence number after which the past of ``room`` may be shown."""
        fresh = self._recent.sealed(self._hub.facts, room)
        return self._journal.seq_of(fresh) if fresh else self._journal.strands.sealed(room)

    def _since_sealed(self, room: str, found: list[Entry]) -> list[Entry]:
        after = self._sealed(room)
        return [entry for entry in found if entry.seq > after]

    def _shown(self, room: str, count: int) -> list[Entry]:
        """Return the last ``count`` lines and topics of ``room`` in this tick, in order."""
        return self._fresh(Conversation(room), Span(0, END, count, latest=True))

    def _entry(self, place: int, fact: Fact) -> Entry:
        journal = self._journal
        return Entry(journal.seq_of(place), self._hub.now, *fact, journal.id_of(place))
