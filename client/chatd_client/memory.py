"""What must outlive a connection, and the reading process: where we are, what is still to be said.

Kept up by the news and orders alone, and the same at both ends: the reading process has one for
its next connection, its parent one for the next reading process. Pure.
"""

from typing import Final

from msgspec.structs import replace

from chatd_client.exchange import (
    AnyNews,
    AnyOrder,
    Came,
    Doubtful,
    Fetched,
    Join,
    Leave,
    Phase,
    Quit,
    Refused,
    Rename,
    Renamed,
    Resume,
    Said,
    Say,
    Sent,
    Status,
    Target,
    Went,
)
from chatd_workers.names import fold

WINDOW: Final = 64
"""Lines that are said at once, before the first of them is answered."""


class Memory:
    """What has been heard and ordered, in short."""

    def __init__(self, resume: Resume) -> None:
        self._target = resume.target
        self._nick = resume.nick or resume.target.nick
        self._rooms = {fold(place.partition(" ")[0]): place for place in resume.rooms}
        self._last = {fold(room): (room, msgid, time) for room, msgid, time in resume.last}
        self._first = {fold(room): (room, msgid, time) for room, msgid, time in resume.first}
        self._since = resume.since
        self._heard = resume.since
        self._has_caught_up = False
        self._is_online = False
        self._given: set[str] = set(resume.under_way)
        self.says: dict[str, Say] = {}
        """What is still to be said, by id, in the order in which it was ordered."""
        self.was_online = resume.was_online
        self.quitting: Quit | None = None

    @property
    def target(self) -> Target:
        """Whom to reach, with what has been found out about it."""
        return self._target

    def resume(self, under_way: tuple[str, ...] | None = None) -> Resume:
        """Return from where to go on.

        ``under_way`` are the ids of what may have been said; None: it has to be reckoned with the
        first of what was given to a connection for each room.
        """
        if under_way is None:
            under_way = self._perhaps_said()
        return Resume(
            target=self._target,
            nick=self._nick if self.was_online else "",
            rooms=tuple(self._rooms.values()),
            last=tuple(self._last.values()),
            first=tuple(self._first.values()),
            since=self._since,
            under_way=under_way,
            was_online=self.was_online,
        )

    def _perhaps_said(self) -> tuple[str, ...]:
        counts: dict[str, int] = {}
        found = []
        for number, say in self.says.items():
            key = fold(say.room)
            counts[key] = counts.get(key, 0) + 1
            if number in self._given and counts[key] <= WINDOW:
                found.append(number)
        return tuple(found)

    def move(self, port: int) -> None:
        """Note that the server is to be reached at ``port``, by TLS, from now on."""
        self._target = replace(self._target, port=port, tls=True)

    def ordered(self, order: AnyOrder) -> None:
        """Note ``order``."""
        if isinstance(order, Say):
            self.says[order.id] = order
            if self._is_online:
                self._given.add(order.id)
        elif isinstance(order, Join):
            place = f"{order.room} {order.key}" if order.key else order.room
            key = fold(order.room)
            if key in self._rooms:
                self._rooms[key] = place
            else:
                self._target = replace(self._target, rooms=(place, *self._others(key)))
        elif isinstance(order, Leave):
            self._rooms.pop(fold(order.room), None)
            self._target = replace(self._target, rooms=self._others(fold(order.room)))
        elif isinstance(order, Rename):
            if not self._is_online:
                self._nick = order.nick
                self._target = replace(self._target, nick=order.nick)
        elif isinstance(order, Quit):
            self.quitting = order

    def _others(self, key: str) -> tuple[str, ...]:
        """Return the rooms of the target but for the one with this folded name."""
        return tuple(place for place in self._target.rooms if fold(place.partition(" ")[0]) != key)

    def heard(self, news: AnyNews) -> None:
        """Note ``news``."""
        if isinstance(news, Said):
            self._hear_said(news)
        elif isinstance(news, Status):
            self._hear_status(news)
        elif isinstance(news, (Refused, Doubtful, Sent)):
            if news.sent:
                self._done(news.sent)
            elif isinstance(news, Refused) and news.room and news.code in _NOT_LET_IN:
                self._forget_room(news.room)
        elif isinstance(news, Came):
            if news.own and not news.old:
                self._rooms.setdefault(fold(news.room), news.room)
        elif isinstance(news, Went):
            if news.own and not news.old:
                self._forget_room(news.room)
        elif isinstance(news, Renamed):
            if news.own and not news.room:
                self._nick = news.new
        elif isinstance(news, Fetched) and not news.room:
            self._has_caught_up = True
            self._since = max(self._since, self._heard)

    def _forget_room(self, room: str) -> None:
        self.ordered(Leave(room=room))

    def _done(self, number: str) -> None:
        self.says.pop(number, None)
        self._given.discard(number)

    def _hear_said(self, said: Said) -> None:
        if said.sent:
            self._done(said.sent)
        if not said.time:
            return
        place = (said.room, said.msgid, said.time)
        key = fold(said.room)
        last = self._last.get(key)
        if last is None or said.time >= last[2]:
            self._last[key] = place
        first = self._first.get(key)
        if first is None or said.time < first[2]:
            self._first[key] = place
        self._heard = max(self._heard, said.time)
        if self._has_caught_up:
            self._since = self._heard

    def _hear_status(self, status: Status) -> None:
        online = status.phase is Phase.ONLINE
        if online and not self._is_online:
            self.was_online = True
            self._has_caught_up = False
            self._given.update(self.says)
            self._target = replace(
                self._target, dialect=status.dialect, port=status.port or self._target.port
            )
            self._since = self._since or status.time
        self._is_online = online


_NOT_LET_IN: Final = frozenset(
    ("403", "405", "471", "473", "474", "475", "476", "477", "479", "480")
)
"""Numerics that say that one is not let into a room, and will not be another time."""
