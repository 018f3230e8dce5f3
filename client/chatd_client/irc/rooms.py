"""Who is where: coming and going, names, topics and modes."""

from collections.abc import Callable
from typing import Final

from chatd_client.exchange import Came, Member, Members, Modes, Refused, Renamed, Topic, Went
from chatd_client.irc.cleaning import clean_name, clean_plain, clean_text
from chatd_client.irc.hearing import Source, source_of, time_of
from chatd_client.irc.session import Occupant, Room, Session
from chatd_workers.dialects.irc.grammar import Message

SETTLES: Final = 0.5
"""Seconds in which changes of prefixes and of who is away are gathered, and then told at once."""


class Rooms:
    """Keeps the rooms of a session."""

    def __init__(
        self,
        session: Session,
        *,
        joined: Callable[[Room], None],
        refused: Callable[[str], None],
        freed: Callable[[str], None],
    ) -> None:
        """``joined`` is told of rooms that one has come into, ``refused`` of those one has not.

        ``freed`` is told of nicks that nobody has any more.
        """
        self._session = session
        self._joined = joined
        self._refused = refused
        self._freed = freed
        self._changed: set[str] = set()
        self.wake: float | None = None

    # Orders

    def want(self, name: str, password: str = "", *, silent: bool = False) -> None:
        """Come into a room as soon as that can be."""
        session = self._session
        key = session.support.key(name)
        room = session.rooms.get(key)
        if room is None:
            room = session.rooms[key] = Room(name)
        room.password = password or room.password
        room.silent = silent
        if session.registered and not room.joined:
            self.ask(room)

    def ask(self, room: Room) -> None:
        """Ask to be let into ``room``."""
        self._session.send("JOIN", room.name, *[room.password] * bool(room.password))

    def leave(self, name: str, reason: str) -> None:
        """Go from a room, or no longer want to be there."""
        session = self._session
        room = session.room_of(name)
        if room is not None and not room.joined:
            del session.rooms[session.support.key(name)]
        session.send("PART", name, *[reason] * bool(reason))

    def tick(self) -> None:
        """Tell what has changed, if it is time."""
        session = self._session
        if self.wake is None or session.now < self.wake:
            return
        self.wake = None
        changed, self._changed = self._changed, set()
        for key in changed:
            room = session.rooms.get(key)
            if room is not None and room.joined:
                self._tell_members(room)

    def _note_change(self, room: Room) -> None:
        self._changed.add(self._session.support.key(room.name))
        if self.wake is None:
            self.wake = self._session.now + SETTLES

    def _tell_members(self, room: Room) -> None:
        members = tuple(
            Member(nick=each.nick, prefix=each.prefix, away=each.away)
            for each in room.members.values()
        )
        self._session.tell(Members(room=room.name, members=members))

    # What the server says

    def on_join(self, message: Message) -> None:
        """JOIN; with extended-join also account and real name."""
        session = self._session
        source = source_of(message)
        name = clean_name(message.params[0]) if message.params else ""
        if not name:
            return
        account = clean_name(message.params[1]) if len(message.params) > 2 else ""
        account = "" if account == "*" else account
        if session.is_me(source.nick):
            self._come(name, message)
            return
        room = session.room_of(name)
        if room is None:
            return
        room.members[session.support.key(source.nick)] = Occupant(source.nick)
        session.tell(
            Came(
                room=room.name,
                nick=source.nick,
                time=time_of(session, message),
                account=account,
                host=source.host,
            )
        )

    def _come(self, name: str, message: Message) -> None:
        session = self._session
        key = session.support.key(name)
        room = session.rooms.setdefault(key, Room(name))
        room.name = name
        room.joined = True
        room.members = {}
        if not room.silent:
            session.tell(
                Came(room=name, nick=session.nick, own=True, time=time_of(session, message))
            )
        room.silent = False
        self._joined(room)

    def on_part(self, message: Message) -> None:
        """PART."""
        reason = clean_text(message.params[1]) if len(message.params) > 1 else ""
        self._go(message, source_of(message), message.params[:1], reason)

    def on_kick(self, message: Message) -> None:
        """KICK."""
        if len(message.params) < 2:
            return
        by = source_of(message).nick
        reason = clean_text(message.params[2]) if len(message.params) > 2 else ""
        gone = Source(clean_name(message.params[1]), "", "")
        self._go(message, gone, message.params[:1], reason, by=by)

    def _go(
        self, message: Message, who: Source, names: tuple[str, ...], reason: str, *, by: str = ""
    ) -> None:
        session = self._session
        room = session.room_of(clean_name(names[0])) if names else None
        if room is None:
            return
        own = session.is_me(who.nick)
        room.members.pop(session.support.key(who.nick), None)
        session.tell(
            Went(
                room=room.name,
                nick=who.nick,
                own=own,
                time=time_of(session, message),
                reason=reason,
                by=by,
            )
        )
        if own:
            del session.rooms[session.support.key(room.name)]

    def on_quit(self, message: Message) -> None:
        """QUIT."""
        session = self._session
        who = source_of(message)
        reason = clean_text(message.params[0]) if message.params else ""
        key = session.support.key(who.nick)
        for room in session.rooms.values():
            if room.members.pop(key, None) is not None and not session.is_me(who.nick):
                session.tell(
                    Went(
                        room=room.name,
                        nick=who.nick,
                        time=time_of(session, message),
                        reason=reason,
                        quit=True,
                    )
                )
        self._freed(who.nick)

    def on_nick(self, message: Message) -> str:
        """NICK; return our new nick if it is about us, else ""."""
        session = self._session
        who = source_of(message)
        new = clean_name(message.params[0]) if message.params else ""
        if not new:
            return ""
        time = time_of(session, message)
        own = session.is_me(who.nick)
        for room in session.rooms.values():
            found = room.members.pop(session.support.key(who.nick), None)
            if found is not None:
                found.nick = new
                room.members[session.support.key(new)] = found
                session.tell(Renamed(room=room.name, nick=who.nick, new=new, own=own, time=time))
        if own:
            return new
        self._freed(who.nick)
        return ""

    def on_names(self, message: Message) -> None:
        """353: some of a room's members."""
        session = self._session
        if len(message.params) < 4:
            return
        room = session.room_of(clean_name(message.params[2]))
        if room is None:
            return
        if room.coming is None:
            room.coming = {}
        for word in message.params[3].split(" "):
            prefix, nick = session.support.split_member(word)
            nick = clean_name(nick.partition("!")[0])
            if nick:
                room.coming[session.support.key(nick)] = Occupant(nick, prefix)

    def on_names_end(self, message: Message) -> None:
        """366: that were all."""
        session = self._session
        room = session.room_of(clean_name(message.params[1])) if len(message.params) > 1 else None
        if room is None or room.coming is None:
            return
        for key, occupant in room.coming.items():
            known = room.members.get(key)
            occupant.away = known.away if known else False
        room.members, room.coming = room.coming, None
        self._tell_members(room)

    def on_topic(self, message: Message) -> None:
        """TOPIC: somebody has set it."""
        if len(message.params) > 1:
            self._tell_topic(message, message.params[0], message.params[1], source_of(message).nick)

    def on_topic_shown(self, message: Message) -> None:
        """332."""
        if len(message.params) > 2:
            self._tell_topic(message, message.params[1], message.params[2], "")

    def on_no_topic(self, message: Message) -> None:
        """331."""
        if len(message.params) > 1:
            self._tell_topic(message, message.params[1], "", "")

    def _tell_topic(self, message: Message, name: str, text: str, by: str) -> None:
        self._session.tell(
            Topic(
                room=clean_name(name),
                text=clean_text(text),
                by=by,
                time=time_of(self._session, message),
            )
        )

    def on_mode(self, message: Message) -> None:
        """MODE: of a room, or our own."""
        session = self._session
        if len(message.params) < 2:
            return
        name = clean_name(message.params[0])
        text = " ".join(clean_plain(each) for each in message.params[1:])
        room = session.room_of(name)
        session.tell(
            Modes(
                room=room.name if room else "",
                text=text,
                by=source_of(message).nick,
                time=time_of(session, message),
            )
        )
        if room is not None and self._set_prefixes(room, message.params[1:]):
            self._note_change(room)

    def _set_prefixes(self, room: Room, changes: tuple[str, ...]) -> bool:
        support = self._session.support
        letters, *rest = changes
        parameters = iter(rest)
        add = True
        changed = False
        for letter in letters:
            if letter in "+-":
                add = letter == "+"
                continue
            if not support.takes_parameter(letter, add=add):
                continue
            parameter = next(parameters, None)
            prefix = support.prefixes.get(letter)
            found = room.members.get(support.key(clean_name(parameter or "")))
            if prefix and found:
                has = set(found.prefix) | {prefix} if add else set(found.prefix) - {prefix}
                found.prefix = "".join(each for each in support.prefixes.values() if each in has)
                changed = True
        return changed

    def on_away(self, message: Message) -> None:
        """AWAY, of somebody else (away-notify)."""
        session = self._session
        key = session.support.key(source_of(message).nick)
        away = bool(message.params and message.params[0])
        for room in session.rooms.values():
            found = room.members.get(key)
            if found is not None and found.away is not away:
                found.away = away
                self._note_change(room)

    def on_refused(self, message: Message) -> bool:
        """Take one of JOIN_REFUSALS; return whether it was about coming into a room."""
        session = self._session
        name = clean_name(message.params[1]) if len(message.params) > 1 else ""
        room = session.room_of(name)
        if room is None or room.joined:
            return False
        del session.rooms[session.support.key(name)]
        session.tell(
            Refused(why=clean_plain(message.params[-1]), room=room.name, code=message.verb)
        )
        self._refused(room.name)
        return True


JOIN_REFUSALS: Final = frozenset(
    ("403", "405", "407", "437", "471", "473", "474", "475", "476", "477", "479", "480", "489")
)
"""Numerics that say that one is not let into a room."""
