"""What was missed, between what was told last and what is told now: no hole, no line twice.

A room that is being caught up with holds back what happens in it meanwhile. When the pages of its
history are there, all is told in one order: that of the history, in which a line that has come
live as well stands once; then what has come live since.

=======  ==========================================================================================
Latest   the first time: the last lines of a room
Missed   from the last line that was told on, up to MOST lines; if there are more, the last ones
         after a ``Hole``
Older    what the user asks for: before the oldest line that was told
Targets  which people have written to us while we were away
=======  ==========================================================================================
"""

from collections.abc import Callable, Sequence
from typing import Final

from msgspec.structs import replace

from chatd_client.exchange import (
    Came,
    Fetched,
    Hole,
    Modes,
    News,
    Renamed,
    Said,
    Topic,
    Typing,
    Went,
)
from chatd_client.irc.cleaning import clean_name
from chatd_client.irc.hearing import read_said
from chatd_client.irc.history import selector
from chatd_client.irc.session import Session, place_key
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.timestamps import read_time, write_time
from chatd_workers.names import fold

MOST: Final = 2000
"""Lines of one room that are caught up with; what is more is a hole."""

MOST_HELD: Final = 5000
"""News of one room that are held back; after that the history is not waited for any longer."""

MOST_TARGETS: Final = 50

_HELD: Final = (Came, Went, Renamed, Topic, Modes, Typing)
"""News that have their place among what is said."""

Find = Callable[[Said], Said]
"""Tells of a line of the past whether it is one that we were not sure to have said (Speaking)."""


def past_of(session: Session, message: Message, room: str) -> Said | None:
    """Return a line of the history of ``room``."""
    said = read_said(session, message)
    if said is None:
        return None
    mine = {session.support.key(each) for each in (session.nick, session.wanted) if each}
    own = said.own or session.support.key(said.nick) in mine
    return replace(said, own=own, room=room, old=True)


class CatchingUp:
    """A room, or a person, whose past is being fetched: Latest or Missed."""

    def __init__(
        self,
        session: Session,
        room: str,
        since: tuple[str, int] | None,
        *,
        count: int,
        find: Find,
        done: Callable[[str], None],
    ) -> None:
        """``since``: what was told last, id and time; None: nothing, so the last ``count``."""
        self._session = session
        self._room = room
        self._key = session.support.key(room)
        self._since = since
        self._count = count
        self._find = find
        self._done = done
        self._place = since
        self._by_time = False
        self._before: str | None = "*" if since is None else None
        self._past: list[Said] = []
        self._keys: set[tuple[str, str, str]] = set()
        self._over = False
        self._hole: Hole | None = None
        self._at_hole = 0
        self._held: list[News] = []
        self._more = False
        session.holders.append(self._hold)

    # What happens meanwhile

    def _hold(self, news: News) -> bool:
        room = getattr(news, "room", "")
        if not isinstance(news, (Said, *_HELD)) or self._session.support.key(room) != self._key:
            return False
        self._held.append(news)
        if len(self._held) >= MOST_HELD:
            self._over = True
        return True

    # The pages

    def next(self) -> tuple[str, ...] | None:
        """Ask for the next page."""
        if self._over:
            return None
        limit = str(min(self._session.support.history_limit, 100))
        if self._before is not None:
            wanted = self._count - (len(self._past) - self._at_hole)
            if wanted <= 0:
                return None
            limit = str(min(int(limit), wanted))
            verb = "LATEST" if self._before == "*" else "BEFORE"
            return (verb, self._room, self._before, limit)
        assert self._place is not None
        msgid, time = self._place
        place = selector(self._session, "" if self._by_time else msgid, time)
        return ("AFTER", self._room, place, limit)

    def page(self, messages: Sequence[Message]) -> None:
        """Take a page: of BEFORE and LATEST before what is there, of AFTER behind it."""
        fresh = [
            said
            for message in messages
            if (said := past_of(self._session, message, self._room)) is not None
            and place_key(said) not in self._keys
        ]
        self._keys.update(map(place_key, fresh))
        if self._before is not None:
            self._past[self._at_hole : self._at_hole] = fresh
            self._go_back(fresh)
            return
        self._past += fresh
        if not fresh:
            self._over = True
        elif len(self._past) >= MOST:
            self._begin_hole()
        else:
            self._place = (fresh[-1].msgid, fresh[-1].time)

    def _go_back(self, fresh: list[Said]) -> None:
        if not fresh:
            self._over = True
            return
        if self._hole is not None and any(place_key(said) in self._known() for said in fresh):
            self._over = True
            return
        self._more = True
        self._before = selector(self._session, fresh[0].msgid, fresh[0].time)

    def _known(self) -> set[tuple[str, str, str]]:
        return {place_key(said) for said in self._past[: self._at_hole]}

    def _begin_hole(self) -> None:
        self._at_hole = len(self._past)
        self._hole = Hole(room=self._room, since=self._past[-1].time, until=self._session.wall)
        self._before = "*"
        self._count = min(self._count, 200) or 100

    def fail(self, code: str) -> None:
        """Try by time if the id is not known there any more; else see what there is."""
        since = self._since
        if since is not None and self._before is None and code and not self._by_time and since[0]:
            self._by_time = True
            self._place = (self._past and (self._past[-1].msgid, self._past[-1].time)) or since
            return
        if since is not None and self._before is None and self._hole is None:
            last = self._past[-1].time if self._past else since[1]
            self._hole = Hole(room=self._room, since=last, until=self._session.wall)
            self._at_hole = len(self._past)
        self._over = True

    # The end

    def finish(self) -> None:
        """Tell all that has come, in order."""
        session = self._session
        session.holders.remove(self._hold)
        live = {place_key(news): news for news in self._held if isinstance(news, Said)}
        count = 0
        for place, past in enumerate(self._past):
            if self._hole is not None and place == self._at_hole:
                session.tell(replace(self._hole, until=past.time))
                self._hole = None
            known = live.pop(place_key(past), None)
            if known is not None:
                # Said now, or said again and so answered now: it is news if it is later than us.
                said = replace(past, sent=known.sent, old=False) if known.sent else known
            else:
                said = self._find(replace(past, missed=self._since is not None))
            count += session.tell_said(said)
        if self._hole is not None:
            session.tell(self._hole)
        for news in self._held:
            if not isinstance(news, Said):
                session.tell(news)
            elif live.get(place_key(news)) is news and not self._is_before(news):
                session.tell_said(news)
        session.tell(Fetched(room=self._room, count=count, more=self._more or bool(count)))
        self._done(self._key)

    def _is_before(self, said: Said) -> bool:
        """Tell whether ``said`` is a piece of something, said again, that was told long since."""
        since = self._since
        return (
            since is not None
            and bool(said.msgid)
            and said.own
            and not said.sent
            and said.time <= since[1]
        )


