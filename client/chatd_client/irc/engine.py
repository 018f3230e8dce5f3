"""One connection to a server of IRC, without the connection: bytes and orders to bytes and news.

``begin``, ``receive``, ``order`` and ``tick`` are told the time, in seconds of a clock that never
goes back; ``take`` says what is to be sent and told after each, and ``wake`` when ``tick`` is due.
Nothing here raises for anything that a server says.
"""

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from chatd_client.exchange import AnyOrder, News, ReadTo, Resume, Say
from chatd_client.exits import Failure
from chatd_client.irc import hearing, negotiation, registration, sasl
from chatd_client.irc.answers import WHOIS, Answers
from chatd_client.irc.cleaning import clean_name, clean_plain
from chatd_client.irc.history import History
from chatd_client.irc.lines import Lines
from chatd_client.irc.ordering import Ordering
from chatd_client.irc.recall import Recall
from chatd_client.irc.registration import NICK_REFUSALS, Registration
from chatd_client.irc.rooms import JOIN_REFUSALS, Rooms
from chatd_client.irc.session import Session
from chatd_client.irc.speaking import Speaking
from chatd_client.irc.vitality import Vitality
from chatd_workers.dialects.irc.grammar import Message, parse
from chatd_workers.dialects.irc.timestamps import read_time

MOST_BATCHED: Final = 5000
"""Messages of one batch that are kept."""

MOST_BATCHES: Final = 50

_PAST: Final = frozenset(
    ("chathistory", "draft/chathistory-targets", "chathistory-targets", "draft/chathistory")
)
"""Batches that answer CHATHISTORY."""

FAREWELL: Final = 5.0
"""Seconds in which a server has closed after QUIT."""


class _Batch:
    def __init__(self, kind: str, params: tuple[str, ...], label: str, parent: str) -> None:
        self.kind = kind
        self.params = params
        self.label = label
        self.parent = parent
        self.messages: list[Message] = []


