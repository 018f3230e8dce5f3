"""Saying things: in rooms, to one person, by one's dialect's ways."""

from collections.abc import Mapping
from typing import Final

from chatd_supervisor.hub.acceptance import expect_answer, turn_away
from chatd_supervisor.hub.coming import nick_problem, rename
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.hub.once import answer_again, echo_once
from chatd_supervisor.hub.permissions import Problem, ctcp_problem, speak_problem
from chatd_supervisor.hub.presence import tell_away
from chatd_supervisor.hub.sight import sees_room
from chatd_supervisor.journal import Fact
from chatd_supervisor.records import data_of, fields_of
from chatd_supervisor.rooms import Audience, Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.capabilities import ECHO_MESSAGE, ONCE
from chatd_workers.dialects.irc.grammar import MAX_TAGS, is_tag_key
from chatd_workers.dialects.irc.talking import fitting
from chatd_workers.names import fold, is_passable, is_safe


def _say(hub: Core, session: Session, entry: c.Say) -> None:
    _say_in(hub, session, session.room, entry.text, "say")


def _act(hub: Core, session: Session, entry: c.Act) -> None:
    _say_in(hub, session, session.room, entry.text, "act")


def _send(hub: Core, session: Session, entry: c.Send) -> None:
    """PRIVMSG and its like. A notice is never answered, not even by a refusal.

    What is too long to be passed on in one line is cut off here, so that everybody is shown the
    same, now and in the room's past.
    """
    quiet = entry.kind == "notice"
    if hub.rules.max_targets and len(entry.targets) > hub.rules.max_targets:
        hub.refuse(session, "too-many-targets", entry.targets[hub.rules.max_targets])
        return
    if not is_passable(entry.text):
        if not quiet:
            hub.refuse(session, "text-unsafe")
        return
    if not _are_tags(entry.tags):
        if not quiet:
            hub.refuse(session, "input-too-long")
        return
    if entry.once and session.view & ONCE and entry.kind != "tag":
        if len(entry.targets) != 1:
            hub.refuse(session, "once-many", _VERBS[entry.kind])
            return
        if answer_again(hub, session, entry.once):
            return
    session.spoke_at = hub.monotonic
    for target in entry.targets:
        name = target.lstrip(STATUS_PREFIXES)
        send = _send_in_room if name.startswith("#") else _send_privately
        problem = send(hub, session, target, entry)
        if problem is not None and not quiet:
            hub.refuse(session, *problem)


def _send_in_room(hub: Core, session: Session, target: str, entry: c.Send) -> Problem:
    name = target.lstrip(STATUS_PREFIXES)
    prefix = target[: len(target) - len(name)]
    room = hub.rooms.get(fold(name))
    if room is None:
        return "room-unknown", name
    problem = speak_problem(hub, session, room) or ctcp_problem(room, entry.text)
    if problem is not None:
        return problem if sees_room(hub, session, room) else ("room-unknown", name)
    tags = tuple(entry.tags.items())
    text = fitting(session.source, entry.kind, prefix[:1] + room.name, entry.text)
    if entry.kind == "tag" and (prefix or not is_kept(entry.tags)):
        stamp = hub.moment()
    else:
        kind = entry.kind if not prefix else f"{entry.kind}-status"
        data = _data(session, entry.tags)
        stamp = hub.note(Fact(session.id, session.nick, room.name, kind, text, data))
    audience = room.having(STATUSES_FOR[prefix[0]]) if prefix else room.audience()
    said = e.Said(session.source, room.name, text, entry.kind, stamp, prefix[:1], tags)
    echoed = echo_once(hub, session, said, entry)
    hub.tell(audience, said, but=session if echoed or not hears_itself(hub, session) else None)
    return None


def _send_privately(hub: Core, session: Session, target: str, entry: c.Send) -> Problem:
    other = hub.find(target)
    if other is None:
        return "nick-unknown", target
    if turn_away(hub, session, other, entry.kind, entry.text):
        return None
    tags = tuple(entry.tags.items())
    text = fitting(session.source, entry.kind, other.nick, entry.text)
    if entry.kind == "tag" and not is_kept(entry.tags):
        stamp = hub.moment()
    else:
        kind = "tell" if entry.kind == "say" else f"tell-{entry.kind}"
        data = _data(session, entry.tags, other)
        stamp = hub.note(Fact(session.id, session.nick, other.nick, kind, text, data))
    told = e.Told(session.source, other.nick, text, entry.kind, stamp, tags)
    if not echo_once(hub, session, told, entry) and hears_itself(hub, session):
        hub.reply(session, told)
    # Who writes to itself is answered by the echo; that it is written to is something else, and
    # has no label (IRCv3 labeled-response, "Echo message").
    hub.deliver(other, told)
    if entry.kind in ("say", "act"):
        expect_answer(hub, session, other)
        tell_away(hub, session, other)
    return None


