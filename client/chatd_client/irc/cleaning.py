"""What comes from a server made safe: no text from here on can disturb a terminal, or lie.

Names are stricter than texts: what is invisible or blank in a name would let it pass for another.
"""

import re
import unicodedata
from typing import Final

from chatd_workers.names import REPLACEMENT, make_passable, make_safe, strip_formatting

LONGEST_NAME: Final = 64
"""Characters of a nick, a room or a host that are kept; ``…`` stands for the rest."""

LONGEST_TEXT: Final = 8192
"""Characters of a text."""

MOST_MARKS: Final = 4
"""Combining marks on one character; with more of them a line would reach into others."""

_MARKS: Final = re.compile(
    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]"
    f"{{{MOST_MARKS + 1},}}"
)

# Beside names.UNSAFE: soft hyphen, marks of direction, and what takes up no room or looks like
# nothing. Zero-width joiners stay in texts: emoji and several scripts need them.
_INVISIBLE: Final = "\u00ad\u034f\u061c\u180b-\u180e\u2060-\u2065\u206a-\u206f\ufeff"
_IN_TEXT: Final = re.compile(f"[\x01\u200b\u200e\u200f{_INVISIBLE}]")
_IN_NAME: Final = re.compile(
    f"[\\s\u200b-\u200f{_INVISIBLE}\u115f\u1160\u2800\u3164\uffa0\ufe00-\ufe0f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0100-\U000e01ef]"
)


def clean_text(text: str) -> str:
    """Return ``text`` as it may be shown; the codes that IRC formats with are left in."""
    if text.isascii() and text.isprintable():
        return text[:LONGEST_TEXT]
    text = _IN_TEXT.sub("", make_passable(text[: LONGEST_TEXT * 2]))
    return _MARKS.sub(lambda found: found[0][:MOST_MARKS], text)[:LONGEST_TEXT]


def clean_plain(text: str) -> str:
    """Return ``text`` as it may be shown, without formatting: what a server says by itself."""
    return make_safe(strip_formatting(clean_text(text)))


def clean_name(name: str) -> str:
    """Return a nick, a room's name or a host as it may be shown, clipped."""
    if name.isascii() and name.isprintable() and " " not in name:
        return _clipped(name)
    name = make_safe(strip_formatting(name[: LONGEST_NAME * 4]))
    name = _IN_NAME.sub(REPLACEMENT, name)
    name = _MARKS.sub(lambda found: found[0][:MOST_MARKS], name)
    if name and unicodedata.combining(name[0]):
        name = REPLACEMENT + name
    return _clipped(name)


def clean_id(value: str) -> str:
    """Return a message id, or another word that is only compared and sent back: ASCII or nothing.

    One that is too long to be sent back is none.
    """
    return value if value.isascii() and value.isprintable() and len(value) <= 200 else ""


def _clipped(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else name[: LONGEST_NAME - 1] + "…"
