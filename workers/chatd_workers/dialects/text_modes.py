"""Modes of rooms in words: what ``/mode`` takes, and how the text dialect tells of modes.

A word stands for a letter of ``irc.modes``. The same words are read and written, so whoever sees
that a room was set to something knows how to do it.
"""

from collections.abc import Iterable
from typing import Final

from chatd_workers import events as e
from chatd_workers.commands import ModeChange

FLAGS: Final = {
    "invite-only": "i",
    "moderated": "m",
    "no-outside": "n",
    "secret": "s",
    "topic-lock": "t",
    "no-ctcp": "C",
    "account-to-enter": "R",
    "account-to-speak": "M",
}
"""Followed by ``on``, ``off`` or nothing, which is ``on``."""

SETTINGS: Final = {"key": "k", "limit": "l"}
"""Followed by what it is set to, or ``off``."""

MASKS: Final = {
    "ban": ("b", True),
    "unban": ("b", False),
    "except": ("e", True),
    "unexcept": ("e", False),
    "admit": ("I", True),
    "unadmit": ("I", False),
}
"""Followed by a mask; by nothing: show the list."""

MEMBERS: Final = {
    "op": ("o", True),
    "deop": ("o", False),
    "voice": ("v", True),
    "devoice": ("v", False),
}
"""Followed by a nick."""

USAGE: Final = (
    f"/mode {'|'.join(FLAGS)} on|off; {'|'.join(SETTINGS)} VALUE|off; "
    f"{'|'.join(MEMBERS)} NICK; {'|'.join(MASKS)} MASK"
)
"""What there is, for who has asked for something else."""

_LISTS: Final = {"b": "bans", "e": "exceptions from bans", "I": "masks that need no invitation"}

_WORDS: Final = {letter: word for word, letter in (FLAGS | SETTINGS).items()}

_VERBS: Final = {asked: word for word, asked in (MASKS | MEMBERS).items()}


def read(text: str) -> list[ModeChange] | None:
    """Return the changes that ``text`` asks for; none: to be shown. None: it makes no sense."""
    word, _, value = text.partition(" ")
    word, value = word.lower(), value.strip()
    if not word:
        return []
    if word in FLAGS:
        add = {"": True, "on": True, "off": False}.get(value.lower())
        return None if add is None else [ModeChange(add, FLAGS[word])]
    if word in SETTINGS and value:
        off = value.lower() == "off"
        return [ModeChange(not off, SETTINGS[word], None if off else value)]
    if word in MASKS or (word in MEMBERS and value):
        letter, add = (MASKS | MEMBERS)[word]
        return [ModeChange(add, letter, value or None)]
    return None


def changed(changes: Iterable[tuple[str, str, str]]) -> str:
    """Return what was changed, as ``events.ModesChanged`` has it."""
    return ", ".join(_change(sign == "+", letter, value) for sign, letter, value in changes)


def _change(add: bool, letter: str, value: str) -> str:
    verb = _VERBS.get((letter, add))
    if verb is not None:
        return f"{verb} {value}"
    return f"{_WORDS[letter]} {(value or 'on') if add else 'off'}"


def shown(room: str, modes: Iterable[tuple[str, str]]) -> str:
    """Return how ``room`` is set, as ``events.ModesShown`` has it."""
    words = ", ".join(f"{_WORDS[letter]} {value}".rstrip() for letter, value in modes)
    return f"{room} is set: {words}" if words else f"{room} has nothing set"


def listed(event: e.MasksListed) -> str:
    """Return the masks of a list."""
    what = _LISTS[event.letter]
    masks = ", ".join(mask for mask, _, _ in event.masks)
    return f"{what} of {event.room}: {masks}" if masks else f"{event.room} has no {what}"
