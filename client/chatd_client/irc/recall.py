"""When which part of the past is fetched: on coming in, on joining, and what is in doubt."""

from chatd_client.exchange import Fetched, Hole
from chatd_client.irc.catching_up import CatchingUp, Targets
from chatd_client.irc.history import History
from chatd_client.irc.session import Room, Session
from chatd_client.irc.speaking import Speaking
from chatd_workers.names import fold


class Recall:
    """Has fetched what was missed."""

    def __init__(self, session: Session, history: History, speaking: Speaking) -> None:
        self._session = session
        self._history = history
        self._speaking = speaking
        resume = session.resume
        self._last = {fold(room): (msgid, time) for room, msgid, time in resume.last}

    def begin(self) -> None:
        """Find out who has written to us in private: once one is let in."""
        session = self._session
        since = session.resume.since
        if session.resume.was_online and self._history.is_there and since:
            self._history.fetch(Targets(session, since, self._written_by))
        else:
            session.tell(Fetched(room="", count=0, more=False))
        rooms = {piece.say.room for piece in session.outgoing.suspects.values()}
        for room in sorted(rooms):
            if not session.support.is_room(room):
                self._speaking.held.add(session.support.key(room))
                self._catch_up(room, since)

    def _written_by(self, names: list[str]) -> None:
        for name in names:
            self._catch_up(name, self._session.resume.since)
        self._session.tell(Fetched(room="", count=len(names), more=False))

    def joined(self, room: Room) -> None:
        """Have what was missed in ``room`` fetched, and say what was to be said there."""
        session = self._session
        last = self._last.pop(fold(room.name), None)
        if not self._history.is_there:
            if last is not None and session.resume.was_online:
                session.tell(Hole(room=room.name, since=last[1], until=session.wall))
            return
        key = session.support.key(room.name)
        suspects = session.outgoing.suspects.values()
        if any(session.support.key(piece.say.room) == key for piece in suspects):
            self._speaking.held.add(key)
        # First what is to be said: what was said already is answered before its history comes.
        self._speaking.flush()
        if last is None and not session.target.backlog:
            self._caught_up(key)
        else:
            self._fetch(room.name, last)

    def _catch_up(self, name: str, since: int) -> None:
        self._fetch(name, self._last.pop(fold(name), ("", since)))

    def _fetch(self, name: str, since: tuple[str, int] | None) -> None:
        self._history.fetch(
            CatchingUp(
                self._session,
                name,
                since,
                count=self._session.target.backlog,
                find=self._speaking.find,
                done=self._caught_up,
            )
        )

    def _caught_up(self, key: str) -> None:
        outgoing = self._session.outgoing
        for piece in list(outgoing.suspects.values()):
            if self._session.support.key(piece.say.room) == key:
                del outgoing.suspects[piece.id]
        self._speaking.held.discard(key)
        self._speaking.flush()
