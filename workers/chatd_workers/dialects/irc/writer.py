"""What a client of IRC is sent: every event as lines, by the capabilities of the recipient.

The source of a line is whoever does something (``people``, and ``talking``, which must be fast), or
the server by its name, which is why a writer is made for one. Tags are what the recipient has
capabilities for. Numerics and refusals are tables (``numerics``, ``refusals``); the past is in
``history``, labels and batches in ``batches``.

For an event that IRC has no words for, or this recipient not the capability, nothing is written.
"""

from collections.abc import Callable
from typing import Any, ClassVar, Final

from chatd_workers import capabilities as cap
from chatd_workers import events as e
from chatd_workers.dialects.irc import history
from chatd_workers.dialects.irc.batches import labeled
from chatd_workers.dialects.irc.grammar import MAX_PARAMS, pack, split
from chatd_workers.dialects.irc.isupport import MAX_TOKENS
from chatd_workers.dialects.irc.lines import (
    NOBODY,
    last,
    line,
    listed,
    middle,
    modes,
    numeric,
    prefix,
    prefixes,
    room_after,
    tags_of,
    timestamp,
)
from chatd_workers.dialects.irc.modes import ROOM_MODES, USER_MODES, WITH_PARAMETER, letters
from chatd_workers.dialects.irc.numerics import LISTINGS
from chatd_workers.dialects.irc.people import PEOPLE
from chatd_workers.dialects.irc.refusals import CONFIRMATIONS, REFUSALS, AsFail, AsNumeric, AsReply
from chatd_workers.dialects.irc.whois import person_shown
from chatd_workers.problems import confirm, explain

SERVER: Final = "chatd"
"""What the server is called if nobody says otherwise."""

_LABELED: Final = cap.LABELED_RESPONSE | cap.BATCH

_TEXTS: Final = frozenset({"CAP", "ERROR", "NOTE", "NOTICE", "PONG", "WARN"})
"""Verbs of the server whose last parameter has a colon whether it must or not."""


