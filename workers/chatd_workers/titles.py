"""Process titles, which ps(1), top(1), ss(8) and pgrep(1) show.

``comm`` is the first 15 bytes of the title, so what tells processes apart stands first.
"""

import unicodedata
from typing import Final

MAX_TITLE: Final = 120
"""Bytes of a title: what stands in one line of ``ps``, and in any environment's room."""


def worker_title(nick: str, peer: str, dialect: str, room: str) -> str:
    """Return ``chatd: alice@127.0.0.1:52984 text #lobby``, its names escaped and clipped."""
    return clip(f"chatd: {printable(nick)}@{peer} {dialect} {printable(room)}")


def printable(name: str) -> str:
    r"""Return ``name`` with all but printable characters as ``\xNN`` or ``\uNNNN``."""
    if name.isprintable():
        return name
    return "".join(
        char
        if char.isprintable() and unicodedata.category(char) != "Cs"
        else char.encode("unicode_escape").decode("ascii")
        for char in name
    )


def clip(title: str) -> str:
    """Return ``title`` cut to MAX_TITLE bytes of UTF-8, whole characters only."""
    encoded = title.encode("utf-8", "backslashreplace")
    if len(encoded) <= MAX_TITLE:
        return title
    return encoded[:MAX_TITLE].decode("utf-8", "ignore")


def format_address(where: tuple[str, int] | tuple[str, int, int, int]) -> str:
    """Return ``127.0.0.1:5015`` or ``[::1]:5015``; an IPv4 address in IPv6 clothes as IPv4."""
    host, port = where[0], where[1]
    if host.startswith("::ffff:") and "." in host:
        host = host.removeprefix("::ffff:")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
