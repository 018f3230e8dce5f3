"""The process title of the master, kept up to date without haste."""

import asyncio
from collections.abc import Callable
from typing import Final

import setproctitle

MASTER: Final = "chatd: master "
"""What the title of a master begins with, which goes without saying where it is told."""

DELAY: Final = 0.1
"""Seconds until the title tells what has changed: not for each of many changes at once."""


class Title:
    """What ``ps`` shows of this process."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        text: Callable[[], str],
        told: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``text`` says what the title is to be now; ``told`` gets each other one, too."""
        self._loop = loop
        self._text = text
        self._told = told
        self._shown = ""
        self._due = False

    def refresh_soon(self) -> None:
        """Show within DELAY what has changed."""
        if not self._due:
            self._due = True
            self._loop.call_later(DELAY, self.refresh)

    def refresh(self) -> None:
        """Show what has changed."""
        self._due = False
        text = self._text()
        if text != self._shown:
            self._shown = text
            setproctitle.setproctitle(text)
            self._told(text.removeprefix(MASTER))