class Writer:
    """Writes for the clients of one server."""

    def __init__(self, server: str = SERVER) -> None:
        # A source is one word.
        self.server = "_".join(server.split()) or SERVER

    def write(self, event: e.Event, view: int) -> bytes:
        """Return ``event`` as lines for a recipient with the capabilities ``view``."""
        kind = type(event)
        write = PEOPLE.get(kind)
        if write is not None:
            return write(event, view)
        return self._ANSWERS[kind](self, event, view)

    def _announced(self, event: e.Announced, view: int) -> bytes:
        verb = "WALLOPS" if event.wallops else f"NOTICE {middle(event.to)}"
        head = f":{self._source(event.source)} {verb} :"
        pieces = split(event.text, room_after(head))
        return _lines([head + piece for piece in pieces], event, view)

    def _modes_changed(self, event: e.ModesChanged, view: int) -> bytes:
        bodies = modes(f":{self._source(event.source)} MODE {event.target} ", event.changes)
        return _lines(bodies, event, view)

    def _closing(self, event: e.Closing, _view: int) -> bytes:
        return line("", f"ERROR :Closing Link: {event.reason}")

    # Answers

    def _topic_shown(self, event: e.TopicShown, _view: int) -> bytes:
        if not event.topic:
            return b"" if event.joining else self._answer(event.to, "RPL_NOTOPIC", event.room)
        data = self._answer(event.to, "RPL_TOPIC", event.room, event.topic)
        if event.by:
            seconds = str(event.at // 1_000_000)
            data += self._answer(event.to, "RPL_TOPICWHOTIME", event.room, event.by, seconds)
        return data

    def _modes_shown(self, event: e.ModesShown, _view: int) -> bytes:
        letters = "+" + "".join([letter for letter, _ in event.modes])
        params = [middle(param) for _, param in event.modes if param]
        seconds = str(event.created // 1_000_000)
        return self._answer(
            event.to, "RPL_CHANNELMODEIS", event.room, letters, *params
        ) + self._answer(event.to, "RPL_CREATIONTIME", event.room, seconds)

    def _masks_listed(self, event: e.MasksListed, _view: int) -> bytes:
        entry, end = LISTINGS[event.letter]
        return b"".join(
            self._answer(event.to, entry, event.room, mask, by, str(at // 1_000_000))
            for mask, by, at in event.masks
        ) + self._answer(event.to, end, event.room)

    def _rooms_listed(self, event: e.RoomsListed, _view: int) -> bytes:
        to = event.to
        rooms = [
            self._answer(to, "RPL_LIST", name, str(members), topic)
            for name, members, topic in event.rooms
        ]
        start, end = self._answer(to, "RPL_LISTSTART", "Channel"), self._answer(to, "RPL_LISTEND")
        return b"".join((start, *rooms, end))

    def _names_listed(self, event: e.NamesListed, view: int) -> bytes:
        if event.implicit and view & cap.NO_IMPLICIT_NAMES:
            return b""
        data = b""
        if event.visibility and event.members:
            hosts = view & cap.USERHOST_IN_NAMES
            data = listed(
                f":{self.server} 353 {middle(event.to)} {event.visibility} {event.room} :",
                [
                    prefixes(who.status, view)
                    + (f"{who.nick}!{who.user}@{who.host}" if hosts else who.nick)
                    for who in event.members
                ],
            )
        return data if event.more else data + self._answer(event.to, "RPL_ENDOFNAMES", event.room)

    def _person_shown(self, event: e.PersonShown, view: int) -> bytes:
        return person_shown(event, view, self.server)

    def _away_shown(self, event: e.AwayShown, _view: int) -> bytes:
        return self._answer(event.to, "RPL_AWAY", event.nick, event.text)

    def _recalled(self, event: e.Recalled, view: int) -> bytes:
        return history.recalled(event, view, self.server, self.write)

    def _history_shown(self, event: e.HistoryShown, view: int) -> bytes:
        return history.history_shown(event, view, self.server, self.write)

    def _targets_shown(self, event: e.TargetsShown, view: int) -> bytes:
        return history.targets_shown(event, view, self.server)

    def _read_marked(self, event: e.ReadMarked, view: int) -> bytes:
        if not view & cap.READ_MARKER:
            return b""
        time = f"timestamp={timestamp(event.time)}" if event.time else "*"
        return line("", f":{self.server} MARKREAD {middle(event.target)} {time}")

    def _refused(self, event: e.Refused, _view: int) -> bytes:
        sentence = explain(event.problem, event.value, event.about)
        words = _words(event.value, event.about)
        way = REFUSALS.get(event.problem)
        if isinstance(way, AsFail):
            context = [param.format_map(words) for param in (way.command, way.code, *way.context)]
            return self._standard("FAIL", context, sentence)
        return self._in_words(event.to, way, words, sentence)

    def _informed(self, event: e.Informed, _view: int) -> bytes:
        sentence = confirm(event.notice, event.value, event.about)
        way = CONFIRMATIONS.get(event.notice)
        if isinstance(way, AsReply):
            words = _words(event.value, event.about)
            params = [param.format_map(words) for param in way.params]
            return self._standard(way.verb, params, sentence)
        return self._in_words(event.to, way, _words(event.value, event.about), sentence)

    # What only IRC has words for

    def _registered(self, event: e.Registered, _view: int) -> bytes:
        to, version = event.to, event.version.replace(" ", "-")
        who = prefix(event.source)
        about = (self.server, version, letters(USER_MODES), letters(ROOM_MODES), WITH_PARAMETER)
        host = f"Your host is {self.server}, running version {event.version}"
        return b"".join(
            [
                self._answer(to, "RPL_WELCOME", f"Welcome to the {event.network} Network, {who}"),
                self._answer(to, "RPL_YOURHOST", host),
                self._answer(to, "RPL_CREATED", f"This server was created {event.created}"),
                self._answer(to, "RPL_MYINFO", *about),
                self._supported(to, event.tokens),
            ]
        )

    def _supported_shown(self, event: e.Supported, _view: int) -> bytes:
        return self._supported(event.to, event.tokens)

    def _supported(self, to: str, tokens: tuple[str, ...]) -> bytes:
        empty = self._answer(to, "RPL_ISUPPORT")
        room = room_after(empty.decode().rstrip()) - 1
        return b"".join(
            self._answer(to, "RPL_ISUPPORT", *text.split(" "))
            for start in range(0, len(tokens), MAX_TOKENS)
            for text in pack(tokens[start : start + MAX_TOKENS], room)
        )

    def _numeric(self, event: e.Numeric, _view: int) -> bytes:
        return numeric(self.server, event.to, event.name, event.params)

    def _replied(self, event: e.Replied, _view: int) -> bytes:
        head = f":{self.server} {event.verb}" if event.relayed else event.verb
        params = event.params[:MAX_PARAMS]
        if not params:
            return line("", head)
        if event.verb == "CAP" and len(params) == 3:
            return self._capabilities(params)
        words = params[-1]
        head = " ".join([head, *map(middle, params[:-1])])
        return line("", f"{head} {f':{words}' if event.verb in _TEXTS else last(words)}")

    def _capabilities(self, params: tuple[str, ...]) -> bytes:
        """Return CAP and a list, in several lines if needed (capability-negotiation, "CAP LS")."""
        head = f":{self.server} CAP {' '.join(map(middle, params[:-1]))}"
        more = f"{head} *" if params[1] in ("LS", "LIST") else head
        names = params[-1].split(" ")
        *pieces, final = pack(names, room_after(f"{more} :")) or [""]
        return b"".join(
            [*(line("", f"{more} :{piece}") for piece in pieces), line("", f"{head} :{final}")]
        )

    def _standard_reply(self, event: e.StandardReply, view: int) -> bytes:
        if event.verb != "FAIL" and not view & cap.STANDARD_REPLIES:
            # Not asked for, and only good to know.
            return self._notice(event.to, event.text)
        return self._standard(event.verb, [event.command, event.code, *event.context], event.text)

    def _answered(self, event: e.Answered, view: int) -> bytes:
        data = b"".join([self.write(each, view) for each in event.events])
        if view & _LABELED != _LABELED:
            return data
        return labeled(self.server, event.label, data)

    def _nothing(self, _event: e.Event, _view: int) -> bytes:
        return b""

    def _source(self, source: e.Source | None) -> str:
        return prefix(source) if source else self.server

    def _answer(self, to: str, name: str, *params: str) -> bytes:
        return numeric(self.server, to, name, params)

    def _notice(self, to: str, text: str) -> bytes:
        return line("", f":{self.server} NOTICE {middle(to)} :{text}")

    def _standard(self, verb: str, context: list[str], text: str) -> bytes:
        return line("", f":{self.server} {verb} {' '.join(map(middle, context))} :{text}")

    def _in_words(
        self, to: str, way: AsNumeric | None, words: dict[str, str], sentence: str
    ) -> bytes:
        if way is None:
            return self._notice(to, sentence)
        params = tuple(param.format_map(words) for param in way.params)
        return numeric(self.server, to, way.name, params)

    # Any: each takes the one event type that is its key, which no type for a dict can say.
    _ANSWERS: ClassVar[dict[type, Callable[[Any, Any, int], bytes]]] = {
        e.Welcomed: _nothing,
        e.Hinted: _nothing,
        e.Entered: _nothing,
        e.Members: _nothing,
        e.Helped: _nothing,
        e.Closing: _closing,
        e.Announced: _announced,
        e.ModesChanged: _modes_changed,
        e.TopicShown: _topic_shown,
        e.ModesShown: _modes_shown,
        e.MasksListed: _masks_listed,
        e.RoomsListed: _rooms_listed,
        e.NamesListed: _names_listed,
        e.PersonShown: _person_shown,
        e.AwayShown: _away_shown,
        e.Supported: _supported_shown,
        e.Recalled: _recalled,
        e.HistoryShown: _history_shown,
        e.TargetsShown: _targets_shown,
        e.ReadMarked: _read_marked,
        e.Refused: _refused,
        e.Informed: _informed,
        e.Registered: _registered,
        e.Numeric: _numeric,
        e.Replied: _replied,
        e.StandardReply: _standard_reply,
        e.Answered: _answered,
    }


def _lines(bodies: list[str], event: e.Announced | e.ModesChanged, view: int) -> bytes:
    """Return ``bodies``, all that ``event`` is, as lines; one message, so one id."""
    source = event.source or NOBODY
    later = e.Stamp(event.stamp.time)
    return b"".join(
        line(tags_of(view, later if place else event.stamp, source), body)
        for place, body in enumerate(bodies)
    )


def _words(value: str, about: str) -> dict[str, str]:
    return {
        "value": value,
        "about": about,
        "room": about or value,
        "letter": value[:1],
        "parameter": value[1:].strip(),
    }
