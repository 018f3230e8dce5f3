"""The windows, and what happens in them: the screen without a screen, pure.

Window 0 is the server's; then come rooms and people, in the order in which they were first heard
of. ``Desk.hear`` takes news, ``Desk.say`` and the like are what the user does; both change the
state that ``view`` shows and return what else is to be done.
"""

import enum
import re
from collections.abc import Callable, Iterable
from typing import Final

from msgspec import Struct

from chatd_client.exchange import (
    AnyNews,
    Came,
    Doubtful,
    Fetched,
    Hole,
    Kind,
    Lag,
    Listed,
    Member,
    Members,
    Modes,
    Older,
    Person,
    Phase,
    ReadTo,
    Refused,
    Renamed,
    Said,
    Say,
    Status,
    Told,
    Topic,
    Typing,
    Went,
)
from chatd_client.screen import wording
from chatd_client.screen.cells import shown
from chatd_client.screen.transcript import Line, Look, Transcript
from chatd_client.screen.viewport import Anchor

MOST_WINDOWS: Final = 500
"""Windows that others can open by writing to us; beyond, the server's window shows it."""

MOST_TYPING: Final = 20


class Activity(enum.IntEnum):
    """What has happened in a window since it was last looked at."""

    NONE = 0
    EVENT = 1
    TALK = 2
    MENTION = 3


class Window(Struct, kw_only=True):
    """A room, a person, or the server (name "")."""

    name: str
    transcript: Transcript
    activity: Activity = Activity.NONE
    unread: int = 0
    mark: int = 0
    """Time of the last line that had been read when the window was left; 0 shows no mark."""
    topic: str = ""
    members: dict[str, Member] = {}
    inside: bool = False
    """We are in the room."""
    typing: dict[str, None] = {}
    anchor: Anchor | None = None
    more: bool = True
    """The server may have what is older."""
    fetching: bool = False

    @property
    def is_room(self) -> bool:
        """Whether many are in it."""
        return self.name[:1] in ("#", "&", "+", "!")


class Alert(Struct, frozen=True):
    """Somebody wants the user: in private, or by name."""

    window: str
    nick: str
    text: str


