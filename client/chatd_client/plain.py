r"""The plain wires: chatd's text dialect (chatd-protocol(7)), and that of the lab's server. Pure.

Neither has ids or a history. Who speaks hears itself, in order: a line was said when it comes
back. What was under way when the connection broke is ``Doubtful``.

The text wire has a module of its own, ``text``. The lab's server knows no rooms at all, and nothing
but ``alice : bonjour\0``; here its one room is called LAB.
"""

import re
from abc import abstractmethod
from collections import deque
from collections.abc import Sequence
from typing import Final

from chatd_client.exchange import (
    AnyOrder,
    Ask,
    Doubtful,
    Fetched,
    Hole,
    Join,
    Kind,
    Leave,
    ListRooms,
    News,
    Older,
    Phase,
    Quit,
    Refused,
    Rename,
    Renamed,
    Resume,
    Said,
    Say,
    SetTopic,
    Status,
    Target,
    Told,
    WhoIs,
)
from chatd_client.exits import Exit, Failure
from chatd_client.irc.cleaning import clean_name, clean_plain
from chatd_client.memory import WINDOW
from chatd_workers.names import fold, make_safe

LAB: Final = "#lab"
"""What the one room of the lab's server is called here; nobody else knows it by that name."""

LONGEST_LINE: Final = 16 * 1024

LONGEST_SAID: Final = 1000
"""Bytes of one message to the lab's server, which reads no more at once."""

SILENCE: Final = 1.0
"""Seconds without a word after which a server that does not close by itself has said all."""

FAREWELL: Final = 5.0
"""Seconds in which chatd has closed after /quit."""


def _cannot_log_in(target: Target) -> Failure | None:
    """Return why there is no use in coming: by an account, where there is no way to log in."""
    if not (target.account and target.password):
        return None
    why = "the server speaks no IRC on this port, and only in IRC can we log in"
    return Failure(Exit.DENIED, f"{target.account} is not logged in: {why}")


class PlainDialogue:
    """What both wires have in common."""

    dialect = ""

    def __init__(self, resume: Resume, says: Sequence[Say], *, wall: int) -> None:
        """``wall`` is the time of day in microseconds at the time 0 of the clock."""
        target = resume.target
        self.nick = resume.nick or target.nick or "guest"
        self.done = False
        self.failure = _cannot_log_in(target)
        self.parting = ""
        self.secure_port = 0
        self.is_dead = False
        self._resume = resume
        self._wall = wall
        self._now = 0.0
        self._heard_at = 0.0
        self._left_at: float | None = None
        self._quitting: Quit | None = None
        self._output = bytearray()
        self._news: list[News] = []
        self._begun = bytearray()
        self._waiting: deque[tuple[Say, str, bool]] = deque()
        self._flight: deque[tuple[Say, str, bool]] = deque()
        suspects = frozenset(resume.under_way)
        for say in says:
            if say.id in suspects:
                self._news.append(Doubtful(sent=say.id, room=say.room, text=make_safe(say.text)))
            else:
                self._take_say(say)

    # The dialects' own

    @abstractmethod
    def _write(self, say: Say, text: str) -> bytes:
        """Return what says ``text`` for ``say``."""

    @abstractmethod
    def _hear(self, line: str) -> None:
        """Take a line, made safe."""

    @abstractmethod
    def _goodbye(self, reason: str) -> bytes:
        """Return what is written last."""

    @abstractmethod
    def _carry_out(self, order: AnyOrder) -> None:
        """Carry out an order other than ``Say`` and ``Quit``."""

    # Dialogue

    def receive(self, data: bytes, now: float) -> None:
        """Take what the server sends: a LF, a CRLF or a NUL ends a line."""
        self._now = self._heard_at = now
        *lines, rest = data.replace(b"\0", b"\n").split(b"\n")
        for line in lines:
            whole = bytes(self._begun) + line
            self._begun.clear()
            if whole.strip():
                self._hear(
                    clean_plain(whole[:LONGEST_LINE].rstrip(b"\r").decode("utf-8", "replace"))
                )
        if len(self._begun) < LONGEST_LINE:
            self._begun += rest
        self._go_on()

    def order(self, order: AnyOrder, now: float) -> None:
        """Take an order."""
        self._now = now
        if isinstance(order, Say):
            self._take_say(order)
        elif isinstance(order, Quit):
            self._quitting = order
        else:
            self._carry_out(order)
        self._go_on()

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._now = now
        if self._left_at is not None and now >= self._leaves_at():
            self.done = True

    @property
    def wake(self) -> float | None:
        """When ``tick`` is due."""
        return None if self._left_at is None else self._leaves_at()

    def _leaves_at(self) -> float:
        assert self._left_at is not None
        return self._left_at + FAREWELL

    def take(self) -> tuple[bytes, list[News]]:
        """Return what is to be sent, and what is to be told."""
        output, self._output = bytes(self._output), bytearray()
        news, self._news = self._news, []
        return (output, news) if self.failure is None else (b"", [])

    def under_way(self) -> tuple[str, ...]:
        """Return the ids of what may have been said, and has not been answered."""
        return tuple(dict.fromkeys(say.id for say, _, _ in self._flight))

    def _is_on_the_way(self) -> bool:
        """Tell whether it is not settled yet where what is said would be heard."""
        return False

    def _objection(self, say: Say) -> str:  # noqa: ARG002  # here nothing is objected to
        """Return why ``say`` must not be said here, as a sentence; "" if it may."""
        return ""

    # What is said

    def _take_say(self, say: Say) -> None:
        texts = [line.replace("\0", "") for line in re.split(r"[\r\n]+", say.text) if line.strip()]
        if not texts:
            self._tell(Refused(why="there is nothing to be said", sent=say.id, room=say.room))
        for place, text in enumerate(texts):
            self._waiting.append((say, text, place == len(texts) - 1))

    def _go_on(self) -> None:
        while self._waiting and len(self._flight) < WINDOW and not self._is_on_the_way():
            piece = say, text, is_last = self._waiting.popleft()
            if why := self._objection(say):
                if is_last:
                    self._tell(Refused(why=why, sent=say.id, room=say.room))
                continue
            self._output += self._write(say, text)
            self._flight.append(piece)
        is_done = not self._flight and not self._waiting
        if self._quitting is not None and self._left_at is None and is_done:
            self._left_at = self._now
            self._output += self._goodbye(self._quitting.reason)

    def _said(self, nick: str, text: str, room: str, kind: Kind = Kind.MESSAGE) -> None:
        own = fold(nick) == fold(self.nick)
        sent = ""
        if own:
            for place, (say, mine, is_last) in enumerate(self._flight):
                if _alike(mine, text) and say.kind is kind:
                    sent = say.id if is_last else ""
                    room = say.room or room
                    del self._flight[place]
                    break
        said = Said(
            room=room, nick=nick, text=text, kind=kind, time=self._time(), own=own, sent=sent
        )
        self._tell(said)

    def _time(self) -> int:
        return self._wall + int(self._now * 1_000_000)

    def _tell(self, news: News) -> None:
        self._news.append(news)

    def _tell_holes(self) -> None:
        for room, _, time in self._resume.last:
            self._tell(Hole(room=room, since=time, until=self._time()))

    def _cannot(self, order: AnyOrder) -> None:
        if isinstance(order, Older):
            self._tell(Fetched(room=order.room, count=0, more=False))
        elif isinstance(order, (Join, Leave, SetTopic, WhoIs, ListRooms, Ask)):
            self._tell(Refused(why="this server cannot do that", room=getattr(order, "room", "")))


