"""Introducing oneself: names, a password, capabilities, before one may do what others do."""

from typing import Final

from chatd_supervisor.hub.coming import rename
from chatd_supervisor.hub.core import Action
from chatd_workers import commands as c

BEFORE: Final = frozenset(
    {
        c.Depart,
        c.Quit,
        c.Refuse,
        c.Nothing,
        c.Ping,
        c.Rename,
        c.Password,
        c.User,
        c.Capabilities,
        c.Authenticate,
        c.Register,
        c.Verify,
    }
)
"""What a client may say before it has registered."""

ACTIONS: Final[dict[type, Action]] = {
    c.Rename: rename,
}
