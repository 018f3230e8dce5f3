"""Answering what the hub wants looked up in the journal."""

from collections.abc import Sequence

from chatd_supervisor.hub import Lookup
from chatd_supervisor.journal import SHOWN, Fact, Journal, JournalError
from chatd_workers.events import Past, Recalled, Refused
from chatd_workers.names import fold


def recall(
    journal: Journal, lookup: Lookup, fresh: Sequence[Fact], now: int
) -> Recalled | Refused | None:
    """Return what ``lookup`` finds; None if nobody need be told that there is nothing.

    ``fresh`` is what has happened in this very tick and is not in the journal yet, at ``now``, in
    microseconds since the epoch.
    """
    kind, room, words, most = lookup.kind, lookup.room, lookup.words, lookup.most
    try:
        if kind == "missed":
            found, total = journal.missed(lookup.session.nick, room, most)
        elif kind == "search":
            found = journal.search(words, room, most)
            total = len(found)
        else:
            found = journal.last(room, most)
            total = len(found)
    except JournalError as error:
        return Refused("history-unavailable", str(error))
    past = [Past(entry.time, entry.nick, entry.kind, entry.text) for entry in found]
    if kind != "search" and total >= 0:
        latest = [
            Past(now, fact.nick, fact.kind, fact.text)
            for fact in fresh
            if fact.kind in SHOWN and fold(fact.room) == fold(room)
        ]
        total += len(latest)
        past += latest
        past = past[:most] if kind == "missed" else past[-most:]
    if not past and kind == "joined":
        return None
    return Recalled(room, kind, words, tuple(past), total)
