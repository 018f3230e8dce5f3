"""The screen as a running program: news in, keys in, orders out, and a terminal given back."""

import asyncio
import contextlib
import secrets
import signal
import sys
import time
from pathlib import Path

from msgspec import Struct
from prompt_toolkit.application import Application
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, get_common_complete_suffix
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.history import FileHistory, InMemoryHistory

from chatd_client.beginning import room_to_begin_with, way_into
from chatd_client.companion import Companion
from chatd_client.exchange import AnyOrder, MarkRead, Phase, Quit, Status, TypingNow
from chatd_client.exits import Exit
from chatd_client.screen import slash
from chatd_client.screen.completing import Words
from chatd_client.screen.keys import bindings
from chatd_client.screen.notifying import How, notify
from chatd_client.screen.themes import depth_of, style_of, wants_no_colour
from chatd_client.screen.transcript import Look
from chatd_client.screen.view import Search, View
from chatd_client.screen.windows import Desk

GATHER: float = 0.005
"""Seconds in which what comes in is gathered for one repaint."""

REPAINT: float = 0.1
"""Seconds between two repaints for what comes in.

A repaint takes some 20 ms, in which no key is answered. A line that comes alone is shown at once;
in a flood, which nobody reads line by line, most keys find nothing in their way.
"""

FAREWELL: float = 3.0
"""Seconds that leaving may take."""

READ_EVERY: float = 2.0
"""Seconds between two read markers."""

TYPING_EVERY: float = 3.0

OLDER: int = 200
"""Lines that are fetched at a time."""


class ScreenSettings(Struct, frozen=True, kw_only=True):
    """What a user may want otherwise."""

    theme: str = "dark"
    vi: bool = False
    """Keys as in vi, instead of as in emacs."""
    mouse: bool = False
    notify: str = "bell"
    words: tuple[str, ...] = ()
    """Mentions, beside the nick."""
    history: Path | None = None
    """File for what was typed."""
    typing: bool = True
    """Tell others that one types."""
    rooms: tuple[str, ...] = ()
    """Windows that are there from the beginning; the first is looked at."""