class Desk:
    """All windows, and how the connection stands."""

    def __init__(
        self, *, words: Iterable[str] = (), now: Callable[[], int], make_id: Callable[[], str]
    ) -> None:
        """``words`` are mentions beside our own nick; ``now`` returns microseconds."""
        self._now = now
        self._make_id = make_id
        self._words = tuple(words)
        self._serial = 0
        self._mention = _words_of(self._words)
        self.windows = [self._new("")]
        self.active = 0
        self._last_active = 0
        self.status = Status(phase=Phase.CONNECTING)
        self.lag: Lag | None = None
        self.nick = ""

    # Windows

    @property
    def window(self) -> Window:
        """The one that is looked at."""
        return self.windows[self.active]

    def find(self, name: str) -> Window | None:
        """Return the window called ``name``, if there is one."""
        folded = name.casefold()
        return next((w for w in self.windows if w.name.casefold() == folded), None)

    def open(self, name: str) -> Window:
        """Return the window called ``name``, made if need be."""
        window = self.find(name)
        if window is None:
            if len(self.windows) >= MOST_WINDOWS:
                return self.windows[0]
            window = self._new(name)
            self.windows.append(window)
        return window

    def go(self, place: int) -> None:
        """Look at window ``place``, if there is one."""
        if not 0 <= place < len(self.windows) or place == self.active:
            return
        left = self.window
        left.mark = left.transcript.last_time()
        self._last_active, self.active = self.active, place
        self._seen(self.window)

    def go_back(self) -> None:
        """Look at the window that was looked at before."""
        self.go(min(self._last_active, len(self.windows) - 1))

    def go_to_activity(self) -> None:
        """Look at the window in which the most important thing has happened, the first of those."""
        best = max(self.windows, key=lambda w: w.activity)
        if best.activity:
            self.go(self.windows.index(best))

    def close(self, window: Window) -> None:
        """Take ``window`` away; the server's stays."""
        if window is self.windows[0]:
            return
        here = self.window
        self.windows.remove(window)
        self.active = 0 if here is window else self.windows.index(here)
        self._last_active = 0
        self._seen(self.window)

    def move(self, place: int) -> None:
        """Make the window that is looked at number ``place``."""
        window = self.window
        if self.active and 0 < place < len(self.windows):
            self.windows.remove(window)
            self.windows.insert(place, window)
            self.active = place

    def _seen(self, window: Window) -> None:
        window.activity = Activity.NONE
        window.unread = 0

    def _new(self, name: str) -> Window:
        return Window(name=name, transcript=Transcript())

    # What the user does

    def say(self, room: str, text: str, kind: Kind = Kind.MESSAGE) -> Say:
        """Show what is said as under way, and return the order for it."""
        order = Say(id=self._make_id(), room=room, text=text, kind=kind)
        window = self.open(room)
        window.mark = 0
        window.anchor = None
        line = Line(
            serial=self._number(),
            look=_LOOKS[kind],
            text=shown(text),
            nick=self.nick,
            time=self._now(),
            sent=order.id,
            own=True,
        )
        window.transcript.add(line)
        return order

    def tell(
        self, text: str, look: Look = Look.INFO, window: Window | None = None, time: int = 0
    ) -> None:
        """Show a line of the client's own, of now if no ``time`` is given."""
        line = Line(serial=self._number(), look=look, text=text, time=time or self._now())
        (window or self.window).transcript.add(line)

    def older(self, window: Window, count: int) -> Older | None:
        """Return the order that fetches what is before the oldest line, if it is not under way."""
        if not window.name or window.fetching or not window.more:
            return None
        window.fetching = True
        return Older(room=window.name, count=count)

    # News

    def hear(self, news: AnyNews) -> Alert | None:
        """Take ``news`` to where it belongs; return whom the user should be told of, if any."""
        match news:
            case Said():
                return self._said(news)
            case Status():
                self._stands(news)
            case Lag():
                self.lag = news
            case Came() | Went() | Renamed() | Topic() | Modes() | Members():
                self._happened(news)
            case Refused():
                self._refused(news)
            case Doubtful():
                window = self.open(news.room)
                window.transcript.confirm(news.sent)
                text = f"it is not known whether this has arrived: {shown(news.text)}"
                self.tell(text, Look.ERROR, window)
            case Typing():
                self._types(news)
            case ReadTo():
                self._read(news)
            case Fetched():
                window = self.open(news.room)
                window.fetching, window.more = False, news.more
            case Told() | Hole() | Person() | Listed():
                self._told(news)
        return None

    def _said(self, said: Said) -> Alert | None:
        window = self.open(said.room)
        if said.sent:
            for each in self.windows:
                each.transcript.confirm(said.sent)
        mention = not said.own and self._mention.search(said.text) is not None
        text = said.text
        if window.name.casefold() != said.room.casefold():
            text = f"[{said.room}] {text}"
        line = Line(
            serial=self._number(),
            look=_LOOKS[said.kind],
            text=text,
            nick=shown(said.nick),
            time=said.time or self._now(),
            msgid=said.msgid,
            own=said.own,
            mention=mention,
            to=shown(said.to),
        )
        if not window.transcript.add(line) or said.own or (said.old and not said.missed):
            return None
        window.typing.pop(said.nick, None)
        private = not window.is_room and bool(window.name)
        level = Activity.MENTION if mention or private else Activity.TALK
        self._note(window, level)
        if (mention or private) and not said.old:
            return Alert(window.name, shown(said.nick), shown(said.text))
        return None

    def _note(self, window: Window, level: Activity) -> None:
        if window is self.window:
            return
        window.activity = max(window.activity, level)
        if level >= Activity.TALK:
            window.unread += 1

    def _happened(self, news: Came | Went | Renamed | Topic | Modes | Members) -> None:
        if isinstance(news, Renamed) and news.own and not news.old:
            self._called(news.new)
        window = self.open(news.room)
        if isinstance(news, Topic) and not news.by and window.topic == shown(news.text):
            return  # told to whoever comes back, too
        if not (isinstance(news, Members) or news.old):
            _keep_members(window, news)
        if isinstance(news, Members):
            window.members = {shown(m.nick): m for m in news.members}
            window.inside = True
            return
        text = wording.event(news)
        if not text:
            return
        time = news.time or self._now()
        line = Line(serial=self._number(), look=Look.EVENT, text=text, time=time)
        if window.transcript.add(line) and not news.old:
            self._note(window, Activity.EVENT)

    def _called(self, nick: str) -> None:
        self.nick = shown(nick)
        self._mention = _words_of((*self._words, nick))

    def _refused(self, news: Refused) -> None:
        window = self.find(news.room) or self.window
        text = shown(news.why)
        for each in self.windows if news.sent else ():
            line = each.transcript.confirm(news.sent)
            if line is not None:
                window = each
                text = f"not said: {line.text} ({text})"
        self.tell(text, Look.ERROR, window)
        self._note(window, Activity.EVENT)

    def _told(self, news: Told | Hole | Person | Listed) -> None:
        if isinstance(news, Told | Hole):
            window = self.find(news.room) or self.windows[0]
        else:
            window = self.window
        look = Look.ERROR if isinstance(news, Told) and news.error else Look.INFO
        # Where it stands among what is said is when it was heard, not when it is shown.
        time = news.time if isinstance(news, Told) else 0
        for text in wording.answer(news):
            self.tell(text, look, window, time)
        self._note(window, Activity.EVENT)

    def _types(self, news: Typing) -> None:
        window = self.find(news.room)
        if window is None:
            return
        nick = shown(news.nick)
        window.typing.pop(nick, None)
        if news.active and len(window.typing) < MOST_TYPING:
            window.typing[nick] = None

    def _read(self, news: ReadTo) -> None:
        window = self.find(news.room)
        if window is None:
            return
        if window is not self.window:
            window.mark = max(window.mark, news.time)
            if news.time >= window.transcript.last_time():
                self._seen(window)

    def _stands(self, status: Status) -> None:
        before, self.status = self.status, status
        if status.nick:
            self._called(status.nick)
        if status.phase is not Phase.ONLINE:
            self.lag = None
            for window in self.windows:
                window.typing.clear()
                window.fetching = False
        text = wording.status(before, status)
        if text:
            look = Look.ERROR if status.why else Look.INFO
            self.tell(text, look, self.windows[0], status.time)

    def _number(self) -> int:
        self._serial += 1
        return self._serial


_LOOKS: Final = {
    Kind.MESSAGE: Look.MESSAGE,
    Kind.NOTICE: Look.NOTICE,
    Kind.ACTION: Look.ACTION,
}


def _words_of(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of ``words`` as a word of its own."""
    each = "|".join(re.escape(word) for word in words if word)
    if not each:
        return re.compile("(?!)")
    return re.compile(rf"(?<![\w-])(?:{each})(?![\w-])", re.IGNORECASE)


def _keep_members(window: Window, news: Came | Went | Renamed | Topic | Modes) -> None:
    match news:
        case Came():
            window.members[shown(news.nick)] = Member(nick=news.nick)
            if news.own:
                window.inside = True
        case Went():
            window.members.pop(shown(news.nick), None)
            window.typing.pop(shown(news.nick), None)
            if news.own:
                window.inside = False
                window.members.clear()
        case Renamed():
            member = window.members.pop(shown(news.nick), None)
            if member is not None:
                window.members[shown(news.new)] = Member(
                    nick=news.new, prefix=member.prefix, away=member.away
                )
        case Topic():
            window.topic = shown(news.text)
