"""Answering what the hub wants looked up in the journal."""

from collections.abc import Sequence

from chatd_supervisor.hub import Lookup
from chatd_supervisor.journal import SHOWN, Entry, Fact, Journal, JournalError
from chatd_supervisor.records import fields_of
from chatd_workers.events import Past, Recalled, Refused, Source
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
    past = [past_of(entry) for entry in found]
    if kind != "search" and total >= 0:
        latest = [
            past_of(Entry(0, now, *fact, journal.id_of(place)))
            for place, fact in enumerate(fresh, 1)
            if fact.kind in SHOWN and fold(fact.room) == fold(room)
        ]
        total += len(latest)
        past += latest
        past = past[:most] if kind == "missed" else past[-most:]
    if not past and kind == "joined":
        return None
    return Recalled(room, kind, words, tuple(past), total, lookup.session.to)


def past_of(entry: Entry) -> Past:
    """Return ``entry`` as it is shown."""
    fields = fields_of(entry.data)
    source = Source(
        entry.nick,
        fields.get("user", ""),
        fields.get("host", ""),
        fields.get("account", ""),
        bot="bot" in fields,
    )
    tags = tuple(fields.get("tags", {}).items())
    return Past(entry.time, entry.nick, entry.kind, entry.text, entry.id, source, entry.room, tags)
