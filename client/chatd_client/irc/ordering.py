"""What the user wants, as lines of IRC."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from chatd_client.exchange import (
    Ask,
    Fetched,
    Join,
    Leave,
    ListRooms,
    MarkRead,
    Older,
    Quit,
    Rename,
    SetTopic,
    TypingNow,
    WhoIs,
)
from chatd_client.irc.answers import Answers
from chatd_client.irc.catching_up import Older as OlderFetch
from chatd_client.irc.history import History
from chatd_client.irc.registration import Registration
from chatd_client.irc.rooms import Rooms
from chatd_client.irc.session import Session
from chatd_workers.dialects.irc.timestamps import write_time

TYPING_AGAIN: Final = 3.0
"""Seconds between two words that one types (IRCv3 typing)."""


class Ordering:
    """Carries out all orders but ``Say`` and ``Resume``."""

    def __init__(
        self,
        session: Session,
        registration: Registration,
        rooms: Rooms,
        history: History,
        answers: Answers,
    ) -> None:
        self._session = session
        self._registration = registration
        self._rooms = rooms
        self._history = history
        self._answers = answers
        self._typed: dict[str, float] = {}
        # Any: each takes the one order type that is its key, which no type for a dict can say.
        self._actions: Mapping[type, Callable[[Any], None]] = {
            Join: self._join,
            Leave: self._leave,
            Rename: self._rename,
            SetTopic: self._set_topic,
            Ask: self._ask,
            WhoIs: self._whois,
            ListRooms: self._list,
            Older: self._older,
            MarkRead: self._mark_read,
            TypingNow: self._type,
            Quit: self._quit,
        }

    def take(self, order: object) -> None:
        """Carry out ``order``; one that is not known is left."""
        action = self._actions.get(type(order))
        if action is not None:
            action(order)

    def _join(self, order: Join) -> None:
        self._rooms.want(order.room, order.key)

    def _leave(self, order: Leave) -> None:
        self._rooms.leave(order.room, order.reason)

    def _rename(self, order: Rename) -> None:
        if self._session.registered:
            self._registration.wants(order.nick)
        else:
            self._session.wanted = order.nick

    def _set_topic(self, order: SetTopic) -> None:
        self._session.send("TOPIC", order.room, order.text)

    def _ask(self, order: Ask) -> None:
        self._session.send_raw(order.line)

    def _whois(self, order: WhoIs) -> None:
        nick = order.nick or self._session.nick
        self._answers.asked(nick)
        self._session.send("WHOIS", nick)

    def _list(self, _order: ListRooms) -> None:
        self._session.send("LIST")

    def _older(self, order: Older) -> None:
        if self._history.is_there and self._session.registered:
            self._history.fetch(OlderFetch(self._session, order.room, order.count))
        else:
            self._session.tell(Fetched(room=order.room, count=0, more=False))

    def _mark_read(self, order: MarkRead) -> None:
        if self._session.has("draft/read-marker", "read-marker") and order.time > 0:
            self._session.send("MARKREAD", order.room, f"timestamp={write_time(order.time)}")

    def _type(self, order: TypingNow) -> None:
        session = self._session
        if not session.has("message-tags") or not session.registered:
            return
        key = session.support.key(order.room)
        if order.active:
            if session.now - self._typed.get(key, -TYPING_AGAIN) < TYPING_AGAIN:
                return
            self._typed[key] = session.now
        elif self._typed.pop(key, None) is None:
            return
        session.send("TAGMSG", order.room, tags={"+typing": "active" if order.active else "done"})

    def _quit(self, order: Quit) -> None:
        self._session.quitting = order.reason
