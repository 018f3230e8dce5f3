"""Who wants to be told of whom: an index of what stands in the records of sessions (``monitored``).

It follows from them, so it is made anew when they are restored, and is written down nowhere.
"""

from collections.abc import Iterable

from chatd_supervisor.rooms import Session
from chatd_workers.names import fold


class Watchers:
    """The sessions that monitor a nick, by that nick. Each stands here as its record says."""

    def __init__(self) -> None:
        self._by_nick: dict[str, dict[int, Session]] = {}

    def of(self, nick: str) -> tuple[Session, ...]:
        """Return who monitors ``nick``."""
        return tuple(self._by_nick.get(fold(nick), {}).values())

    def renew(self, session: Session, before: Iterable[str] = ()) -> None:
        """Take note that ``session``, which has monitored ``before``, does as its record says."""
        now = {fold(nick) for nick in session.record.monitored}
        then = {fold(nick) for nick in before}
        for key in then - now:
            self._remove(key, session)
        for key in now - then:
            self._by_nick.setdefault(key, {})[session.id] = session

    def forget(self, session: Session) -> None:
        """Let ``session``, which is no more, monitor nobody."""
        for nick in session.record.monitored:
            self._remove(fold(nick), session)

    def _remove(self, key: str, session: Session) -> None:
        watching = self._by_nick.get(key, {})
        watching.pop(session.id, None)
        if not watching:
            self._by_nick.pop(key, None)
