"""What the configuration means to the parts of the master."""

import os
import resource
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from chatd_supervisor.account_config import Accounts
from chatd_supervisor.addresses import split_address
from chatd_supervisor.config import Config
from chatd_supervisor.hub import OperatorBlock, Rules
from chatd_supervisor.journal import JournalError
from chatd_supervisor.journal.sqlite import SqliteJournal
from chatd_supervisor.logbook import note
from chatd_supervisor.paths import Paths
from chatd_workers import __version__
from chatd_workers.dialects.irc.isupport import tokens
from chatd_workers.dialects.irc.writer import Writer
from chatd_workers.events import Event

RESERVED_DESCRIPTORS: Final = 64
"""Kept for listeners, the control socket, logs and accepting somebody to say that it is full."""

DESCRIPTORS_PER_CLIENT: Final = 2
"""A duplicate of the client's socket, and the channel to its worker."""

FEW_CLIENTS: Final = 100
"""Nobody sets a limit for fewer on purpose; 1024, the usual one, suffices for 480."""

MEGABYTE: Final = 1024 * 1024

LARGEST_BY_DEFAULT: Final = 10 * 1024 * MEGABYTE
"""Bytes of journal, where the configuration does not say how many: a tenth of the disk, at most
so many, for strangers write it,"""

SMALLEST_BY_DEFAULT: Final = 16 * MEGABYTE
"""and at least so many, for on the smallest disk something is to be kept."""

REGISTRATION: Final = "draft/account-registration"

_SINCE: Final = time.monotonic()
"""When this program was started, by the clock that nobody sets."""

_STARTED: Final = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())
"""The same, in words."""

FIXED: Final = {
    "server": ("runtime_dir", "state_dir", "user"),
    "journal": ("synchronous", "max_age_days", "max_size_mb"),
    "sandbox": ("mode", "memory_mb"),
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
    server, limits, history = config.server, config.limits, config.history
    accounts = config.accounts
    sts = _sts(config)
    rules = Rules(
        server=server.name,
        network=server.network,
        description=server.description,
        motd=tuple(server.motd.splitlines()),
        admin=tuple(server.admin.splitlines()),
        password=server.password,
        tell_traced=server.tell_traced,
        version=f"chatd-{__version__}",
        started=_STARTED,
        since=_SINCE,
        nick_length=limits.nick_length,
        channel_length=limits.channel_length,
        mixed_scripts=limits.mixed_scripts,
        topic_length=limits.topic_length,
        kick_length=limits.kick_length,
        away_length=limits.away_length,
        whowas_entries=limits.whowas_entries,
        monitor_entries=limits.monitor_entries,
        max_rooms=limits.max_rooms,
        rooms_per_client=limits.channels_per_client,
        rooms_per_network=limits.rooms_per_network,
        kept_rooms_per_account=limits.kept_rooms_per_account,
        list_entries=limits.list_entries,
        announce_members=limits.announce_members,
        join_rate=limits.join_rate,
        nick_rate=limits.nick_rate,
        operators=tuple(
            OperatorBlock(each.name, each.password, each.classes) for each in config.operators
        ),
        history_on_join=history.on_join,
        history_lines=history.max_lines,
        registration=accounts.registration,
        before_connect=accounts.before_connect,
        require_email=accounts.require_email,
        min_password_length=accounts.min_password_length,
        nick_ownership=accounts.nick_ownership,
        accounts_per_network=accounts.accounts_per_network,
        ipv6_prefix=limits.ipv6_prefix,
        capabilities=((REGISTRATION, _registration(accounts)),),
        sts_port=sts.port,
        sts_duration=sts.duration,
        unavailable=frozenset(
            name
            for name, is_there in (("sts", sts.port), (REGISTRATION, accounts.registration))
            if not is_there
        ),
    )
    return rules._replace(tokens=_tokens(rules))


class _Sts(NamedTuple):
    port: int
    duration: int


def _sts(config: Config) -> _Sts:
    """Return where clients are to come by TLS, and for how long; (0, 0): nowhere."""
    for listen in config.listen:
        if listen.sts_duration:
            _, port = split_address(listen.address)
            return _Sts(port, listen.sts_duration)
    return _Sts(0, 0)


def _registration(accounts: Accounts) -> str:
    """Return the value of the capability account-registration (IRCv3): what holds, by its keys."""
    keys = {
        "before-connect": accounts.before_connect,
        "custom-account-name": True,
        "email-required": accounts.require_email,
    }
    return ",".join(key for key, holds in keys.items() if holds)


def _tokens(rules: Rules) -> tuple[str, ...]:
    return tokens(
        network=rules.network,
        nick_length=rules.nick_length,
        user_length=rules.user_length,
        realname_length=rules.realname_length,
        channel_length=rules.channel_length,
        topic_length=rules.topic_length,
        kick_length=rules.kick_length,
        away_length=rules.away_length,
        rooms_per_client=rules.rooms_per_client,
        list_entries=rules.list_entries,
        accept_entries=rules.accept_entries,
        monitor_entries=rules.monitor_entries,
        max_targets=rules.max_targets,
        history_lines=rules.history_lines,
    )


def writers_of(config: Config) -> dict[str, Callable[[Event, int], bytes]]:
    """Return the writers of dialects that write otherwise as ``config`` says."""
    return {"irc": Writer(config.server.name).write}


def open_journal(config: Config, paths: Paths) -> SqliteJournal:
    """Return the journal that ``config`` asks for. Raises JournalError."""
    journal = config.journal
    return SqliteJournal(
        paths.journal_file,
        synchronous=journal.synchronous,
        max_age=journal.max_age_days * 86400,
        max_size=_most(journal.max_size_mb, paths),
    )


def _most(max_size_mb: int | None, paths: Paths) -> int:
    """Return how many bytes of journal there may be; 0: any number. Raises JournalError."""
    if max_size_mb is not None:
        return max_size_mb * MEGABYTE
    try:
        disk = os.statvfs(paths.state_dir)
    except OSError as error:
        raise JournalError(f"{paths.state_dir}: {error.strerror}") from error
    tenth = disk.f_blocks * disk.f_frsize // 10
    return max(min(tenth, LARGEST_BY_DEFAULT), SMALLEST_BY_DEFAULT)


def room_for(max_clients: int) -> int:
    """Raise the limit on descriptors to the most we may have; return how many clients that is.

    If these are few, or fewer than the ``max_clients`` of the configuration, the log says so.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = max(0, (hard - RESERVED_DESCRIPTORS) // DESCRIPTORS_PER_CLIENT)
    if clients < (max_clients or FEW_CLIENTS):
        hint = "raise it with ulimit -n, or LimitNOFILE= in a unit"
        note("few descriptors", limit=hard, clients=clients, hint=hint)
    return clients
