"""What a client may ask to be told, and how: the capabilities of IRCv3, as bits.

A session's capabilities are one number, its *view*: everything that a writer needs to know of a
recipient. Clients of the same dialect and view are sent the same bytes, so an event is rendered
once for all of them. The text dialect has none.

The journal keeps names, not numbers: bits may be given anew in another version.
"""

from collections.abc import Iterable
from typing import Final

NAMES: Final = (
    "account-notify",
    "account-tag",
    "away-notify",
    "batch",
    "cap-notify",
    "chatd/once",
    "chghost",
    "draft/account-registration",
    "draft/chathistory",
    "draft/event-playback",
    "draft/no-implicit-names",
    "draft/read-marker",
    "echo-message",
    "extended-join",
    "extended-monitor",
    "invite-notify",
    "labeled-response",
    "message-tags",
    "multi-prefix",
    "no-implicit-names",
    "sasl",
    "server-time",
    "setname",
    "standard-replies",
    "sts",
    "userhost-in-names",
)
"""Capabilities that a client can have (ircv3.net/registry); those of ``chatd/`` are our own."""

BITS: Final = {name: 1 << place for place, name in enumerate(NAMES)}
"""The bit of each capability in a view."""

ACCOUNT_NOTIFY: Final = BITS["account-notify"]
ACCOUNT_TAG: Final = BITS["account-tag"]
AWAY_NOTIFY: Final = BITS["away-notify"]
BATCH: Final = BITS["batch"]
CAP_NOTIFY: Final = BITS["cap-notify"]
CHGHOST: Final = BITS["chghost"]
CHATHISTORY: Final = BITS["draft/chathistory"]
EVENT_PLAYBACK: Final = BITS["draft/event-playback"]
ECHO_MESSAGE: Final = BITS["echo-message"]
EXTENDED_JOIN: Final = BITS["extended-join"]
EXTENDED_MONITOR: Final = BITS["extended-monitor"]
INVITE_NOTIFY: Final = BITS["invite-notify"]
LABELED_RESPONSE: Final = BITS["labeled-response"]
MESSAGE_TAGS: Final = BITS["message-tags"]
MULTI_PREFIX: Final = BITS["multi-prefix"]
READ_MARKER: Final = BITS["draft/read-marker"]
SERVER_TIME: Final = BITS["server-time"]
SETNAME: Final = BITS["setname"]
STANDARD_REPLIES: Final = BITS["standard-replies"]
USERHOST_IN_NAMES: Final = BITS["userhost-in-names"]
ONCE: Final = BITS["chatd/once"]
"""Lines with an id are said once, however often they come. chatd-irc(7)."""
NO_IMPLICIT_NAMES: Final = BITS["no-implicit-names"] | BITS["draft/no-implicit-names"]
"""Either of its two names."""


def view_of(names: Iterable[str]) -> int:
    """Return the view of a client with these capabilities; unknown names count for nothing."""
    view = 0
    for name in names:
        view |= BITS.get(name, 0)
    return view
