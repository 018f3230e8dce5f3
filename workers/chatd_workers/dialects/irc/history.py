"""Lines of the past: on coming into a room, and as answers to CHATHISTORY.

A line of the past is written as the event that it was, with the time and id that it had. What is
more than talk would change the state of a client (JOIN, NICK ...) and goes only to those who have
event-playback, and only in a batch, which keeps it apart from the present.

=================  ==========================================================================
the recipient has  and sees, unasked and asked
=================  ==========================================================================
draft/chathistory  nothing unasked: it asks for what it wants (IRCv3 chathistory)
batch              a batch ``chathistory``
not that           plain lines without CTCP; unasked or found by words their text begins with
                   ``[HH:MM]``
=================  ==========================================================================

Outside a batch the time of server-time is not enough to tell that a line is of the past: a bot
that never looks at it would do what ``!load`` asks for.
"""

from collections.abc import Callable
from typing import Final, Literal

from msgspec.structs import replace

from chatd_workers import capabilities as cap
from chatd_workers import events as e
from chatd_workers.dialects.irc.batches import batch
from chatd_workers.dialects.irc.lines import line, timestamp
from chatd_workers.dialects.irc.modes import ROOM_MODES, read_modes

Write = Callable[[e.Event, int], bytes]
"""What writes an event for a view."""

Talk = Literal["say", "act", "notice", "tag"]

_TALK: Final[dict[str, Talk]] = {
    "say": "say",
    "act": "act",
    "notice": "notice",
    "tell": "say",
    "tell-act": "act",
    "tell-notice": "notice",
}
"""Kinds of the past that are talk, and what kind of talk."""


def _kick(past: e.Past, source: e.Source, room: str, stamp: e.Stamp) -> e.Event:
    nick, _, reason = past.text.partition(" ")
    return e.Kicked(source, room, nick, reason, stamp=stamp)


def _modes(past: e.Past, source: e.Source, room: str, stamp: e.Stamp) -> e.Event:
    changes = read_modes(ROOM_MODES, past.text.split(" "))
    told = tuple(("-+"[each.add], each.letter, each.parameter or "") for each in changes)
    return e.ModesChanged(source, room, told, stamp=stamp)


_EVENTS: Final[dict[str, Callable[[e.Past, e.Source, str, e.Stamp], e.Event]]] = {
    "tag": lambda past, source, room, stamp: e.Said(source, room, "", "tag", stamp, tags=past.tags),
    "topic": lambda past, source, room, stamp: e.TopicChanged(source, room, past.text, stamp=stamp),
    "join": lambda _, source, room, stamp: e.Joined(source, room, stamp=stamp),
    "part": lambda past, source, room, stamp: e.Left(source, room, past.text, stamp=stamp),
    "depart": lambda past, source, _, stamp: e.Departed(source, past.text, stamp=stamp),
    "quit": lambda past, source, _, stamp: e.Departed(source, past.text, stamp=stamp),
    "nick": lambda past, source, _, stamp: e.Renamed(source, past.text, stamp=stamp),
    "kick": _kick,
    "mode": _modes,
}
"""Other kinds of the past that IRC has words for."""


def past_event(past: e.Past, target: str) -> e.Event | None:
    """Return the event that ``past`` was, in ``target`` if it does not say where; None: no words.

    The text of a ``kick`` is the nick and the reason, that of a ``mode`` is as after MODE.
    """
    source = past.source or e.Source(past.nick)
    room = past.room or target
    stamp = e.Stamp(past.time, past.id)
    talk = _TALK.get(past.kind)
    if talk is not None:
        return e.Said(source, room, past.text, talk, stamp, tags=past.tags)
    make = _EVENTS.get(past.kind)
    return make(past, source, room, stamp) if make else None


def history_shown(event: e.HistoryShown, view: int, server: str, write: Write) -> bytes:
    """Return the answer to CHATHISTORY."""
    return _shown(event.target, event.lines, view, server, write)


def is_ctcp(past: e.Past) -> bool:
    """Tell whether ``past`` is for a program: a client would answer it, as if it were said now."""
    return past.text.startswith("\x01")


def recalled(event: e.Recalled, view: int, server: str, write: Write) -> bytes:
    """Return lines of the past of a room, or in words that there are none."""
    unasked = event.kind == "joined"
    if unasked and view & cap.CHATHISTORY:
        return b""
    if not event.lines:
        return b"" if unasked else line("", f":{server} NOTICE {event.to} :{_nothing(event)}")
    lines = event.lines
    if not view & cap.BATCH:
        lines = tuple(map(_dated, lines))
    return _shown(event.room, lines, view, server, write)


def targets_shown(event: e.TargetsShown, view: int, server: str) -> bytes:
    """Return the answer to CHATHISTORY TARGETS."""
    data = b"".join(
        line("", f":{server} CHATHISTORY TARGETS {name} {timestamp(time)}")
        for name, time in event.targets
    )
    if not view & cap.BATCH:
        return data
    latest = max((time for _, time in event.targets), default=0)
    return batch(server, f"t{latest:x}", "draft/chathistory-targets", data)


def _shown(target: str, lines: tuple[e.Past, ...], view: int, server: str, write: Write) -> bytes:
    batched = bool(view & cap.BATCH)
    if not batched:
        lines = tuple(past for past in lines if not is_ctcp(past))
    events = batched and view & cap.EVENT_PLAYBACK
    told = [past_event(past, target) for past in lines if past.kind in _TALK or events]
    data = b"".join([write(event, view) for event in told if event is not None])
    if not batched:
        return data
    first = lines[0].time if lines else 0
    return batch(server, f"h{first:x}", f"chathistory {target}", data)


def _dated(past: e.Past) -> e.Past:
    minutes = past.time // 60_000_000
    clock = f"[{minutes // 60 % 24:02}:{minutes % 60:02}]"
    return replace(past, text=f"{clock} {past.text}")


def _nothing(event: e.Recalled) -> str:
    if event.kind == "missed":
        if event.total < 0:
            return "you have not been here under this name before"
        return f"nothing was said in {event.room} while you were away"
    if event.kind == "search":
        return f"nothing in {event.room} holds: {event.words}"
    return f"nothing has been said in {event.room}"