class Screen:
    """All of it."""

    def __init__(self, companion: Companion, settings: ScreenSettings) -> None:
        self._companion = companion
        self._settings = settings
        self.desk = Desk(
            words=settings.words,
            now=lambda: time.time_ns() // 1000,
            make_id=lambda: secrets.token_hex(16),
        )
        self.buffer = Buffer(
            completer=Words(lambda: self.desk),
            history=_history(settings.history),
            multiline=False,
            on_text_changed=lambda _: self._typed(),
        )
        self.view = View(self.desk, self.buffer, mouse=settings.mouse)
        self._theme = "mono" if wants_no_colour() else settings.theme
        # Why it has ended, for whoever started it.
        self.why = ""
        self._dirty = False
        self._painted = 0.0
        self._leaving = False
        self._was_online = False
        self._marked: dict[str, int] = {}
        self._marking: asyncio.TimerHandle | None = None
        self._typing_since = 0.0
        self.app: Application[int] = Application(
            layout=self.view.layout,
            key_bindings=bindings(self),
            style=style_of(self._theme),
            color_depth=depth_of(self._theme),
            full_screen=True,
            mouse_support=settings.mouse,
            editing_mode=EditingMode.VI if settings.vi else EditingMode.EMACS,
        )
        # A lone Esc is told from the beginning of a key that soon; Alt-keys need less.
        self.app.ttimeoutlen = 0.05
        self.app.timeoutlen = 0.3
        for room in settings.rooms:
            self.desk.open(room.partition(" ")[0])
        if settings.rooms:
            self.desk.go(1)

    async def run(self) -> int:
        """Show it until the user leaves; return the exit code."""
        loop = asyncio.get_running_loop()
        loop.add_reader(self._companion.fileno(), self._hear)
        for number in (signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._end, 128 + number)
        try:
            return await self.app.run_async(handle_sigint=False)
        finally:
            loop.remove_reader(self._companion.fileno())

    def _end(self, code: int) -> None:
        if not self.app.is_done and self.app.is_running:
            self.app.exit(result=code)

    # News

    def _hear(self) -> None:
        alert = None
        for news in self._companion.receive():
            alert = self.desk.hear(news) or alert
            if isinstance(news, Status):
                self._stands(news)
        if alert is not None:
            how = How(self._settings.notify)
            notify(self.app.output, how, f"{alert.nick} in {alert.window}", alert.text)
        self._mark_soon()
        self.repaint_soon()

    def _stands(self, status: Status) -> None:
        if status.phase is Phase.ONLINE:
            if not self._was_online:
                self._begin(status)
            self._was_online = True
        elif status.phase is Phase.ENDED and (self._leaving or not self._was_online):
            # What the first attempt has failed of is to be read where the program was started.
            self.why = status.why
            self._end(Exit.OK if self._leaving else status.exit_code or Exit.UNAVAILABLE)

    def _begin(self, status: Status) -> None:
        """Go to where one talks, unless that was said, or the user is somewhere already."""
        rooms = self._settings.rooms
        room = room_to_begin_with(status, rooms)
        if join := way_into(room, status, rooms):
            self._order(join)
        if room:
            window = self.desk.open(room)
            if self.desk.active == (1 if rooms else 0):
                self.desk.go(self.desk.windows.index(window))

    def repaint_soon(self) -> None:
        """Paint what has come in, with whatever else comes until then."""
        if not self._dirty:
            self._dirty = True
            loop = asyncio.get_running_loop()
            loop.call_at(max(loop.time() + GATHER, self._painted + REPAINT), self._repaint)

    def _repaint(self) -> None:
        self._dirty = False
        self._painted = asyncio.get_running_loop().time()
        self.app.invalidate()

    # What keys do

    def enter(self) -> None:
        """Do what the line asks for."""
        text = self.buffer.text
        if not text.strip():
            return
        self.buffer.append_to_history()
        self.buffer.reset()
        self._typing_since = 0.0
        self._do(slash.entered(self.desk, text))

    def _do(self, outcome: slash.Outcome) -> None:
        for order in outcome.orders:
            self._order(order)
        if outcome.theme:
            self.app.style = style_of(outcome.theme)
        if outcome.names:
            self.toggle_names()
        if outcome.search:
            self._search(outcome.search)
        if outcome.quit:
            self._leave()
        self._mark_soon()

    def _order(self, order: AnyOrder) -> None:
        self._companion.order(order)

    def leave(self) -> None:
        """Leave, as by ``/quit``."""
        self._order(Quit())
        self._leave()

    def _leave(self) -> None:
        self._leaving = True
        if self.desk.status.phase is Phase.ENDED:
            self._end(Exit.OK)
        asyncio.get_running_loop().call_later(FAREWELL, self._end, Exit.OK)

    def interrupt(self) -> None:
        """Ctrl-C: forget what is typed; twice does not leave, for it is pressed by habit."""
        if self.buffer.text:
            self.buffer.reset()
        elif self._leaving:
            self._end(Exit.OK)
        else:
            self.desk.tell("Ctrl-D or /quit leaves")

    def go(self, place: int) -> None:
        """Look at window ``place``."""
        self.search_ends()
        self.desk.go(place)
        self._mark_soon()

    def go_to_activity(self) -> None:
        """Look at where most has happened."""
        self.search_ends()
        self.desk.go_to_activity()
        self._mark_soon()

    def go_back(self) -> None:
        """Look at the window before."""
        self.search_ends()
        self.desk.go_back()

    def scroll(self, by: int) -> None:
        """Go ``by`` rows up; at the top, have what is older fetched."""
        at_top = self.view.transcript.scroll(by)
        if by > 0 and at_top and self.desk.status.phase is Phase.ONLINE:
            older = self.desk.older(self.desk.window, OLDER)
            if older is not None:
                self._order(older)

    def follow(self) -> None:
        """Go back to what comes."""
        self.desk.window.anchor = None
        self._mark_soon()

    def toggle_names(self) -> None:
        """Show or hide who is here."""
        self.view.names = not self.view.names

    def redraw(self) -> None:
        """Paint all of it anew, whatever else has written to the terminal."""
        self.app.renderer.clear()

    def suspend(self) -> None:
        """Stop, as Ctrl-Z has any program stop, with the terminal given back meanwhile."""
        self.app.suspend_to_background()

    def complete(self, step: int) -> None:
        """Complete the word, or go to the next of what it may become."""
        if self.buffer.complete_state:
            (self.buffer.complete_next if step > 0 else self.buffer.complete_previous)()
            return
        # Here and now: done in the background, as start_completion does it, it is given up when
        # the next key comes first.
        document = self.buffer.document
        asked = CompleteEvent(completion_requested=True)
        found = list(self.buffer.completer.get_completions(document, asked))
        if len(found) == 1:
            self.buffer.apply_completion(found[0])
        elif found:
            self.buffer.insert_text(get_common_complete_suffix(document, found))
            self.buffer.start_completion()

    # Search

    def _search(self, text: str) -> None:
        window = self.desk.window
        found = window.transcript.find(text)
        if not found:
            self.desk.tell(f"“{text}” is nowhere in this window", Look.ERROR)
            return
        self.view.transcript.search = Search(text, found)
        self.view.transcript.show(found[-1])

    def search_on(self, step: int) -> None:
        """Go to the match before (-1) or after (1)."""
        search = self.view.transcript.search
        if search is not None:
            search.at = max(0, min(len(search.found) - 1, search.at + step))
            self.view.transcript.show(search.found[search.at])

    def search_ends(self) -> None:
        """Mark nothing any more."""
        self.view.transcript.search = None

    # Pasting

    def pasted(self, data: str) -> None:
        """Take what was pasted: one line is typed, several are asked about."""
        data = data.replace("\r\n", "\n").replace("\r", "\n")
        lines = [line for line in data.split("\n") if line]
        if len(lines) <= 1:
            self.buffer.insert_text("".join(lines))
        else:
            before = self.buffer.text
            self.buffer.reset()
            self.view.pasted = [before + lines[0], *lines[1:]]

    def paste(self) -> None:
        """Say all of it: as it stands, also what begins with a slash."""
        lines, self.view.pasted = self.view.pasted, []
        for line in lines:
            quoted = f"/{line}" if line.startswith("/") else line
            self._do(slash.entered(self.desk, quoted))

    def paste_as_one(self) -> None:
        """Put it into the line, to be edited."""
        lines, self.view.pasted = self.view.pasted, []
        self.buffer.insert_text(" ".join(lines))

    def paste_nothing(self) -> None:
        """Forget it."""
        self.view.pasted = []

    # What others are told of us

    def _typed(self) -> None:
        text, room = self.buffer.text, self.desk.window.name
        if not self._settings.typing or not room or self.desk.status.phase is not Phase.ONLINE:
            return
        now = time.monotonic()
        if text and not text.startswith("/"):
            if now - self._typing_since >= TYPING_EVERY:
                self._typing_since = now
                self._order(TypingNow(room=room, active=True))
        elif self._typing_since and not text:
            self._typing_since = 0.0
            self._order(TypingNow(room=room, active=False))

    def _mark_soon(self) -> None:
        if self._marking is None and self.desk.window.name:
            self._marking = asyncio.get_running_loop().call_later(READ_EVERY, self._mark)

    def _mark(self) -> None:
        self._marking = None
        window = self.desk.window
        time_read = window.transcript.last_time()
        if not window.name or window.anchor or self.desk.status.phase is not Phase.ONLINE:
            return
        if time_read > self._marked.get(window.name, 0):
            self._marked[window.name] = time_read
            self._order(MarkRead(room=window.name, time=time_read))


def _history(path: Path | None) -> FileHistory | InMemoryHistory:
    if path is None:
        return InMemoryHistory()
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        return FileHistory(path)
    return InMemoryHistory()


def run(companion: Companion, settings: ScreenSettings) -> int:
    """Show what ``companion`` tells on the terminal until the user leaves; return the exit code."""
    screen = Screen(companion, settings)
    code = asyncio.run(screen.run())
    if screen.why:
        print(f"chat-client: {screen.why}", file=sys.stderr)
    return code
