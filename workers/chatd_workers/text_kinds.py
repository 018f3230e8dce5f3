r"""Which characters may stand in a text that a worker sends: one kind for each field. Pure.

A field of type ``str`` in a command or record is a fixed choice (``Literal``), has a pattern, or
its type names one of KINDS (``Meta(extra=SAFE)``). Readers make texts so; the master checks that
they are, before it looks at anything else of a record, and ends a worker that has sent what no
reader makes (``chatd_supervisor.text_check``). A field without a kind fails a test.

A pattern ends with ``\Z``: ``$`` also matches before a line feed.
"""

import socket
from collections.abc import Callable
from typing import Any, Final

from chatd_workers.names import is_passable, is_safe

KIND: Final = "text"
"""Under this name the type of a field has its kind (``extra`` of ``msgspec.Meta``)."""

SAFE: Final[dict[str, Any]] = {KIND: "safe"}
"""It may be shown to anybody as it is."""

PASSABLE: Final[dict[str, Any]] = {KIND: "passable"}
"""It may hold formatting, and nothing else that is not safe."""

TAG_VALUE: Final[dict[str, Any]] = {KIND: "tag value"}
"""It is passable but for line ends: a writer escapes it (IRCv3 message-tags)."""

ADDRESS: Final[dict[str, Any]] = {KIND: "address"}
"""An IPv4 or IPv6 address as inet_ntop(3) writes it."""

LOGGED: Final[dict[str, Any]] = {KIND: "logged"}
"""It is shown in the log alone, which escapes what cannot be shown."""


def is_tag_value(text: str) -> bool:
    """Return whether ``text`` may be the value of a message tag."""
    return text.isprintable() or is_passable(text.replace("\r", "").replace("\n", ""))


def is_address(text: str) -> bool:
    """Return whether ``text`` is an IP address in its usual form."""
    family = socket.AF_INET6 if ":" in text else socket.AF_INET
    try:
        return socket.inet_ntop(family, socket.inet_pton(family, text)) == text
    except (OSError, ValueError):
        return False


def _is_any(_: str) -> bool:
    return True


KINDS: Final[dict[str, Callable[[str], bool]]] = {
    "safe": is_safe,
    "passable": is_passable,
    "tag value": is_tag_value,
    "address": is_address,
    "logged": _is_any,
}
"""By the name of a kind, whether a text is of it."""
