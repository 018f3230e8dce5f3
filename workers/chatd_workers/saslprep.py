"""SASLprep (RFC 4013): passwords as they are hashed, the same for the server and for its clients.

It leaves ASCII as it is. Else any kind of space is a space, what is invisible is left out, NFKC
chooses one spelling of what can be spelled in several; and some characters may not occur. Code
points that were not assigned in Unicode 3.2 may: section 2.5 forbids them in stored strings, but
they are letters and emoji of today, and clients take them. No worker imports this.
"""

import stringprep
import unicodedata
from collections.abc import Callable
from typing import Final

_FORBIDDEN: Final[tuple[Callable[[str], bool], ...]] = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)
"""Other spaces, controls, private use, noncharacters, surrogates, and the like (section 2.3)."""


class NotPrepared(ValueError):
    """A string has no prepared form; ``str()`` says why, to stand after what it is."""


def saslprep(text: str) -> str:
    """Return ``text`` prepared, which may be empty. Raises NotPrepared."""
    if text.isascii() and text.isprintable():
        return text
    # U+200B is in both tables; that it is a space is what other implementations agree on.
    mapped = (
        " " if stringprep.in_table_c12(char) else char
        for char in text
        if stringprep.in_table_c12(char) or not stringprep.in_table_b1(char)
    )
    prepared = unicodedata.normalize("NFKC", "".join(mapped))
    for char in prepared:
        if any(is_in(char) for is_in in _FORBIDDEN):
            controls = unicodedata.category(char) in ("Cc", "Cs")
            what = "control characters" if controls else f"U+{ord(char):04X}"
            raise NotPrepared(f"holds {what}, which RFC 4013 forbids")
    _check_direction(prepared)
    return prepared


def _check_direction(text: str) -> None:
    """Check for letters of both directions (RFC 3454, section 6)."""
    if not any(map(stringprep.in_table_d1, text)):
        return
    if any(map(stringprep.in_table_d2, text)):
        raise NotPrepared("mixes letters written from right to left with others (RFC 4013)")
    if not (stringprep.in_table_d1(text[0]) and stringprep.in_table_d1(text[-1])):
        raise NotPrepared(
            "does not begin and end with letters written from right to left (RFC 4013)"
        )
