"""The facts of a tick that is not committed, found as those in the journal are. Pure.

Each fact is looked at once a tick, when somebody asks: were all of them looked at for each
question, a hundred people who come into a hundred rooms at once would take a hundred million looks.
"""

from collections import defaultdict
from collections.abc import Sequence

from chatd_supervisor.journal import SHOWN, Fact
from chatd_supervisor.journal.strands import Conversation, strands_of
from chatd_supervisor.records import fields_of
from chatd_workers.names import fold


class RecentFacts:
    """An index of a list of facts that grows, and begins anew with each tick.

    A place is the number of a fact in the list, 1 for the first.
    """

    def __init__(self) -> None:
        self._facts: Sequence[Fact] = ()
        self._looked = 0
        self._begin()

    def _begin(self) -> None:
        # Places, by folded room; and by strand, of which those of a reader begin alike.
        self._shown: defaultdict[str, list[int]] = defaultdict(list)
        self._strands: defaultdict[str, list[int]] = defaultdict(list)
        self._readers: defaultdict[str, dict[str, None]] = defaultdict(dict)
        # By reader, and by folded target.
        self._marks: defaultdict[str, dict[str, int]] = defaultdict(dict)

    def places(self, facts: Sequence[Fact], wanted: Conversation) -> list[int]:
        """Return the places of all that may be part of a conversation, in order."""
        self._look(facts)
        found = [self._strands[strand] for strand in wanted.strands if strand in self._strands]
        folded = fold(wanted.name)
        if not wanted.readers and folded in self._shown:
            found.append(self._shown[folded])
        if len(found) < 2:
            return found[0] if found else []
        return sorted({place for places in found for place in places})

    def sealed(self, facts: Sequence[Fact], room: str) -> int:
        """Return the place where the past of ``room`` was last sealed; 0: it was not."""
        self._look(facts)
        return self._strands.get(f"sealed {fold(room)}", [0])[-1]

    def correspondents(self, facts: Sequence[Fact], reader: str) -> list[str]:
        """Return the folded nicks with which ``reader`` has exchanged private lines."""
        self._look(facts)
        return list(self._readers.get(reader, ()))

    def marks(self, facts: Sequence[Fact], reader: str) -> dict[str, int]:
        """Return up to when ``reader`` has read what, by folded target."""
        self._look(facts)
        return self._marks.get(reader, {})

    def _look(self, facts: Sequence[Fact]) -> None:
        if facts is not self._facts or len(facts) < self._looked:
            self._facts, self._looked = facts, 0
            self._begin()
        for place in range(self._looked + 1, len(facts) + 1):
            self._take(place, facts[place - 1])
        self._looked = len(facts)

    def _take(self, place: int, fact: Fact) -> None:
        if fact.kind in SHOWN:
            self._shown[fold(fact.room)].append(place)
        elif fact.kind == "read":
            fields = fields_of(fact.data)
            self._marks[fields["reader"]][fold(fact.room)] = fields["time"]
        for strand in strands_of(fact):
            self._strands[strand].append(place)
            reader, _, nick = strand.partition(" ")
            if nick:
                self._readers[reader][nick] = None
