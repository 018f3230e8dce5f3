"""What a name may be made of beyond ASCII: RFC 8264's IdentifierClass; and what is a mixture. Pure.

* Letters, their marks and decimal digits (RFC 8264, section 9.1). No compatibility forms of other
  characters (9.17), no conjoining jamo of Hangul (9.9), nothing that may be left out when it is
  shown (9.13), and nothing that shows a blank.
* Composed as far as can be (NFC), so that one spelling of a letter is left. Marks that go with any
  letter (COMBINING ...) are refused then, for they are a pile of accents; those of a script follow
  its letters, and are three at most.
* Right-to-left names as RFC 5893, section 2, has them: else the order in which a name is shown
  depends on what stands beside it.

A mixture has letters of several scripts in one word, beyond the Highly Restrictive level of UTS
#39, section 5.2, by which Latin may stand among Chinese, Japanese or Korean. Cyrillic or Greek
letters among Latin ones are a disguise, where the configuration does not allow them.

Of Python only the category, the normalization and the name of a character are asked for. The script
is the first word of its name: that costs a worker no table, and tells apart what has to be told
apart.
"""

import re
import unicodedata
from typing import Final

_CATEGORIES: Final = frozenset({"Ll", "Lu", "Lo", "Lm", "Nd", "Mn", "Mc"})

_MARKS: Final = frozenset({"Mn", "Mc"})

_MOST_MARKS: Final = 3
"""On one letter."""

# Default_Ignorable_Code_Point (DerivedCoreProperties.txt), and the jamo (HangulSyllableType.txt).
_IGNORABLE: Final = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb]"
)

_BLANK: Final = re.compile("BLANK|FILLER|JOINER")
"""In the names of letters and marks that nobody sees."""

_COMMON: Final = frozenset({"MODIFIER", "KATAKANA-HIRAGANA", "VERTICAL"})
"""Beginnings of names of what goes with several scripts."""

_HAN: Final = frozenset({"CJK", "IDEOGRAPHIC"})

_TOGETHER: Final = tuple(
    frozenset({"LATIN", "HAN", *more})
    for more in (("HIRAGANA", "KATAKANA"), ("BOPOMOFO",), ("HANGUL",))
)
"""Scripts that are written in one word."""

_RTL: Final = frozenset({"R", "AL", "AN"})


def is_identifier(name: str, punctuation: str) -> bool:
    """Return whether ``name``, with ASCII ``punctuation`` between words, may be a name."""
    return (
        unicodedata.is_normalized("NFC", name)
        and _IGNORABLE.search(name) is None
        and all(char in punctuation or _is_possible(char) for char in name)
        and all(map(_is_word, re.split(f"[{re.escape(punctuation)}]", name)))
        and _keeps_direction(name)
    )


def is_mixed(name: str, punctuation: str) -> bool:
    """Return whether a word of ``name`` has letters of scripts that are not written together."""
    return any(map(_is_mixture, re.split(f"[{re.escape(punctuation)}]", name)))


def script_of(char: str) -> str:
    """Return what script ``char`` is of, by its name; "" for what goes with several."""
    if char.isascii():
        return "LATIN" if char.isalpha() else ""
    # Python names no ideographs of Tangut.
    word = unicodedata.name(char, "?").split(" ", 1)[0].removesuffix("-INDIC")
    if word == "EXTENDED":
        # EXTENDED ARABIC-INDIC DIGIT: not beside ARABIC-INDIC ones (RFC 8264, 5.3, and A.8, A.9).
        return "ARABIC"
    return "HAN" if word in _HAN else "" if word in _COMMON else word


def _is_possible(char: str) -> bool:
    if char.isascii():
        return char.isalnum()
    return (
        unicodedata.category(char) in _CATEGORIES
        and unicodedata.is_normalized("NFKC", char)
        and _BLANK.search(unicodedata.name(char, "")) is None
    )


def _is_mixture(word: str) -> bool:
    scripts = {script_of(char) for char in word} - {""}
    return len(scripts) > 1 and not any(scripts <= together for together in _TOGETHER)


def _is_word(word: str) -> bool:
    if {unicodedata.name(char, "")[:12] for char in word} >= {"ARABIC-INDIC", "EXTENDED ARA"}:
        return False
    marks, before = 0, ""
    for char in word:
        script = script_of(char)
        marks = marks + 1 if unicodedata.category(char) in _MARKS else 0
        if marks and (script != before or marks > _MOST_MARKS):
            return False
        before = script
    return True


def _keeps_direction(name: str) -> bool:
    """Return whether ``name`` is shown in one order wherever it stands (RFC 5893, section 2)."""
    kinds = [unicodedata.bidirectional(char) for char in name]
    if _RTL.isdisjoint(kinds):
        return True
    seen = set(kinds)
    # Marks are shown with their letters, so the last of the others is the end.
    last = next((kind for kind in reversed(kinds) if kind != "NSM"), "")
    return (
        kinds[0] in ("R", "AL")
        and "L" not in seen
        and not {"EN", "AN"} <= seen
        and last in ("R", "AL", "EN", "AN")
    )
