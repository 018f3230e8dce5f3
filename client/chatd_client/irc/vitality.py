"""Whether the server is there, and how long it takes to answer: PING and PONG."""

from typing import Final

from chatd_client.exchange import Lag
from chatd_client.irc.session import Session

EVERY: Final = 15.0
"""Seconds from one answer to the next question."""

PENDING: Final = 3.0
"""Seconds without an answer after which that is told."""

DEAD: Final = 45.0
"""Seconds without an answer, or without being let in, after which the connection is given up."""

_MARK: Final = "lag-"


class Vitality:
    """Asks, and measures."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: float | None = None
        self._due = 0.0
        self._begun: float | None = None
        self._count = 0
        self.is_dead = False
        self.wake: float | None = None

    def heard(self) -> None:
        """Note that something has come, or that the connection is there."""
        now = self._session.now
        if self._begun is None:
            self._begun = now
            self.wake = now + 1.0

    def tick(self) -> None:
        """Ask if it is time, or tell that no answer comes."""
        session = self._session
        now = session.now
        if self._begun is None or self.wake is None or now < self.wake:
            return
        if not session.registered:
            self.is_dead = now - self._begun >= DEAD
            self.wake = now + 1.0
        elif self._asked is None:
            if now >= self._due:
                self._count += 1
                self._asked = now
                session.send("PING", f"{_MARK}{self._count}")
                self.wake = now + PENDING
            else:
                self.wake = self._due
        else:
            waited = now - self._asked
            session.tell(Lag(seconds=waited, pending=True))
            self.is_dead = waited >= DEAD
            self.wake = now + 1.0

    def on_pong(self, token: str) -> None:
        """Take the answer."""
        if self._asked is not None and token == f"{_MARK}{self._count}":
            now = self._session.now
            self._session.tell(Lag(seconds=now - self._asked))
            self._asked = None
            self._due = self.wake = now + EVERY