class Engine:
    """Speaks IRC."""

    dialect = "irc"

    def __init__(
        self, resume: Resume, says: Sequence[Say], *, wall: int, dice: random.Random
    ) -> None:
        """``wall`` is the time of day in microseconds at the time 0 of the clock."""
        session = self.session = Session(resume, says, wall, dice)
        self._lines = Lines()
        self._registration = Registration(session)
        self._speaking = Speaking(session)
        self._history = History(session)
        self._recall = Recall(session, self._history, self._speaking)
        self._answers = Answers(session)
        self._vitality = Vitality(session)
        self._rooms = Rooms(
            session,
            joined=self._recall.joined,
            refused=self._speaking.refuse_room,
            freed=self._registration.freed,
        )
        self._ordering = Ordering(
            session, self._registration, self._rooms, self._history, self._answers
        )
        self._batches: dict[str, _Batch] = {}
        self._ready = False
        self._left_at: float | None = None
        self.done = False
        """We have left, and all is said."""
        self._verbs: dict[str, Callable[[Message], object]] = {
            "BATCH": self._on_batch,
            "PRIVMSG": self._on_said,
            "NOTICE": self._on_said,
            "TAGMSG": self._on_tagmsg,
            "CAP": self._on_cap,
            "AUTHENTICATE": self._on_authenticate,
            "PING": self._on_ping,
            "PONG": self._on_pong,
            "ACK": self._on_ack,
            "ERROR": self._on_error,
            "FAIL": self._on_fail,
            "NICK": self._on_nick,
            "INVITE": self._on_invite,
            "MARKREAD": self._on_markread,
            "JOIN": self._rooms.on_join,
            "PART": self._rooms.on_part,
            "KICK": self._rooms.on_kick,
            "QUIT": self._rooms.on_quit,
            "TOPIC": self._rooms.on_topic,
            "MODE": self._rooms.on_mode,
            "AWAY": self._rooms.on_away,
            "ACCOUNT": self._ignore,
            "CHGHOST": self._ignore,
            "SETNAME": self._ignore,
        }
        self._numerics: dict[str, Callable[[Message], object]] = {
            "001": self._on_welcome,
            "004": self._on_info,
            "005": self._on_support,
            "376": self._on_motd_end,
            "422": self._on_motd_end,
            "353": self._rooms.on_names,
            "366": self._rooms.on_names_end,
            "332": self._rooms.on_topic_shown,
            "331": self._rooms.on_no_topic,
            "322": self._answers.on_listed,
            "323": self._answers.on_list_end,
            "463": partial(registration.refused, session),
            "464": partial(registration.refused, session),
            "465": partial(registration.refused, session),
            "900": partial(registration.on_logged_in, session),
            "901": partial(registration.on_logged_out, session),
            "903": partial(registration.on_sasl_done, session),
            "907": partial(registration.on_sasl_done, session),
            "902": partial(registration.on_sasl_failed, session),
            "904": partial(registration.on_sasl_failed, session),
            "905": partial(registration.on_sasl_failed, session),
            "906": partial(registration.on_sasl_failed, session),
        }

    # What comes in

    def begin(self, now: float) -> None:
        """Introduce ourselves: the connection is there."""
        session = self.session
        session.now = now
        for place in (*session.target.rooms, *session.resume.rooms):
            name, _, password = place.partition(" ")
            been = session.resume.was_online and place in session.resume.rooms
            self._rooms.want(name, password, silent=been)
        self._vitality.heard()
        self._registration.begin()

    def receive(self, data: bytes, now: float) -> None:
        """Take what the server sends."""
        self.session.now = now
        self._vitality.heard()
        for line in self._lines.feed(data):
            message = parse(line)
            if message is not None and self.session.failure is None:
                self._take(message)
        self._settle()

    def order(self, order: AnyOrder, now: float) -> None:
        """Take an order."""
        self.session.now = now
        if isinstance(order, Say):
            self._speaking.say(order)
        else:
            self._ordering.take(order)
        self._settle()

    def tick(self, now: float) -> None:
        """Do what is due."""
        self.session.now = now
        self._registration.tick()
        self._rooms.tick()
        self._history.tick()
        self._vitality.tick()
        if self._left_at is not None and now - self._left_at >= FAREWELL:
            self.done = True
        self._settle()

    # What goes out

    def take(self) -> tuple[bytes, list[News]]:
        """Return what is to be sent, and what is to be told."""
        return self.session.take_output(), self.session.take_news()

    @property
    def wake(self) -> float | None:
        """When ``tick`` is due."""
        farewell = None if self._left_at is None else self._left_at + FAREWELL
        parts = (self._registration, self._rooms, self._history, self._vitality, self._speaking)
        due = [each for each in (farewell, *(part.wake for part in parts)) if each is not None]
        return min(due, default=None)

    @property
    def is_dead(self) -> bool:
        """Whether the server has not answered for so long that it is counted as gone."""
        return self._vitality.is_dead

    @property
    def failure(self) -> Failure | None:
        """Why it is of no use to go on with this server."""
        return self.session.failure

    @property
    def parting(self) -> str:
        """What the server has said last, before it closes."""
        return self.session.parting

    @property
    def secure_port(self) -> int:
        """Where the server wants to be reached by TLS instead; 0: nowhere."""
        return self.session.secure_port

    def under_way(self) -> tuple[str, ...]:
        """Return the ids of what may have been said, and has not been answered."""
        return tuple(self.session.outgoing.under_way())

    def _settle(self) -> None:
        self._speaking.flush()
        session = self.session
        leaving = session.quitting is not None and session.registered and self._ready
        if leaving and session.outgoing.is_empty and self._left_at is None:
            self._left_at = session.now
            session.send("QUIT", *[session.quitting or ""] * bool(session.quitting))

    # What the server says

    def _take(self, message: Message) -> None:
        reference = message.tags.get("batch")
        if reference is not None and reference in self._batches:
            batch = self._batches[reference]
            if message.verb != "BATCH" and self._kept(batch, message):
                return
            label = batch.label or (
                self._batches[batch.parent].label if batch.parent in self._batches else ""
            )
            if label and "label" not in message.tags:
                message = message._replace(tags={**message.tags, "label": label})
        verb = message.verb.upper()
        if not (verb.isascii() and verb.isalnum()):
            return  # nothing that a server of IRC says
        action = self._verbs.get(verb)
        if action is not None:
            action(message)
        elif not verb.isdigit() or not self._take_numeric(message):
            self._answers.tell(message)

    def _kept(self, batch: _Batch, message: Message) -> bool:
        while batch.kind not in _PAST:
            parent = self._batches.get(batch.parent)
            if parent is None:
                return False
            batch = parent
        if len(batch.messages) < MOST_BATCHED:
            batch.messages.append(message)
        return True

    def _on_batch(self, message: Message) -> None:
        if not message.params:
            return
        sign, reference = message.params[0][:1], message.params[0][1:]
        if sign == "+" and len(message.params) > 1 and len(self._batches) < MOST_BATCHES:
            self._batches[reference] = _Batch(
                message.params[1],
                message.params[2:],
                message.tags.get("label", ""),
                message.tags.get("batch", ""),
            )
        elif sign == "-":
            batch = self._batches.pop(reference, None)
            if batch is not None and batch.kind in _PAST:
                self._history.on_page(batch.messages)

    def _on_said(self, message: Message) -> None:
        session = self.session
        said = hearing.read_said(session, message)
        if said is None:
            return
        private = not session.support.is_room(said.room)
        if hearing.is_from_server(message) or (private and not session.registered):
            hearing.server_says(session, message)
            return
        session.hear(self._speaking.match(message, said) if said.own else said)

    def _on_cap(self, message: Message) -> None:
        negotiation.on_cap(self.session, message)

    def _on_authenticate(self, message: Message) -> None:
        sasl.on_authenticate(self.session, message)

    def _on_ping(self, message: Message) -> None:
        self.session.send("PONG", *message.params[-1:])

    def _on_pong(self, message: Message) -> None:
        token = message.params[-1] if message.params else ""
        if not self._speaking.on_pong(token):
            self._vitality.on_pong(token)

    def _on_ack(self, message: Message) -> None:
        self._speaking.acknowledge(message.tags.get("label", ""))

    def _on_error(self, message: Message) -> None:
        self.session.parting = clean_plain(message.params[-1]) if message.params else ""

    def _on_fail(self, message: Message) -> None:
        command = message.params[0].upper() if message.params else ""
        why = message.params[1] if len(message.params) > 1 else ""
        if command == "CHATHISTORY" and self._history.on_failure(why):
            return
        if command in ("MARKREAD", "TAGMSG"):
            return
        if not self._speaking.on_refused(message, ""):
            self._answers.tell(message)

    def _on_nick(self, message: Message) -> None:
        new = self._rooms.on_nick(message)
        if new:
            self._registration.on_nick(new)

    def _on_invite(self, message: Message) -> None:
        if len(message.params) > 1:
            who = hearing.source_of(message).nick
            whom, room = map(clean_name, message.params[:2])
            self.session.info(
                f"{who} asks {'you' if self.session.is_me(whom) else whom} into {room}"
            )

    def _on_markread(self, message: Message) -> None:
        if len(message.params) < 2:
            return
        time = read_time(message.params[1].removeprefix("timestamp="))
        if time is not None:
            name = clean_name(message.params[0])
            room = self.session.room_of(name)
            self.session.tell(ReadTo(room=room.name if room else name, time=time))

    def _on_tagmsg(self, message: Message) -> None:
        hearing.on_typing(self.session, message)

    def _ignore(self, message: Message) -> None:
        """Take no notice."""

    def _take_numeric(self, message: Message) -> bool:
        """Take a numeric; return false if it is to be told in its own words."""
        code = message.verb
        action = self._numerics.get(code)
        if action is not None:
            action(message)
            return True
        return (
            (code in NICK_REFUSALS and self._registration.on_taken(message))
            or (code in JOIN_REFUSALS and self._rooms.on_refused(message))
            or (code in WHOIS and self._answers.on_whois(message))
            or (code[:1] in "45" and self._on_refusal(message))
        )

    def _on_refusal(self, message: Message) -> bool:
        target = clean_name(message.params[1]) if len(message.params) > 1 else ""
        if message.verb == "421" and target.upper() == "CHATHISTORY":
            return self._history.on_failure("")
        return self._speaking.on_refused(message, target if len(message.params) > 2 else "")

    def _on_welcome(self, message: Message) -> None:
        if message.params:
            self._registration.on_welcome(message)

    def _on_motd_end(self, _message: Message) -> None:
        """376 and 422: now all is known that has to be known to go on."""
        if self._ready:
            return
        self._ready = True
        session = self.session
        session.tell(registration.standing(session))
        self._speaking.settle_suspects()
        wanted = list(session.rooms.values())
        # Names may be folded otherwise now that it is known how.
        session.rooms = {session.support.key(room.name): room for room in wanted}
        self._recall.begin()
        for room in wanted:
            self._rooms.ask(room)

    def _on_info(self, message: Message) -> None:
        """004: the server's version is its third parameter."""
        self.session.is_chatd |= message.params[2:3] != () and message.params[2].startswith("chatd")

    def _on_support(self, message: Message) -> None:
        self.session.support.take(message.params[1:-1])
