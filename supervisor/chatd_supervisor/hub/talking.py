"""Saying things: in rooms, to one person, by one's dialect's ways."""

from typing import Final

from chatd_supervisor.hub.coming import nick_problem, rename
from chatd_supervisor.hub.core import Action, Core
from chatd_supervisor.journal import Fact
from chatd_supervisor.rooms import Audience, Room, Session
from chatd_workers import commands as c
from chatd_workers import events as e
from chatd_workers.names import fold, is_safe


def _say(hub: Core, session: Session, entry: c.Say) -> None:
    _say_in(hub, session, session.room, entry.text, "say")


def _act(hub: Core, session: Session, entry: c.Act) -> None:
    _say_in(hub, session, session.room, entry.text, "act")


def _say_in(hub: Core, session: Session, room: Room, text: str, kind: e.TalkKind) -> None:
    if not is_safe(text):
        hub.refuse(session, "text-unsafe")
        return
    stamp = hub.note(Fact(session.id, session.nick, room.name, kind, text, session.data))
    session.idle_since = hub.now
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
        hub.refuse(session, *problem)


def _tell(hub: Core, session: Session, entry: c.Tell) -> None:
    if not is_safe(entry.text):
        hub.refuse(session, "text-unsafe")
        return
    other = hub.find(entry.nick)
    if other is None:
        hub.refuse(session, "nick-unknown", entry.nick)
        return
    both = {session.id: session, other.id: other}
    stamp = hub.note(Fact(session.id, session.nick, other.nick, "tell", entry.text, session.data))
    session.idle_since = hub.now
    event = e.Told(session.source, other.nick, entry.text, "say", stamp)
    hub.tell(Audience(both.values()), event)


ACTIONS: Final[dict[type, Action]] = {
    c.Say: _say,
    c.SayAs: _say_as,
    c.Act: _act,
    c.Tell: _tell,
}
