"""CHATHISTORY: any part of what was said, in a room one is in or with somebody (IRCv3).

Every line has one place in the order of the journal, so a client that pages by message ids meets
each line once. Times are told to the millisecond, and all that is said in one tick has the same
one: what is not asked for by a message id begins and ends between milliseconds, and if a page would
end within one, the rest of it is added. So a client that pages by times, from the latest lines on
or from any other, meets each line once as well, and may get more lines than it has asked for.

Private lines are found by whoever was called as is asked, at the time; they are shown to the two
who exchanged them (``journal.strands``), never to somebody who is called so later.
"""

from collections.abc import Callable, Sequence
from itertools import takewhile
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

SHARING: Final = 2000
"""Lines of one conversation that are looked for at most in one millisecond: more than the master
takes in one tick."""


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
        span = Span(0, END, most, latest=False)
        found = _around(hub, wanted, first, most)
        begins, ends = True, True
    else:
        span = _SPANS[entry.verb](first, second, most)
        found = hub.past.between(wanted, span)
        is_cut = len(found) == most
        begins, ends = is_cut and span.latest, is_cut and not span.latest
    if found and not entry.first.id:
        if begins:
            found = _before_in_its_moment(hub, wanted, span, found[0]) + found
        if ends:
            found += _after_in_its_moment(hub, wanted, span, found[-1])
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


def _before_in_its_moment(hub: Core, wanted: Conversation, span: Span, first: Entry) -> list[Entry]:
    """Return the lines within ``span`` before ``first`` that share its millisecond."""
    begins = hub.past.first_at(_moment(first))
    after = max(span.after, begins - 1)
    return hub.past.between(wanted, Span(after, first.seq, SHARING, latest=True))


def _after_in_its_moment(hub: Core, wanted: Conversation, span: Span, last: Entry) -> list[Entry]:
    """Return the lines within ``span`` after ``last`` that share its millisecond."""
    ends = hub.past.first_at(_moment(last) + MILLISECOND)
    before = min(span.before, ends)
    return hub.past.between(wanted, Span(last.seq, before, SHARING, latest=False))


def _moment(entry: Entry) -> int:
    """Return when the millisecond of ``entry`` begins."""
    return entry.time // MILLISECOND * MILLISECOND


def _show_targets(hub: Core, session: Session, entry: c.Chathistory) -> None:
    """Show with whom, or where, something was last said between two times, in order of these."""
    first, second = _place(hub, entry.first), _place(hub, entry.second or entry.first)
    if first is None or second is None:
        hub.refuse(session, "chathistory-failed", "*", entry.verb)
        return
    span = _between(first, second, _most(hub, entry))
    found = [
        (last, name)
        for name, last in _last_lines(hub, session, span.after).items()
        if span.after < last.seq < span.before
    ]
    found.sort(reverse=span.latest)
    some = found[: span.most]
    # As of lines, all that share a millisecond with the end.
    rest = takewhile(lambda each: _moment(each[0]) == _moment(some[-1][0]), found[span.most :])
    some += rest
    if span.latest:
        some.reverse()
    targets = tuple((_spelling(last, name), last.time) for last, name in some)
    hub.reply(session, e.TargetsShown(targets, session.to))


def _last_lines(hub: Core, session: Session, after: int) -> dict[str, Entry]:
    """Return the last line of each conversation of ``session`` in which there is one ``after``.

    By the name of the room, or the folded nick of the other one.
    """
    found: dict[str, Entry] = {}
    for room in session.rooms.values():
        wanted = _conversation(session, room.name)
        assert wanted is not None, "it is in that room"
        for last in hub.past.between(wanted, Span(after, END, 1, latest=True)):
            found[room.name] = last
    for reader in _readers(session):
        for nick, last in hub.past.correspondents(
            reader, after, bool(session.view & EVENT_PLAYBACK)
        ):
            found[nick] = max(last, found.get(nick, last))
    return found


def _spelling(last: Entry, name: str) -> str:
    """Return the name of the one whom ``last`` is from or to, as it was written."""
    spellings: Sequence[str] = (last.nick, last.room)
    return next((written for written in spellings if fold(written) == name), name)


ACTIONS: Final[dict[type, Action]] = {
    c.Chathistory: _chathistory,
}
