"""Which names look alike: the skeletons of UTS #39, section 4. Pure.

A name has several, and two names that have one in common look alike: letters may look alike small
and not as capitals, or the other way round, so the name is taken as it is written and folded; and
what looks like a stroke is read as l and as I.

Letters and digits of ASCII stay what they are, though 1 and l or m and rn look alike to UTS #39:
whoever reads ASCII tells them apart, and many names have them (Ergo decides the same). So the only
skeleton of a name of ASCII is the folded name, and for it no table is read.
"""

import unicodedata
from functools import cache, lru_cache
from typing import Final

from chatd_supervisor.confusables import WORDS
from chatd_workers.names import fold

_STROKE: Final = "\ue000"
"""Stands for a stroke until it is read as a letter; no name has it."""


@lru_cache(maxsize=1024)
def skeletons(name: str) -> frozenset[str]:
    """Return what ``name`` has in common with any name that looks like it, folded."""
    if name.isascii():
        return frozenset({name.lower()})
    table = _table()
    shown = {unicodedata.normalize("NFD", one).translate(table) for one in (name, fold(name))}
    return frozenset(fold(one.replace(_STROKE, letter)) for one in shown for letter in "li")


@cache
def _table() -> dict[int, str]:
    """Return what each character looks like; read when the first name beyond ASCII comes."""
    table = {}
    for word in WORDS.split():
        source, _, target = word.partition(":")
        shown = "".join(chr(int(char, 16)) for char in target.split("+"))
        # What looks like m looks like rn as well, and m is what people write.
        table[int(source, 16)] = shown.replace("rn", "m").replace("l", _STROKE)
    # The small palochka is i in the table of Unicode, and a stroke in most fonts.
    table[0x04CF] = _STROKE
    return table
