"""What events are made of: who, when, and the kinds of things."""

from typing import Literal

from msgspec import Struct

RecallKind = Literal["joined", "history", "search", "missed"]
"""Why lines of the past are shown: on coming into a room, or as the answer to a question."""

TalkKind = Literal["say", "act", "notice", "tag"]
"""How something is said: a line, an action, a notice (which nobody answers), or tags alone."""

Tags = tuple[tuple[str, str], ...]
"""Client-only tags, without their ``+``, and their values."""


class Source(Struct, frozen=True, gc=False):
    """Whoever does something: a client, by all its names, or the server."""

    nick: str
    user: str = ""
    host: str = ""
    account: str = ""
    """Empty: it has logged in to none."""
    realname: str = ""
    bot: bool = False
    server: bool = False
    """It is the server itself, which has a nick alone: its name."""


class Stamp(Struct, frozen=True, gc=False):
    """When something happened, and by which id it is found in the journal."""

    time: int = 0
    """0: it is not to be told."""
    id: str = ""