def _are_tags(tags: dict[str, str]) -> bool:
    """Tell whether ``tags`` are as a reader makes them; a worker is not to be trusted."""
    size = sum(len(key) + len(value) for key, value in tags.items())
    return size <= MAX_TAGS and all(map(is_tag_key, tags))


def hears_itself(hub: Core, session: Session) -> bool:
    """Tell whether ``session`` is sent what it has said itself."""
    return bool(session.view & ECHO_MESSAGE) or hub.knows_one_room(session)


def is_kept(tags: Mapping[str, str]) -> bool:
    """Tell whether ``tags``, with which nothing is said, are part of the past nevertheless."""
    return not KEPT_TAGS.isdisjoint(tags) and PASSING_TAGS.isdisjoint(tags)


def _data(session: Session, tags: Mapping[str, str], to: Session | None = None) -> str:
    """Return what a fact carries about something that was said; ``to`` somebody alone."""
    if not tags and to is None:
        return session.data
    fields = fields_of(session.data)
    if tags:
        fields["tags"] = tags
    if to is not None:
        # Who it was, not only what it was called: for who may read it later (journal.strands).
        fields["to"] = (to.id, to.record.account)
    return data_of(fields)


def _say_in(hub: Core, session: Session, room: Room, text: str, kind: e.TalkKind) -> None:
    if not is_safe(text):
        hub.refuse(session, "text-unsafe")
        return
    problem = speak_problem(hub, session, room)
    if problem is not None:
        hub.refuse(session, *problem)
        return
    stamp = hub.note(Fact(session.id, session.nick, room.name, kind, text, session.data))
    session.spoke_at = hub.monotonic
    hub.tell(room.audience(), e.Said(session.source, room.name, text, kind, stamp))


def _say_as(hub: Core, session: Session, entry: c.SayAs) -> None:
    if not session.named:
        _claim(hub, session, entry.nick)
    if fold(entry.nick) in (fold(session.nick), session.record.warned):
        text = entry.text
    else:
        text = f"{entry.nick} : {entry.text}" if entry.text else f"{entry.nick} :"
    if text:
        _say(hub, session, c.Say(text))


def _claim(hub: Core, session: Session, nick: str) -> None:
    folded = fold(nick)
    problem = nick_problem(hub, session, nick)
    if problem is None:
        rename(hub, session, c.Rename(nick))
    elif session.record.warned != folded:
        hub.change(session, "warned", warned=folded)
        hub.refuse(session, *problem, about=nick)


def _tell(hub: Core, session: Session, entry: c.Tell) -> None:
    if not is_safe(entry.text):
        hub.refuse(session, "text-unsafe")
        return
    other = hub.find(entry.nick)
    if other is None:
        hub.refuse(session, "nick-unknown", entry.nick)
        return
    if turn_away(hub, session, other, "say", entry.text):
        return
    both = {session.id: session, other.id: other}
    data = _data(session, {}, other)
    stamp = hub.note(Fact(session.id, session.nick, other.nick, "tell", entry.text, data))
    session.spoke_at = hub.monotonic
    event = e.Told(session.source, other.nick, entry.text, "say", stamp)
    hub.tell(Audience(both.values()), event)
    expect_answer(hub, session, other)
    tell_away(hub, session, other)


STATUS_PREFIXES: Final = "@+"

_VERBS: Final = {"say": "PRIVMSG", "act": "PRIVMSG", "notice": "NOTICE"}

STATUSES_FOR: Final = {"@": "o", "+": "ov"}
"""Which statuses a line is for, by the prefix of its target (STATUSMSG)."""

KEPT_TAGS: Final = frozenset(
    ("" if ratified else "draft/") + name
    for name in ("react", "unreact", "reply", "persist")
    for ratified in (False, True)
)
"""Client-only tags with which a message is part of the past, though it says nothing."""

PASSING_TAGS: Final = frozenset({"typing", "draft/typing"})
"""Client-only tags that matter to nobody a moment later."""

ACTIONS: Final[dict[type, Action]] = {
    c.Say: _say,
    c.SayAs: _say_as,
    c.Act: _act,
    c.Tell: _tell,
    c.Send: _send,
}
