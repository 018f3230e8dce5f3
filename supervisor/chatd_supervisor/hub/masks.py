"""Masks in the lists of a room, and whom they mean.

A mask is ``nick!user@host`` with wildcards, or, with ``$`` before it, one of another kind:
``$a:mask`` means whoever is logged in to an account that matches, ``$a`` whoever is logged in to
any (IRCv3 account-extban).
"""

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from chatd_workers.dialects.irc.masks import matcher, normalize
from chatd_workers.dialects.irc.modes import ACCOUNT, EXTENDED
from chatd_workers.events import Source
from chatd_workers.names import is_safe

MAX_MASK: Final = 160
"""Bytes in a mask, so that a line that lists it has room for who has set it, and when."""

_ACCOUNT: Final = EXTENDED + ACCOUNT


def read_mask(typed: str) -> str | None:
    """Return the mask that is meant by ``typed``, made whole; None if it cannot be one."""
    if not typed or " " in typed or typed.startswith(":") or not is_safe(typed):
        return None
    if typed.startswith(EXTENDED):
        kind, _, rest = typed.partition(":")
        if kind.lower() != _ACCOUNT:
            return None
        mask = f"{_ACCOUNT}:{rest}" if rest else _ACCOUNT
    else:
        mask = normalize(typed)
    return mask if len(mask.encode()) <= MAX_MASK else None


def means(masks: Iterable[str], source: Source) -> bool:
    """Tell whether any of ``masks`` means ``source``."""
    some = tuple(masks)
    return bool(some) and _any_means(some, source)


@lru_cache(maxsize=1024)
def _any_means(masks: tuple[str, ...], source: Source) -> bool:
    # Asked for each line that is said, with the same answer until somebody changes something.
    name = f"{source.nick}!{source.user}@{source.host}"
    return any(_means(mask, name, source.account) for mask in masks)


def _means(mask: str, name: str, account: str) -> bool:
    if not mask.startswith(EXTENDED):
        return matcher(mask)(name)
    _, _, accounts = mask.partition(":")
    return bool(account) and (not accounts or matcher(accounts)(account))
