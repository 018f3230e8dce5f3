"""Messages that come in several lines, as far as they have come: AUTHENTICATE.

They hold passwords, so they are the one thing that is kept beside the state, in memory alone, and
never in the journal. Whoever is in the middle of one when a master dies has to begin it anew: to
the next master it has no beginning.

What a tick adds counts when the tick is written down; if that fails, it is applied once more.
"""


class Pieces:
    """By session: what has come of a message that is not complete."""

    def __init__(self) -> None:
        self._kept: dict[int, str] = {}
        # What this tick has made of it; empty: nothing is left.
        self._fresh: dict[int, str] = {}

    def of(self, session: int) -> str:
        """Return what has come of ``session``; empty if nothing has."""
        return self._fresh.get(session, self._kept.get(session, ""))

    def set(self, session: int, text: str) -> None:
        """Let ``text`` be what has come; empty: there is nothing to be completed any more."""
        if text or self.of(session):
            self._fresh[session] = text

    def keep(self) -> None:
        """Take note that the tick is written down."""
        if self._fresh:
            self._kept |= self._fresh
            self._kept = {session: text for session, text in self._kept.items() if text}
            self._fresh = {}

    def forget(self) -> None:
        """Take note that the tick begins anew."""
        self._fresh = {}
