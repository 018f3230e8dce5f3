"""Masks: what ``*`` and ``?`` stand for in ``nick!user@host``, in names and in lists.

Case does not count, as ``names.fold`` has it. A mask is hostile input: the work is at most the
length of the mask times that of the text, whatever both hold, because a ``*`` once passed is
never tried again. (Of all ways to match a glob the one that lets each ``*`` take as little as it
can is enough; the atomic groups say so to ``re``, which would else go back exponentially.)
"""

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Final

from chatd_workers.names import fold

_STARS: Final = re.compile(r"\*+")

_OF_HOSTS: Final = re.compile("[.:/]")
"""What stands in no nick, but in addresses, networks and the names of hosts."""


def normalize(mask: str) -> str:
    """Return the ban mask meant by ``mask``: ``nick!user@host``, with ``*`` for what is missing.

    ``alice`` is ``alice!*@*``, ``alice!al`` is ``alice!al@*``, ``al@host`` is ``*!al@host``; what
    can only be a host (``192.0.2.0/24``) is ``*!*@192.0.2.0/24``. More than one ``*`` in a row is
    one.
    """
    if "!" not in mask and "@" not in mask and _OF_HOSTS.search(mask):
        mask = f"@{mask}"
    nick, bang, rest = mask.partition("!")
    user, at, host = rest.partition("@")
    if not bang:
        nick, at, host = mask.partition("@")
        user = ""
        if at:
            nick, user = "", nick
    whole = f"{nick or '*'}!{user or '*'}@{host or '*'}"
    return _STARS.sub("*", whole)


@lru_cache(maxsize=1024)
def matcher(mask: str) -> Callable[[str], bool]:
    """Return what tells whether a text matches all of ``mask``."""
    found = re.compile(_pattern(mask), re.DOTALL).fullmatch
    return lambda text: found(fold(text)) is not None


def finder(masks: Iterable[str]) -> Callable[[str], object]:
    """Return what finds a line in a folded text that matches all of one of ``masks``, if any does.

    For looking through many texts: each is folded by whoever keeps it.
    """
    return re.compile(f"^(?:{'|'.join(map(_pattern, masks))})$", re.MULTILINE).search


def _pattern(mask: str) -> str:
    first, *others = (_piece(piece) for piece in _STARS.split(mask))
    if not others:
        return first
    *middle, last = others
    # What stands before the last piece is passed once; the last has to end the text.
    return first + "".join(f"(?>.*?{piece})" for piece in middle if piece) + f".*{last}"


def is_mask(text: str) -> bool:
    """Tell whether ``text`` has a wildcard in it."""
    return "*" in text or "?" in text


def _piece(piece: str) -> str:
    # Folded in parts: folding makes wildcards of some characters that are none.
    return ".".join(re.escape(fold(part)) for part in piece.split("?"))
