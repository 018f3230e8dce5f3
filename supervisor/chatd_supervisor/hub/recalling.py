"""What was said in a room before: shown to whoever comes into it, or asks in words."""

from collections.abc import Sequence
from typing import Final

from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.permissions import CTCP
from chatd_supervisor.journal import Entry, JournalError, TooMuch
from chatd_supervisor.journal.strands import END, Conversation, Span
from chatd_supervisor.journal.words import wanted
from chatd_supervisor.records import fields_of
from chatd_supervisor.rooms import Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import CHATHISTORY
from chatd_workers.names import is_safe

DEFAULT_HISTORY: Final = 20
"""Lines that /history shows if not told how many."""

_SHOWN_AS: Final = {
    "arrive": "join",
    "status": "mode",
    "tell": "say",
    "tell-act": "act",
    "tell-notice": "notice",
    "tell-tag": "tag",
}
"""What some kinds of facts are to whoever is shown them."""


def show_past(hub: Core, session: Session, room: Room) -> None:
    """Show ``session``, which comes into ``room``, the last lines.

    A client that can ask for what it wants is shown none; one of IRC was told the topic. Neither
    is a bot, which would do once more what it was told then; and nobody is shown CTCP, which a
    client would answer, or take for the offer of a file.
    """
    count = hub.rules.history_on_join
    if not count or session.view & CHATHISTORY or session.source.bot:
        return
    talk = Conversation(room.name, topics=hub.knows_one_room(session))
    try:
        found = hub.past.between(talk, Span(0, END, count, latest=True))
    except TooMuch:
        return  # nobody has asked for it
    except JournalError as error:
        hub.refuse(session, "history-unavailable", str(error))
        return
    found = [entry for entry in found if not entry.text.startswith(CTCP)]
    if found:
        _show(hub, session, "joined", found, room=room)


def past_of(entry: Entry) -> e.Past:
    """Return ``entry`` as it is shown."""
    fields = fields_of(entry.data)
    source = e.Source(
        entry.nick,
        fields.get("user", ""),
        fields.get("host", ""),
        fields.get("account", ""),
        fields.get("realname", ""),
        bot="bot" in fields,
        server="server" in fields,
    )
    tags = tuple(fields.get("tags", {}).items())
    kind = _SHOWN_AS.get(entry.kind, entry.kind)
    return e.Past(entry.time, entry.nick, kind, entry.text, entry.id, source, entry.room, tags)


def _history(hub: Core, session: Session, entry: c.History) -> None:
    count = min(entry.count or DEFAULT_HISTORY, hub.rules.history_lines)
    _show(hub, session, "history", hub.past.last(session.room.name, count))


def _search(hub: Core, session: Session, entry: c.Search) -> None:
    if not is_safe(entry.words):
        hub.refuse(session, "text-unsafe")
        return
    if wanted(entry.words) is None:
        hub.refuse(session, "search-empty", entry.words)
        return
    count = min(DEFAULT_HISTORY, hub.rules.history_lines)
    found, is_all = hub.past.search(entry.words, session.room.name, count)
    if found or is_all:
        _show(hub, session, "search", found, words=entry.words)
    if not is_all:
        hub.refuse(session, "search-unfinished")


def _missed(hub: Core, session: Session, _: c.Missed) -> None:
    if not session.named:
        hub.refuse(session, "not-named", session.nick)
        return
    room = session.room.name
    found, total = hub.past.missed(session.nick, room, hub.rules.history_lines)
    _show(hub, session, "missed", found, total=total)


def _show(
    hub: Core,
    session: Session,
    kind: e.RecallKind,
    found: Sequence[Entry],
    *,
    room: Room | None = None,
    words: str = "",
    total: int | None = None,
) -> None:
    lines = tuple(map(past_of, found))
    name = (room or session.room).name
    total = len(lines) if total is None else total
    hub.reply(session, e.Recalled(name, kind, words, lines, total, session.to))


def _or_told(action: Action) -> Action:
    """Return ``action``, and who has asked told if the journal cannot be read."""

    def attempt(hub: Core, session: Session, entry: c.Entry) -> None:
        try:
            action(hub, session, entry)
        except TooMuch:
            hub.refuse(session, "history-too-much")
        except JournalError as error:
            hub.refuse(session, "history-unavailable", str(error))

    return attempt


ACTIONS: Final[dict[type, Action]] = {
    c.History: _or_told(_history),
    c.Search: _or_told(_search),
    c.Missed: _or_told(_missed),
}