class Older:
    """What was said before the oldest line that was told."""

    def __init__(self, session: Session, room: str, count: int) -> None:
        self._session = session
        self._room = room
        self._count = count
        self._asked = False
        self._lines: list[Said] = []
        self._came = 0

    def next(self) -> tuple[str, ...] | None:
        """Ask once."""
        if self._asked:
            return None
        self._asked = True
        session = self._session
        limit = str(max(1, min(session.support.history_limit, self._count)))
        oldest = session.first.get(fold(self._room))
        if oldest is None:
            return ("LATEST", self._room, "*", limit)
        return ("BEFORE", self._room, selector(session, *oldest), limit)

    def page(self, messages: Sequence[Message]) -> None:
        """Take the page."""
        self._came = len(messages)
        for message in messages:
            said = past_of(self._session, message, self._room)
            if said is not None:
                self._lines.append(said)

    def fail(self, code: str) -> None:
        """Take it as the beginning of all."""

    def finish(self) -> None:
        """Tell the lines, in order."""
        told = [self._session.tell_said(said) for said in self._lines]
        self._session.tell(Fetched(room=self._room, count=sum(told), more=self._came > 0))


class Targets:
    """Who has written to us since ``since``; private lines are held back until that is known."""

    def __init__(self, session: Session, since: int, done: Callable[[list[str]], None]) -> None:
        self._session = session
        self._since = since
        self._done = done
        self._asked = False
        self._names: list[str] = []
        self._held: list[News] = []
        session.holders.append(self._hold)

    def _hold(self, news: News) -> bool:
        if not isinstance(news, Said) or self._session.support.is_room(news.room):
            return False
        self._held.append(news)
        return True

    def next(self) -> tuple[str, ...] | None:
        """Ask once."""
        if self._asked:
            return None
        self._asked = True
        session = self._session
        until = write_time(session.wall + 86_400_000_000)
        return (
            "TARGETS",
            f"timestamp={write_time(self._since)}",
            f"timestamp={until}",
            str(min(session.support.history_limit, MOST_TARGETS)),
        )

    def page(self, messages: Sequence[Message]) -> None:
        """Take ``CHATHISTORY TARGETS name time`` each."""
        for message in messages:
            if message.verb == "CHATHISTORY" and len(message.params) > 2:
                name = clean_name(message.params[1])
                time = read_time(message.params[2])
                if not self._session.support.is_room(name) and (time or 0) > self._since:
                    self._names.append(name)

    def fail(self, code: str) -> None:
        """Take it that there is nobody."""

    def finish(self) -> None:
        """Have their lines fetched; what has come live stands behind these."""
        self._session.holders.remove(self._hold)
        self._done(self._names)
        for news in self._held:
            if isinstance(news, Said) and not any(holder(news) for holder in self._session.holders):
                self._session.tell_said(news)
