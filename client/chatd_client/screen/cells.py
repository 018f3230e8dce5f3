"""What of a text may be shown, and how many cells of the terminal it takes: pure.

A terminal and a program that think differently of the width of a character draw over each other.
So what they are known to differ on is left out (joiners, variation selectors, skin tones: the
parts of an emoji are shown side by side, each two cells wide; flags as the two letters they are
made of), and of combining marks, with which one character could grow over the lines around it, only
a few are kept.
"""

import re
import unicodedata
from typing import Final

from wcwidth import wcwidth

from chatd_workers.names import make_safe

MARKS: Final = 2
"""Combining marks that a character keeps: Vietnamese and Thai need two."""

_DROPPED: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2060-\u2064\u206a-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\U0001f3fb-\U0001f3ff\U000e0100-\U000e01ef]"
)
"""Invisible or of no agreed width: joiners, directional marks, fillers, selectors, skin tones."""

_LETTERS: Final = {0x1F1E6 + letter: 0xFF21 + letter for letter in range(26)}
"""Of flags (UTS #51): two cells some draw, four others, so wide letters, which nobody doubts."""

_FORMATS: Final = {
    "\x02": "bold",
    "\x1d": "italic",
    "\x1f": "underline",
    "\x11": "",
    "\x1e": "strike",
}
_CONTROL: Final = re.compile(
    "\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9A-Fa-f]{6}(?:,[0-9A-Fa-f]{6})?)?"
    "|[\x01\x02\x0f\x11\x16\x1d\x1e\x1f]"
)

Span = tuple[str, str]
"""A style, as prompt_toolkit has it (``bold italic``), and a text."""


def shown(text: str) -> str:
    """Return ``text`` as it may be shown: no control, nothing invisible, no tower of marks."""
    if text.isascii() and text.isprintable():
        return text
    text = _DROPPED.sub("", make_safe(text))
    if text.isascii():
        return text
    return _without_towers(text.translate(_LETTERS))


def _without_towers(text: str) -> str:
    kept = []
    marks = MARKS  # one that stands at the beginning has nothing to stand on
    for char in text:
        if char.isascii():
            marks = 0
        elif wcwidth(char) <= 0 or unicodedata.category(char) in ("Mn", "Me"):
            marks += 1
            if marks > MARKS:
                continue
        else:
            marks = 0
        kept.append(char)
    return "".join(kept)


def spans(text: str) -> list[Span]:
    """Return ``text`` as spans: bold and the like as they are meant, colours left out.

    Colours, and black on white, are how something else of the screen could be forged.
    """
    if text.isprintable():
        return [("", shown(text))]
    found: list[Span] = []
    on: set[str] = set()
    place = 0
    for control in _CONTROL.finditer(text):
        _add(found, on, text[place : control.start()])
        place = control.end()
        code = control[0][0]
        if code == "\x0f":
            on.clear()
        elif style := _FORMATS.get(code):
            on ^= {style}
    _add(found, on, text[place:])
    return found or [("", "")]


def _add(found: list[Span], on: set[str], text: str) -> None:
    if text := shown(text):
        found.append((" ".join(sorted(on)), text))


def width(text: str) -> int:
    """Return how many cells ``text`` takes."""
    # As prompt_toolkit reckons: character by character.
    return len(text) if text.isascii() else sum(max(0, wcwidth(char)) for char in text)


def clip(text: str, most: int) -> str:
    """Return ``text`` in at most ``most`` cells, with an ellipsis if something is left out."""
    if width(text) <= most:
        return text
    if most <= 0:
        return ""
    kept, used = [], 1
    for char in text:
        used += width(char)
        if used > most:
            break
        kept.append(char)
    return "".join(kept) + "…"


def pad(text: str, cells: int) -> str:
    """Return ``text`` in exactly ``cells`` cells, to the left."""
    text = clip(text, cells)
    return text + " " * (cells - width(text))
