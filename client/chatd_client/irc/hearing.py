"""What is said: PRIVMSG, NOTICE and TAGMSG, now and out of the history, as news."""

from typing import NamedTuple

from chatd_client.exchange import Kind, Said, Typing
from chatd_client.irc.cleaning import clean_id, clean_name, clean_plain, clean_text
from chatd_client.irc.session import Session
from chatd_workers.dialects.irc.grammar import Message, read_action
from chatd_workers.dialects.irc.timestamps import read_time


class Source(NamedTuple):
    """Who a message comes from; a server has a nick alone."""

    nick: str
    user: str
    host: str


def source_of(message: Message) -> Source:
    """Return who ``message`` comes from, cleaned."""
    rest, _, host = message.source.partition("@")
    nick, _, user = rest.partition("!")
    return Source(clean_name(nick), clean_name(user), clean_name(host))


def is_from_server(message: Message) -> bool:
    """Tell whether ``message`` is not from a person."""
    source = message.source
    return not source or ("!" not in source and "@" not in source and "." in source)


def time_of(session: Session, message: Message) -> int:
    """Return when it was: as the server says, or now, and then later than all that came before."""
    told = read_time(message.tags.get("time", ""))
    return session.moment() if told is None else told


def read_said(session: Session, message: Message) -> Said | None:
    """Return what ``message`` says; None if it says nothing to be shown (CTCP other than actions).

    Of a private line the room is whoever else it concerns.
    """
    if len(message.params) < 2:
        return None
    source = source_of(message)
    status, name = session.support.split_target(message.params[0])
    own = session.is_me(source.nick)
    if session.support.is_room(name):
        known = session.room_of(clean_name(name))
        room = known.name if known else clean_name(name)
    elif own:
        room = clean_name(name)
    else:
        room = source.nick
    text = message.params[1]
    kind = Kind.NOTICE if message.verb == "NOTICE" else Kind.MESSAGE
    action = read_action(text)
    if action is not None and kind is Kind.MESSAGE:
        kind, text = Kind.ACTION, action
    elif text.startswith("\x01"):
        return None
    tags = message.tags
    return Said(
        room=room,
        nick=source.nick,
        text=clean_text(text),
        kind=kind,
        time=time_of(session, message),
        msgid=clean_id(tags.get("msgid", "")),
        own=own,
        account=clean_name(tags.get("account", "")),
        reply=clean_id(tags.get("+reply", "") or tags.get("+draft/reply", "")),
        to=clean_name(message.params[0]) if status else "",
    )


def on_typing(session: Session, message: Message) -> None:
    """TAGMSG; all that is read of it is whether somebody types (IRCv3 typing)."""
    state = message.tags.get("+typing") or message.tags.get("+draft/typing")
    source = source_of(message)
    if not state or not message.params or session.is_me(source.nick):
        return
    _, name = session.support.split_target(message.params[0])
    room = session.room_of(clean_name(name))
    session.tell(
        Typing(room=room.name if room else source.nick, nick=source.nick, active=state == "active")
    )


def server_says(session: Session, message: Message) -> None:
    """Tell a NOTICE or a line of the server itself."""
    if message.params:
        session.info(clean_plain(message.params[-1]), code=message.verb)
