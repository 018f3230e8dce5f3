"""The real screen of chat-client painted into memory, and looked at by pyte."""

import asyncio
import contextlib
import io
import os
from collections.abc import Iterator
from typing import Any

import pyte
from prompt_toolkit.application import create_app_session
from prompt_toolkit.application.current import set_app
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import create_pipe_input
from prompt_toolkit.output.vt100 import Vt100_Output

from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, AnyOrder, Phase, Status
from chatd_client.screen.app import Screen, ScreenSettings
from emulating import Emulated, row_of

ONLINE = Status(phase=Phase.ONLINE, server="irc.example", nick="alice", dialect="irc")


class Scripted(Companion):
    """A companion that tells what the test has it tell."""

    def __init__(self) -> None:
        self.orders: list[AnyOrder] = []
        self.news: list[AnyNews] = []
        self._end, self._other = os.pipe()

    def fileno(self) -> int:
        """Return what is readable when there is news."""
        return self._end

    def tell(self, *news: AnyNews) -> None:
        """Have ``news`` received."""
        self.news += news
        os.write(self._other, b"x")

    def receive(self) -> list[AnyNews]:
        """Return what there is."""
        if self.news:
            os.read(self._end, 4096)
        news, self.news = self.news, []
        return news

    def order(self, order: AnyOrder) -> None:
        """Keep ``order`` for the test."""
        self.orders.append(order)

    def close(self) -> None:
        """Close its descriptors."""
        os.close(self._end)
        os.close(self._other)


class Painting:
    """A screen, a terminal in memory, and what was written to it."""

    def __init__(
        self, screen: Screen, written: io.StringIO, size: list[int], loop: asyncio.Runner
    ) -> None:
        self.screen = screen
        self.desk = screen.desk
        self._written = written
        self._size = size
        self._loop = loop
        columns, rows = size
        self.terminal = Emulated(columns, rows)
        self._stream = pyte.Stream(self.terminal)

    def paint(self) -> str:
        """Paint what has changed; return what was written for it."""
        self._loop.run(self._paint())
        written = self._written.getvalue()
        self._written.seek(0)
        self._written.truncate()
        self._stream.feed(written)
        return written

    async def _paint(self) -> None:
        app = self.screen.app
        with set_app(app):
            app.renderer.render(app, app.layout)

    def resize(self, columns: int, rows: int) -> None:
        """Change the size of the terminal."""
        self._size[:] = columns, rows
        self.terminal.resize(rows, columns)
        self.screen.app.renderer.erase(leave_alternate_screen=False)

    def row(self, number: int) -> str:
        """Return what stands in a row, counted from the bottom if negative."""
        return row_of(self.terminal, number % self.terminal.lines)

    def cells(self, number: int) -> list[Any]:
        """Return the cells of a row, as pyte has them."""
        line = self.terminal.buffer[number % self.terminal.lines]
        return [line[column] for column in range(self.terminal.columns)]


@contextlib.contextmanager
def painting(columns: int = 80, rows: int = 24, **settings: Any) -> Iterator[Painting]:
    """Yield a painting whose user is alice, in the rooms ``#lobby`` and ``#ops``."""
    written = io.StringIO()
    size = [columns, rows]
    output = Vt100_Output(written, lambda: Size(size[1], size[0]), term="xterm-256color")
    companion = Scripted()
    with (
        asyncio.Runner() as loop,
        create_pipe_input() as keys,
        create_app_session(input=keys, output=output),
    ):
        rooms = settings.pop("rooms", ("#lobby", "#ops"))
        screen = Screen(companion, ScreenSettings(rooms=rooms, **settings))
        screen.desk.hear(ONLINE)
        try:
            yield Painting(screen, written, size, loop)
        finally:
            companion.close()
