"""The text dialect, keeping order: modes, who is put out or asked in, and by whom."""

from collections.abc import Callable
from typing import Any, Final

from chatd_workers import events as e
from chatd_workers.dialects import text_modes


def _kicked(event: e.Kicked) -> list[str]:
    reason = f" ({event.reason})" if event.reason else ""
    return [f"--- {event.source.nick} put {event.nick} out of {event.room}{reason}"]


def _killed(event: e.Killed) -> list[str]:
    return [f"--- {event.source.nick} has put you off the server: {event.reason}"]


def _invited(event: e.Invited) -> list[str]:
    if event.notify:
        return []
    return [f"--- {event.source.nick} asks you into {event.room}: /join {event.room}"]


def _announced(event: e.Announced) -> list[str]:
    by = f"{event.source.nick} announces" if event.source else "announcement"
    return [f"--- {by}: {event.text}"]


def _modes_changed(event: e.ModesChanged) -> list[str]:
    if not event.target.startswith("#"):
        return []
    by = event.source.nick if event.source else "the server"
    return [f"--- {by} set {event.target}: {text_modes.changed(event.changes)}"]


# Any: each writer takes the one event type that is its key, which no type for a dict can say.
WRITERS: Final[dict[type, Callable[[Any], list[str]]]] = {
    e.Kicked: _kicked,
    e.Killed: _killed,
    e.Invited: _invited,
    e.Announced: _announced,
    e.ModesChanged: _modes_changed,
    e.ModesShown: lambda event: [f"--- {text_modes.shown(event.room, event.modes)}"],
    e.MasksListed: lambda event: [f"--- {text_modes.listed(event)}"],
}
"""By type of event: what is written of it."""
