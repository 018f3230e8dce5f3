"""What the journal is made of: facts, and the same in their place in the order."""

from typing import Final, NamedTuple

SHOWN: Final = ("say", "act", "notice", "topic")
"""The kinds of entries that history and search show; the others are comings and goings, and
private lines (``tell``)."""


class Fact(NamedTuple):
    """Something that has happened: who did what where."""

    session: int
    nick: str
    """The nick that did it, as it was before."""
    room: str
    """The room as its members see its name; for ``tell`` the nick it was said to."""
    kind: str
    """arrive, depart, nick, join, say, act, tell, topic ...: see ``state.State``."""
    text: str
    data: str = ""
    """JSON: what else there is to it, see ``state.State``; for what was said, who said it."""


class Entry(NamedTuple):
    """A fact in its place in the order. ``Fact`` with a sequence number and a time before it."""

    seq: int
    time: int
    """Microseconds since the epoch, by the clock as it was then: where that was put back, it is
    less than that of the entry before. The order is that of the numbers."""
    session: int
    nick: str
    room: str
    kind: str
    text: str
    data: str
    id: str
    """The message id: unique among all journals, the same whenever it is read."""
