"""Who may come into a room, speak in it, and change its topic: each a question with one answer.

An answer is None, or the problem (``problems.PROBLEMS``) and its value.
"""

from chatd_supervisor.hub.core import Core
from chatd_supervisor.rooms import Room, Session

Problem = tuple[str, str] | None


def join_problem(hub: Core, session: Session, room: Room, key: str) -> Problem:
    """Return why ``session`` may not come into ``room``, for which it has given ``key``."""
    del hub, session
    if room.record.key and key != room.record.key:
        return "bad-key", room.name
    return None


def speak_problem(hub: Core, session: Session, room: Room) -> Problem:
    """Return why ``session`` may not speak in ``room``."""
    del hub
    if session.id not in room.members and "n" in room.record.modes:
        return "cannot-send", room.name
    return None


def topic_problem(hub: Core, session: Session, room: Room) -> Problem:
    """Return why ``session``, which is in ``room``, may not change its topic."""
    del hub
    if "t" in room.record.modes and "o" not in session.status(room):
        return "not-operator", room.name
    return None
