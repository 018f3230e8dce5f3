"""A mapping that remembers so many entries: the oldest makes room for a new one. Pure.

What is counted by address is counted for whoever comes, so it must be bounded, and the bound must
not be where work begins. Each operation takes the same time however many entries there are: an
ordered dictionary is a linked list (a plain one looks for its first entry among those removed).

The oldest is the one that was set first since. Whoever comes from MOST addresses can have others
forgotten, and could do from these whatever it gains by that.

Rejected: to go through all entries for those that have expired, when there are too many. While none
has, that is done for each new one.
"""

from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Generic, TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")

MOST: Final = 10_000
"""Entries."""


class Recent(Generic[Key, Value]):
    """The entries that were set last."""

    __slots__ = ("_entries",)

    def __init__(self) -> None:
        self._entries: OrderedDict[Key, Value] = OrderedDict()

    def __len__(self) -> int:
        """Return how many entries there are."""
        return len(self._entries)

    def __iter__(self) -> Iterator[Key]:
        """Go through the keys, those set first first."""
        return iter(self._entries)

    def get(self, key: Key) -> Value | None:
        """Return the entry of ``key``; None: there is none."""
        return self._entries.get(key)

    def set(self, key: Key, value: Value) -> None:
        """Set the entry of ``key`` to ``value``, as the newest."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > MOST:
            self._entries.popitem(last=False)

    def pop(self, key: Key) -> Value | None:
        """Remove the entry of ``key`` and return it; None: there is none."""
        return self._entries.pop(key, None)
