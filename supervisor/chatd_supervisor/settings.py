"""What the configuration means to the parts of the master."""

import resource
from typing import Final

from chatd_supervisor.config import Config
from chatd_supervisor.hub import Rules
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.paths import Paths

RESERVED_DESCRIPTORS: Final = 64
"""Kept for listeners, the control socket, logs and accepting somebody to say that it is full."""

DESCRIPTORS_PER_CLIENT: Final = 2
"""A duplicate of the client's socket, and the channel to its worker."""

FIXED: Final = {
    "server": ("runtime_dir", "state_dir"),
    "journal": ("synchronous", "max_age_days", "max_size_mb"),
}
"""Keys of which a running master keeps the values that it began with."""


def needing_restart(old: Config, new: Config) -> list[str]:
    """Return which keys, as ``table.key``, differ and are not lived by after a reload."""
    return [
        f"{table}.{key}"
        for table, keys in FIXED.items()
        for key in keys
        if getattr(getattr(old, table), key) != getattr(getattr(new, table), key)
    ]


def rules_of(config: Config) -> Rules:
    """Return the hub's rules in ``config``."""
    limits = config.limits
    return Rules(
        server=config.server.name,
        nick_length=limits.nick_length,
        channel_length=limits.channel_length,
        topic_length=limits.topic_length,
        max_rooms=limits.max_rooms,
        announce_members=limits.announce_members,
        history_on_join=config.history.on_join,
        history_lines=config.history.max_lines,
    )


def open_journal(config: Config, paths: Paths) -> SqliteJournal:
    """Return the journal that ``config`` asks for. Raises JournalError."""
    journal = config.journal
    return SqliteJournal(
        paths.journal_file,
        synchronous=journal.synchronous,
        max_age=journal.max_age_days * 86400,
        max_size=journal.max_size_mb * 1024 * 1024,
    )


def room_for() -> int:
    """Raise the limit on descriptors to the most we may have; return how many clients that is."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return (hard - RESERVED_DESCRIPTORS) // DESCRIPTORS_PER_CLIENT
