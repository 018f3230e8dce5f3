"""Names of people and rooms, and text that is safe to show: pure functions on ``str``.

Used by the readers (to make input safe) and by the hub (to check that it was made so, because a
worker is not to be trusted).
"""

import re
import unicodedata
from typing import Final

from chatd_workers.identifiers import is_identifier, is_mixed

LOBBY: Final = "#lobby"
"""The room everybody starts in."""

PUNCTUATION: Final = "_-[]{}|^`\\"
"""What may stand in a name beside letters and digits (RFC 2812, section 2.3.1, and a dash)."""

# What must never reach another person's terminal: C0 and C1 controls (ECMA-48), line and
# paragraph separators, the bidirectional embeddings, overrides and isolates (UAX #9), which can
# make a line look like another one, tags (invisible), and lone surrogates.
UNSAFE: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufff9-\ufffb"
    "\U000e0000-\U000e007f\ud800-\udfff]"
)

GUEST: Final = re.compile("guest[0-9]+")
"""What those are called who have not said how they want to be called."""

REPLACEMENT: Final = "\ufffd"

FORMATTING: Final = "\x01\x02\x03\x04\x0f\x11\x16\x1d\x1e\x1f"
"""Controls that text between IRC clients may hold: formatting (modern.ircdocs.horse/formatting),
and the 0x01 of CTCP."""

# What of UNSAFE is unsafe there too.
_IMPASSABLE: Final = re.compile(f"(?![{FORMATTING}])" + UNSAFE.pattern)

# A colour takes its digits along: one or two, and the same again after a comma; or six of base 16.
_FORMATTED: Final = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?"
    "|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    f"|[{FORMATTING}]"
)


def is_safe(text: str) -> bool:
    """Tell whether ``text`` may be shown to anybody as it is."""
    # isprintable() is false for some harmless characters too, and much the faster of the two.
    return text.isprintable() or UNSAFE.search(text) is None


def make_safe(text: str) -> str:
    """Return ``text`` with a tab as one space and each unsafe character as U+FFFD.

    One space a tab, so that the result is never longer, and nested indentation still shows.
    """
    if text.isprintable():
        return text
    return UNSAFE.sub(REPLACEMENT, text.replace("\t", " "))


def is_passable(text: str) -> bool:
    """Tell whether ``text`` may be passed on: it is safe but for formatting.

    A dialect whose clients do not read formatting strips it (``strip_formatting``).
    """
    return text.isprintable() or _IMPASSABLE.search(text) is None


def make_passable(text: str) -> str:
    """Return ``text`` made safe as ``make_safe`` does, with its formatting left in."""
    if text.isprintable():
        return text
    return _IMPASSABLE.sub(REPLACEMENT, text.replace("\t", " "))


def strip_formatting(text: str) -> str:
    """Return ``text`` without formatting: what was passable is safe then."""
    return text if text.isprintable() else _FORMATTED.sub("", text)


def fold(name: str) -> str:
    """Return what two names are compared by: NFKC case folding (UAX #31, section 5.1.1)."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def is_nick(name: str) -> bool:
    """Tell whether ``name`` can be a nick, its length apart."""
    return _is_word(name) and name[0] != "-"


def mixes_scripts(name: str) -> bool:
    """Return whether ``name`` has letters of scripts in a word that are not written together."""
    return not name.isascii() and is_mixed(name.removeprefix("#"), PUNCTUATION)


def is_given(name: str) -> bool:
    """Tell whether ``name``, in any case, is one that guests are given: no account is called so."""
    return GUEST.fullmatch(fold(name)) is not None


def is_room(name: str) -> bool:
    """Tell whether ``name`` can be a room's name, its length apart: ``#`` and a word."""
    return name.startswith("#") and _is_word(name[1:])


def room_name(typed: str) -> str:
    """Return the room meant by ``typed``: people may leave out the ``#``."""
    return typed if typed.startswith("#") else "#" + typed


def _is_word(name: str) -> bool:
    if name.isascii():
        bare = name.translate(_WITHOUT_PUNCTUATION)
        return bool(name) and (not bare or bare.isalnum())
    return is_identifier(name, PUNCTUATION)


_WITHOUT_PUNCTUATION: Final = dict.fromkeys(map(ord, PUNCTUATION))
