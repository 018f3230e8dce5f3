"""What the parts of the engine share: one connection to a server, from its first byte on."""

import random
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Protocol

from chatd_client.exchange import Lag, News, Resume, Said, Say, Sent, Told
from chatd_client.exits import Failure
from chatd_client.irc.outgoing import Outgoing
from chatd_client.irc.support import Support
from chatd_workers.dialects.irc.grammar import Message, compose
from chatd_workers.names import fold

ONCE: Final = "chatd/once"
"""The capability, and the tag, by which chatd takes a line with an id once. chatd-irc(7)."""

MOST_REMEMBERED: Final = 20_000
"""Ids of lines that were told, and will not be told again."""

Holder = Callable[[News], bool]
"""Takes news to be told later, and says so; or leaves it."""


class Proof(Protocol):
    """A mechanism of SASL under way."""

    name: str
    is_over: bool
    """All is said, and the server has proved what it has to."""

    def answer(self, challenge: bytes) -> bytes:
        """Return what is said to ``challenge``. Raises sasl.NotTaken."""


class Occupant:
    """Somebody in a room."""

    __slots__ = ("away", "nick", "prefix")

    def __init__(self, nick: str, prefix: str = "") -> None:
        self.nick = nick
        self.prefix = prefix
        self.away = False


class Room:
    """A room that one is in, or wants to be in."""

    def __init__(self, name: str, key: str = "", *, silent: bool = False) -> None:
        self.name = name
        self.password = key
        self.silent = silent
        """Coming into it is no news: one has been there before the connection was lost."""
        self.joined = False
        self.members: dict[str, Occupant] = {}
        self.coming: dict[str, Occupant] | None = None
        """Members, while the list of their names comes."""


class Session:
    """One connection, and what follows from what has been said over it."""

    def __init__(self, resume: Resume, says: Sequence[Say], wall: int, dice: random.Random) -> None:
        """``wall`` is the time of day, in microseconds since the epoch, at the monotonic time 0."""
        self.resume = resume
        self.target = resume.target
        self.dice = dice
        self.now = 0.0
        self._wall = wall
        self._moment = 0
        self.nick = ""
        """What we are called; "" as long as that is not settled."""
        self.wanted = resume.nick or resume.target.nick or f"user{dice.randrange(1000, 10_000)}"
        self.account = ""
        self.server = ""
        self.caps: set[str] = set()
        self.offered: dict[str, str] = {}
        self.support = Support()
        self.registered = False
        self.is_chatd = False
        self.rooms: dict[str, Room] = {}
        self.outgoing = Outgoing(says, resume.under_way)
        self.quitting: str | None = None
        """Why we leave, once we want to."""
        self.failure: Failure | None = None
        """Why there is nothing to be had here, and trying again is of no use."""
        self.parting = ""
        """What the server has said last before it closes."""
        self.secure_port = 0
        """Where the server is to be reached by TLS instead (IRCv3 sts)."""
        self.requests = 0
        """Requests for capabilities that have not been answered."""
        self.proof: Proof | None = None
        """How we are logging in, while we are."""
        self.challenge = ""
        """What has come of the server's challenge, in base64."""
        self.logged_in = False
        """We have logged in to the target's account, and the server has proved itself."""
        self.holders: list[Holder] = []
        self.first: dict[str, tuple[str, int]] = {}
        """Of each room, id and time of the oldest line that was told."""
        self._told: OrderedDict[tuple[str, str, str], None] = OrderedDict()
        self._output = bytearray()
        self._news: list[News] = []
        # Up to when all that was said in a room had been told when this connection began.
        self._before = {fold(room): time for room, _, time in resume.last}
        for room, msgid, time in resume.first:
            self.first[fold(room)] = (msgid, time)

    @property
    def wall(self) -> int:
        """The time of day, in microseconds since the epoch."""
        return self._wall + int(self.now * 1_000_000)

    def moment(self) -> int:
        """Return the time of day of what is heard now, in microseconds: each time another one.

        By its time, the same words of the same person are told from the first ones said again.
        """
        self._moment = max(self._moment + 1, self.wall)
        return self._moment

    def send(self, *params: str, tags: Mapping[str, str] | None = None) -> None:
        """Send a line."""
        line = compose(Message(tags or {}, "", params[0], params[1:]))
        self._output += line.encode("utf-8", "replace") + b"\r\n"

    def send_raw(self, line: str) -> None:
        """Send a line as it stands, without what would make it several."""
        whole = line.translate({10: " ", 13: " ", 0: None}).strip()
        if whole:
            self._output += whole.encode("utf-8", "replace") + b"\r\n"

    def take_output(self) -> bytes:
        """Return what is to be sent."""
        output, self._output = bytes(self._output), bytearray()
        return output

    def take_news(self) -> list[News]:
        """Return what is to be told."""
        news, self._news = self._news, []
        return news

    def tell(self, news: News) -> None:
        """Tell ``news``, or have it held back until what comes before it is there."""
        if not isinstance(news, Lag) and any(holder(news) for holder in self.holders):
            return
        self._news.append(news)

    def tell_said(self, said: Said) -> bool:
        """Tell what was said, unless it was told before; say which."""
        key = place_key(said)
        if key in self._told:
            return False
        self._told[key] = None
        if len(self._told) > MOST_REMEMBERED:
            self._told.popitem(last=False)
        folded = fold(said.room)
        oldest = self.first.get(folded)
        if said.time and (oldest is None or said.time < oldest[1]):
            self.first[folded] = (said.msgid, said.time)
        self.outgoing.untold.discard(said.sent)
        self._news.append(said)
        return True

    def hear(self, said: Said) -> None:
        """Tell what was just said, or have it held back; once, but what it answers in any case."""
        if any(holder(said) for holder in self.holders):
            return
        if self._is_before(said) or not self.tell_said(said):
            self.tell_sent(said)

    def tell_sent(self, said: Said) -> None:
        """Tell no more of ``said``, which was told before, than that it answers something."""
        if said.sent:
            self.outgoing.untold.discard(said.sent)
            self._news.append(Sent(sent=said.sent, room=said.room))

    def _is_before(self, said: Said) -> bool:
        """Tell whether ``said`` is ours, and was told over an earlier connection: said again."""
        return said.own and bool(said.msgid) and said.time <= self._before.get(fold(said.room), -1)

    def was_told(self, said: Said) -> bool:
        """Tell whether this line was told before, over this connection."""
        return place_key(said) in self._told

    def info(self, text: str, *, room: str = "", code: str = "", error: bool = False) -> None:
        """Tell what the server says; ``text`` has been cleaned."""
        if text:
            self.tell(Told(text=text, room=room, code=code, error=error, time=self.wall))

    def room_of(self, name: str) -> Room | None:
        """Return the room called ``name``, in any case, if one is or wants to be there."""
        return self.rooms.get(self.support.key(name))

    def is_me(self, nick: str) -> bool:
        """Tell whether ``nick`` is what we are called."""
        return self.support.key(nick) == self.support.key(self.nick)

    def has(self, *names: str) -> bool:
        """Tell whether any of these capabilities is on."""
        return not self.caps.isdisjoint(names)


def place_key(said: Said) -> tuple[str, str, str]:
    """Return what makes a line itself: its id; without one its time, who said it, and what."""
    if said.msgid:
        return (said.msgid, "", "")
    return (str(said.time), f"{said.room}\n{said.nick}", said.text)
