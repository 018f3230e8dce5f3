"""What was missed, between what was told last and what is told now: no hole, no line twice.

A room that is being caught up with holds back what happens in it meanwhile. Its history is told
first, page by page, in its order; a line of it that has come live as well stands there, once. Then
what else has come live.

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

MOST: Final = 5000
"""Lines of one room that are caught up with; what is more is a hole."""

MOST_HELD: Final = 10_000
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
        self._begun = session.wall
        self._latest: list[Said] = []
        self._keys: set[tuple[str, str, str]] = set()
        self._told = 0
        self._over = False
        self._hole: Hole | None = None
        self._held: list[News] = []
        self._live: dict[tuple[str, str, str], Said] = {}
        self._more = False
        session.holders.append(self._hold)

    # What happens meanwhile

    def _hold(self, news: News) -> bool:
        room = getattr(news, "room", "")
        if not isinstance(news, (Said, *_HELD)) or self._session.support.key(room) != self._key:
            return False
        self._held.append(news)
        if isinstance(news, Said):
            self._live[place_key(news)] = news
        if len(self._held) >= MOST_HELD:
            self._over = True
        return True

    # The pages

    def next(self) -> tuple[str, ...] | None:
        """Ask for the next page."""
        if self._over:
            return None
        limit = min(self._session.support.history_limit, 100)
        if self._before is not None:
            wanted = self._count - len(self._latest)
            if wanted <= 0:
                return None
            verb = "LATEST" if self._before == "*" else "BEFORE"
            return (verb, self._room, self._before, str(min(limit, wanted)))
        assert self._place is not None
        msgid, time = self._place
        place = selector(self._session, "" if self._by_time else msgid, time)
        return ("AFTER", self._room, place, str(limit))

    def page(self, messages: Sequence[Message]) -> None:
        """Take a page: of AFTER it is told at once, of LATEST and BEFORE when all are there."""
        lines = [
            said
            for message in messages
            if (said := past_of(self._session, message, self._room)) is not None
        ]
        fresh = [said for said in lines if place_key(said) not in self._keys]
        self._keys.update(map(place_key, fresh))
        if self._before is not None:
            self._latest[:0] = fresh
            if not fresh or len(fresh) < len(lines):
                # The beginning, or what was told before the hole: then there is none.
                self._hole = None if fresh or lines else self._hole
                self._over = True
            else:
                self._more = True
                self._before = selector(self._session, fresh[0].msgid, fresh[0].time)
            return
        for said in fresh:
            self._tell(said)
        if not fresh:
            self._over = True
            return
        self._place = (fresh[-1].msgid, fresh[-1].time)
        if len(self._keys) >= MOST:
            self._begin_hole()

    def _begin_hole(self) -> None:
        assert self._place is not None
        self._hole = Hole(room=self._room, since=self._place[1], until=self._session.wall)
        self._before = "*"
        self._count = min(self._count, 200) or 100

    def fail(self, code: str) -> None:
        """Try by time if the id is not known there any more; else see what there is."""
        place = self._place
        if place is not None and self._before is None:
            if code and place[0] and not self._by_time:
                self._by_time = True
                return
            self._hole = Hole(room=self._room, since=place[1], until=self._session.wall)
        self._over = True

    def _tell(self, past: Said) -> None:
        """Tell a line of the past in its place, or the same one if it has come live as well.

        What has come live has come before the page that holds it: the server has one order.
        """
        session = self._session
        known = self._live.pop(place_key(past), None)
        if known is None:
            said = self._find(replace(past, missed=self._since is not None))
        elif known.time <= self._begun:
            # Said long since; it has come again because we have said it again.
            said = replace(past, sent=known.sent, missed=True)
        else:
            said = known
        self._told += session.tell_said(said)

    # The end

    def finish(self) -> None:
        """Tell what is left, in order."""
        session = self._session
        session.holders.remove(self._hold)
        hidden = 0
        if self._hole is not None:
            until = self._latest[0].time if self._latest else self._hole.until
            session.tell(replace(self._hole, until=until))
            hidden = self._latest[0].time if self._latest else 0
        for past in self._latest:
            self._tell(past)
        for news in self._held:
            if not isinstance(news, Said):
                session.tell(news)
            elif self._live.get(place_key(news)) is news:
                if news.own and news.time < hidden:
                    session.tell_sent(news)
                else:
                    session.hear(news)
        session.tell(Fetched(room=self._room, count=self._told, more=self._more or self._told > 0))
        self._done(self._key)


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