def _alike(said: str, heard: str) -> bool:
    """Tell whether ``heard`` is how ``said`` comes back: made safe, and perhaps cut off."""
    wanted = clean_plain(said).strip()
    return wanted == heard.strip() or (len(heard) > 200 and wanted.startswith(heard.strip()))


class LabDialogue(PlainDialogue):
    """The lab's server."""

    dialect = "lab"

    def begin(self, now: float) -> None:
        """Take it that one is there: that server says nothing."""
        self._now = self._heard_at = now
        if self._resume.was_online:
            self._tell_holes()
        self._tell(Status(phase=Phase.ONLINE, nick=self.nick, dialect="lab", time=self._time()))
        self._go_on()

    def _write(self, say: Say, text: str) -> bytes:
        act = "* " if say.kind is Kind.ACTION else ""
        return f"{one_line(self.nick)} : {act}{one_line(text)}\0".encode()

    def _goodbye(self, reason: str) -> bytes:  # noqa: ARG002 - that server has no such word
        """Return the empty message that the lab's client ends with."""
        return f"{one_line(self.nick)} :\0".encode()

    def _leaves_at(self) -> float:
        assert self._left_at is not None
        return max(self._left_at, self._heard_at) + SILENCE

    def _carry_out(self, order: AnyOrder) -> None:
        if isinstance(order, Rename):
            old, self.nick = self.nick, order.nick
            self._tell(Renamed(room="", nick=old, new=order.nick, own=True, time=self._time()))
        else:
            self._cannot(order)

    def _hear(self, line: str) -> None:
        found = SAID.fullmatch(line)
        if found:
            self._said(clean_name(found[1]), found[2], LAB)
            return
        nick, colon, rest = line.partition(" :")
        if colon and not rest.strip():
            # How somebody's client says that it goes.
            if self._left_at is not None and fold(nick) == fold(self.nick):
                self.done = True
            return
        self._tell(Told(text=line, room=LAB, time=self._time()))


def one_line(text: str) -> str:
    """Return ``text`` as it can stand in a line, and as UTF-8."""
    line = text.replace("\n", " ").replace("\r", " ").replace("\0", "")
    return line.encode("utf-8", "replace").decode()


SAID: Final = re.compile(r"(\S+) : (.*)")
