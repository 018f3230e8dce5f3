"""CHATHISTORY: any part of what was said, in a room one is in or with somebody (IRCv3).

Every line has one place in the order of the journal, so a client that pages by message ids meets
each line once. Times are told to the millisecond, and several lines may share one: what is asked
for by times begins and ends between milliseconds, and if a page would end within one, the rest of
it is added. So a client that pages by times meets each line once as well, and may get more lines
than it has asked for.

Private lines are found by whoever was called as is asked, at the time; they are shown to the two
who exchanged them (``journal.strands``), never to somebody who is called so later.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.recalling import past_of
from chatd_supervisor.journal import Entry, JournalError, TooMuch
from chatd_supervisor.journal.strands import END, Conversation, Span, reader_of
from chatd_supervisor.rooms import Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import EVENT_PLAYBACK
from chatd_workers.names import fold, is_nick

MILLISECOND: Final = 1000
"""In microseconds."""


class _Place(NamedTuple):
    """A place in the order: entries before it have numbers below ``low``, after it above ``high``.

    Those from ``low`` to ``high`` are at it.
    """

    low: int
    high: int


_BEGINNING: Final = _Place(0, 0)


def _between(first: _Place, second: _Place, most: int) -> Span:
    if first.low <= second.low:
        return Span(first.high, second.low, most, latest=False)
    return Span(second.high, first.low, most, latest=True)


_SPANS: Final[dict[str, Callable[[_Place, _Place, int], Span]]] = {
    "BEFORE": lambda first, _, most: Span(0, first.low, most, latest=True),
    "AFTER": lambda first, _, most: Span(first.high, END, most, latest=False),
    "LATEST": lambda first, _, most: Span(first.high, END, most, latest=True),
    "BETWEEN": _between,
}
"""What is asked for, by a verb, its places, and a number of lines."""


def _chathistory(hub: Core, session: Session, entry: c.Chathistory) -> None:
    try:
        if entry.verb == "TARGETS":
            _show_targets(hub, session, entry)
        else:
            _show_lines(hub, session, entry)
    except TooMuch:
        hub.refuse(session, "chathistory-too-much", entry.target or "*", entry.verb)
    except JournalError:
        hub.refuse(session, "chathistory-failed", entry.target or "*", entry.verb)


def _show_lines(hub: Core, session: Session, entry: c.Chathistory) -> None:
    wanted = _conversation(session, entry.target)
    if wanted is None:
        hub.refuse(session, "chathistory-target", entry.target, entry.verb)
        return
    first = _place(hub, entry.first)
    second = _place(hub, entry.second or entry.first)
    if first is None or second is None:
        hub.refuse(session, "chathistory-failed", entry.target, entry.verb)
        return
    most = _most(hub, entry)
    if entry.verb == "AROUND":
        found = _around(hub, wanted, first, most)
    else:
        span = _SPANS[entry.verb](first, second, most)
        found = hub.past.between(wanted, span)
        timed = not entry.first.id and not entry.first.latest
        if timed and len(found) == most:
            found = _to_a_whole_moment(hub, wanted, span, found)
    lines = tuple(map(past_of, found))
    hub.reply(session, e.HistoryShown(entry.target, lines, session.to))


def _conversation(session: Session, target: str) -> Conversation | None:
    """Return what is between ``session`` and ``target``; None if it may not see that."""
    events = bool(session.view & EVENT_PLAYBACK)
    room = session.rooms.get(fold(target))
    if room is not None:
        return Conversation(room.name, topics=events, events=events)
    if not is_nick(target):
        return None
    return Conversation(target, _readers(session), topics=events, events=events)


def _readers(session: Session) -> tuple[str, ...]:
    """Return as whom ``session`` reads: as its account, and as itself since it came."""
    account = session.record.account
    return tuple(dict.fromkeys((reader_of(session.id, account), reader_of(session.id, ""))))


def _place(hub: Core, selector: c.Selector) -> _Place | None:
    """Return the place that is meant; None if there is none such."""
    if selector.latest:
        return _BEGINNING
    if selector.id:
        seq = hub.past.place_of(selector.id)
        return None if seq is None else _Place(seq, seq)
    moment = selector.time // MILLISECOND * MILLISECOND
    return _Place(hub.past.first_at(moment), hub.past.first_at(moment + MILLISECOND) - 1)


def _most(hub: Core, entry: c.Chathistory) -> int:
    return min(entry.limit, hub.rules.history_lines)


def _around(hub: Core, wanted: Conversation, place: _Place, most: int) -> list[Entry]:
    """Return what is at ``place`` in the middle, as far as there is enough on both sides."""
    before = hub.past.between(wanted, Span(0, place.low, most, latest=True))
    after = hub.past.between(wanted, Span(place.low - 1, END, most, latest=False))
    head = min(len(before), max(most // 2, most - len(after)))
    return before[len(before) - head :] + after[: most - head]


def _to_a_whole_moment(
    hub: Core, wanted: Conversation, span: Span, found: list[Entry]
) -> list[Entry]:
    """Return ``found`` with the lines that share their millisecond with its end.

    So many at most as anybody may ask for: what comes in faster is paged through by message ids.
    """
    end = found[0] if span.latest else found[-1]
    moment = end.time // MILLISECOND * MILLISECOND
    if span.latest:
        after = max(span.after, hub.past.first_at(moment) - 1)
        rest = Span(after, end.seq, hub.rules.history_lines, latest=True)
        return hub.past.between(wanted, rest) + found
    before = min(span.before, hub.past.first_at(moment + MILLISECOND))
    rest = Span(end.seq, before, hub.rules.history_lines, latest=False)
    return found + hub.past.between(wanted, rest)


def _show_targets(hub: Core, session: Session, entry: c.Chathistory) -> None:
    """Show with whom, or where, something was last said between two times, in order of these."""
    first, second = _place(hub, entry.first), _place(hub, entry.second or entry.first)
    if first is None or second is None:
        hub.refuse(session, "chathistory-failed", "*", entry.verb)
        return
    span = _between(first, second, _most(hub, entry))
    names = [room.name for room in session.rooms.values()]
    for reader in _readers(session):
        names += hub.past.correspondents(reader, span.after)
    found: list[tuple[Entry, str]] = []
    for name in dict.fromkeys(names):
        wanted = _conversation(session, name)
        latest = hub.past.between(wanted, Span(0, END, 1, latest=True)) if wanted else []
        found += [(last, name) for last in latest if span.after < last.seq < span.before]
    found.sort()
    some = found[-span.most :] if span.latest else found[: span.most]
    targets = tuple((_spelling(last, name), last.time) for last, name in some)
    hub.reply(session, e.TargetsShown(targets, session.to))


def _spelling(last: Entry, name: str) -> str:
    """Return the name of the one whom ``last`` is from or to, as it was written."""
    spellings: Sequence[str] = (last.nick, last.room)
    return next((written for written in spellings if fold(written) == name), name)


ACTIONS: Final[dict[type, Action]] = {
    c.Chathistory: _chathistory,
}
