"""Lines on a terminal that can do no more, or is to do no more: with slash commands."""

import secrets
from collections.abc import Callable
from time import time_ns

from chatd_client.companion import Companion
from chatd_client.exchange import AnyNews, Phase, Say, Status, Target
from chatd_client.screen.slash import entered
from chatd_client.screen.transcript import Look
from chatd_client.screen.windows import Desk, Window
from chatd_client.scripting.plain import PlainScript, Show


class _Telling(Desk):
    """A desk without windows to look at: what it has to tell is shown at once."""

    def __init__(self, show: Show) -> None:
        super().__init__(now=lambda: time_ns() // 1000, make_id=lambda: secrets.token_hex(16))
        self._show = show

    def tell(
        self,
        text: str,
        look: Look = Look.INFO,  # noqa: ARG002  # all look the same
        window: Window | None = None,  # noqa: ARG002  # there is none to look at
        time: int = 0,  # noqa: ARG002  # no line is given a time
    ) -> None:
        """Show ``text``."""
        self._show(f"--- {text}\n")


class TerminalScript(PlainScript):
    """Somebody types: what begins with a slash is a command of the client."""

    def __init__(
        self, companion: Companion, target: Target, complain: Callable[[str], None], show: Show
    ) -> None:
        super().__init__(companion, target, complain, show)
        self._desk = _Telling(show)

    def hear(self, news: AnyNews) -> None:
        """Show ``news``."""
        super().hear(news)
        if isinstance(news, Status) and news.phase is Phase.ONLINE:
            self._desk.nick = self.nick
            self._look_at(self.room)

    def typed(self, line: str) -> None:
        """Do what ``line`` asks for, or say it."""
        if not line.startswith("/"):
            self.say(line)
            return
        self._look_at(self.room)
        outcome = entered(self._desk, line)
        for order in outcome.orders:
            self.order(order)
            if isinstance(order, Say):
                # It is shown when it has been said; nobody looks at this window.
                self._desk.open(order.room).transcript.confirm(order.id)
        self.room = self._desk.window.name or self.room

    def _look_at(self, room: str) -> None:
        if room:
            self._desk.go(self._desk.windows.index(self._desk.open(room)))
