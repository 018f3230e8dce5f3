"""The past of rooms, asked of the server page by page: one request at a time (draft/chathistory).

A *fetch* says what it wants next and is given each page, until it wants nothing more. A page is
what is in one batch; a request that fails, or that is not answered in time, ends its fetch.
"""

from collections import deque
from collections.abc import Sequence
from typing import Final, Protocol

from chatd_client.irc.session import Session
from chatd_workers.dialects.irc.grammar import Message
from chatd_workers.dialects.irc.timestamps import write_time

PATIENCE: Final = 20.0
"""Seconds in which a page has come."""


class Fetch(Protocol):
    """Something that is fetched."""

    def next(self) -> tuple[str, ...] | None:
        """Return the parameters of the next CHATHISTORY; None: there is nothing more to fetch."""

    def page(self, messages: Sequence[Message]) -> None:
        """Take what has come."""

    def fail(self, code: str) -> None:
        """Note that the last request was refused, with the code of the standard reply or ""."""

    def finish(self) -> None:
        """Do what is to be done with all that has come."""


class History:
    """Asks for what fetches want, one after the other."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._queue: deque[Fetch] = deque()
        self._current: Fetch | None = None
        self.wake: float | None = None

    @property
    def is_there(self) -> bool:
        """Whether the server has any."""
        return self._session.has("draft/chathistory", "chathistory") and self._session.has("batch")

    def fetch(self, fetch: Fetch) -> None:
        """Have ``fetch`` done after those that were given before."""
        self._queue.append(fetch)
        self._go_on()

    def _go_on(self) -> None:
        while self._current is None and self._queue:
            self._current = self._queue.popleft()
            self._ask(self._current)

    def _ask(self, fetch: Fetch) -> None:
        wanted = fetch.next()
        if wanted is None:
            self._current = None
            self.wake = None
            fetch.finish()
            return
        self.wake = self._session.now + PATIENCE
        self._session.send("CHATHISTORY", *wanted)

    def on_page(self, messages: Sequence[Message]) -> None:
        """Take a batch of the history."""
        fetch = self._current
        if fetch is not None:
            fetch.page(messages)
            self._ask(fetch)
            self._go_on()

    def on_failure(self, code: str) -> bool:
        """Take a refusal; return whether something was asked for at all."""
        fetch = self._current
        if fetch is None:
            return False
        fetch.fail(code)
        self._ask(fetch)
        self._go_on()
        return True

    def tick(self) -> None:
        """Give up what has not been answered in time."""
        if self.wake is not None and self._session.now >= self.wake:
            self.on_failure("")


def selector(session: Session, msgid: str, time: int) -> str:
    """Return a place in the history as CHATHISTORY names it."""
    if msgid and session.support.has_ids:
        return f"msgid={msgid}"
    return f"timestamp={write_time(time)}"
