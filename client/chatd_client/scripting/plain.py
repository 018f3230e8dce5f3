"""Lines in, lines out: what is said here as ``alice : good day``, all else behind ``---``."""

from collections.abc import Callable
from typing import Final

from chatd_client.companion import Companion
from chatd_client.exchange import (
    AnyNews,
    Came,
    Doubtful,
    Hole,
    Kind,
    Listed,
    Modes,
    Person,
    Phase,
    Refused,
    Renamed,
    Said,
    Status,
    Target,
    Told,
    Topic,
    Went,
)
from chatd_client.screen import wording
from chatd_client.screen.cells import shown
from chatd_client.scripting.script import Script
from chatd_workers.names import fold, strip_formatting

Show = Callable[[str], None]


class PlainScript(Script):
    """Shows what is said, and says what is typed."""

    def __init__(
        self,
        companion: Companion,
        target: Target,
        complain: Callable[[str], None],
        show: Show,
        *,
        once: bool = False,
    ) -> None:
        """``show`` is given lines, with their ends; ``once``: leave after the first message."""
        super().__init__(companion, target, complain)
        self._show = show
        self._once = once
        self._why = ""

    def hear(self, news: AnyNews) -> None:
        """Show ``news``."""
        super().hear(news)
        if isinstance(news, Status):
            self._hear_status(news)
            return
        for line in lines_of(news, self.room):
            self._show(f"{line}\n")
        if self._once and is_message(news):
            self._once = False
            self.leave()

    def _hear_status(self, status: Status) -> None:
        broken = status.phase in (Phase.WAITING, Phase.CONNECTING) and status.why
        if broken and status.why != self._why:
            self.complain(f"{status.why}; trying again")
        self._why = status.why


def is_message(news: AnyNews) -> bool:
    """Tell whether ``news`` is something new that somebody else says."""
    return (
        isinstance(news, Said)
        and not news.own
        and news.kind is not Kind.NOTICE
        and (news.missed or not news.old)
    )


def lines_of(news: AnyNews, room: str) -> list[str]:
    """Return the lines that tell ``news`` to somebody who is mainly in ``room``."""
    match news:
        case Said():
            return [] if news.old and not news.missed else [_said(news, room)]
        case Came() | Went() | Renamed() | Topic() | Modes():
            return [] if news.old else _event(news, room)
        case Refused():
            return [f"--- {shown(news.why)}"]
        case Doubtful():
            return [f"--- it is not known whether this has arrived: {shown(news.text)}"]
        case Told() | Hole() | Person() | Listed():
            said = () if getattr(news, "code", "") in _CEREMONY else wording.answer(news)
            return [f"--- {text}" for text in said]
    return []


def _event(news: Came | Went | Renamed | Topic | Modes, room: str) -> list[str]:
    text = wording.event(news)
    where = "" if not news.room or fold(news.room) == fold(room) else f" {shown(news.room)}:"
    return [f"---{where} {text}"] if text else []


_CEREMONY: Final = frozenset(
    (
        "001",
        "002",
        "003",
        "004",
        "005",
        "251",
        "252",
        "253",
        "254",
        "255",
        "265",
        "266",
        "375",
        "422",
    )
)
"""Numerics with which a server begins, and which tell a script nothing."""

_FORMS: Final = {
    Kind.MESSAGE: "{nick} : {text}",
    Kind.ACTION: "* {nick} {text}",
    Kind.NOTICE: "-{nick}- {text}",
}


def _said(said: Said, room: str) -> str:
    text = shown(strip_formatting(said.text))
    line = _FORMS[said.kind].format(nick=shown(said.nick), text=text)
    return line if fold(said.room) == fold(room) else f"[{shown(said.room)}] {line}"
