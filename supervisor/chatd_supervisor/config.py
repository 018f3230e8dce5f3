"""The configuration: its keys, their types, limits and documentation, in one table.

chatd.toml(5) is held against these structures by a test.
"""

import os.path
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from msgspec import Meta, Struct

from chatd_supervisor.account_config import Accounts, Operator
from chatd_supervisor.addresses import overlap, split_address
from chatd_supervisor.exempt_config import Exempting
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.sandbox_config import Sandboxing
from chatd_workers.config_file import ConfigError, Form, parse
from chatd_workers.config_keys import ABSOLUTE, said, wrong
from chatd_workers.names import is_passable

Count = Annotated[int, Meta(ge=0)]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

MOST_ADMIN: Final = 3
"""Lines about who runs the server: as many as ADMIN has numerics for."""


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``."""

    name: Annotated[
        str, Meta(min_length=1, max_length=63, description="What the server calls itself.")
    ] = "chatd"
    network: Annotated[
        str, Meta(min_length=1, max_length=63, description="The network it belongs to.")
    ] = "chatd"
    description: Annotated[
        str, Meta(min_length=1, max_length=63, description="What it is, in a few words.")
    ] = "chatd"
    motd: Annotated[
        str, Meta(max_length=16384, description="Message of the day, of any number of lines.")
    ] = ""
    admin: Annotated[
        str, Meta(max_length=1024, description="Who runs it, in up to three lines, for ADMIN.")
    ] = ""
    password: Annotated[
        str,
        Meta(max_length=255, description="What a client of IRC must give with PASS; empty: none."),
    ] = ""
    user: Annotated[
        str,
        Meta(max_length=32, description="Whom a server started as root becomes; empty: nobody."),
    ] = ""
    runtime_dir: Annotated[
        str | None, said("Directory for the PID file and the control socket.", ABSOLUTE)
    ] = None
    state_dir: Annotated[
        str | None,
        said("Directory for what is kept: the journal, the log, quarantined lines.", ABSOLUTE),
    ] = None
    log_level: Annotated[LogLevel, Meta(description="How much is logged.")] = "info"
    log_format: Annotated[
        LogFormat, Meta(description="Whether the log is for people or for programs.")
    ] = "text"
    watchdog: Annotated[
        Count,
        Meta(
            le=3600,
            description="Seconds after which a master that hangs ends itself; 0: never.",
        ),
    ] = 10
    tell_traced: Annotated[
        Literal["never", "text", "always"],
        Meta(description="Which clients are told that chatd trace follows them, and no longer."),
    ] = "text"

    def __post_init__(self) -> None:
        """Check what the types cannot; msgspec turns ValueError into a ValidationError."""
        for key in ("name", "network", "description"):
            if not getattr(self, key).isprintable():
                raise wrong(key, "must be printable")
        for key in ("motd", "admin"):
            if not all(map(is_passable, getattr(self, key).split("\n"))):
                raise wrong(key, "must be lines without control characters, except formatting")
        if len(self.admin.splitlines()) > MOST_ADMIN:
            raise wrong("admin", f"must be of at most {MOST_ADMIN} lines")
        for key in ("runtime_dir", "state_dir"):
            directory = getattr(self, key)
            if directory is not None and not os.path.isabs(directory):
                raise wrong(key, "must be an absolute path")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``; 0 is none, except where a range is given."""

    max_clients: Annotated[
        Count, Meta(description="Clients at once; 0: as many as descriptors allow.")
    ] = 0
    max_clients_per_ip: Annotated[
        Count, Meta(description="Clients at once from one address, or network of IPv6.")
    ] = 1000
    ipv6_prefix: Annotated[
        int,
        Meta(ge=1, le=128, description="Bits by which a network of IPv6 is told from the others."),
    ] = 64
    accept_backlog: Annotated[
        int, Meta(ge=1, le=65535, description="Connections that may wait to be accepted.")
    ] = 1024
    line_length: Annotated[
        int, Meta(ge=64, le=8192, description="Bytes in a line, without its end.")
    ] = 8192
    nick_length: Annotated[int, Meta(ge=1, le=64, description="Characters in a nick.")] = 24
    channel_length: Annotated[
        int, Meta(ge=2, le=64, description="Characters in a room's name, the # included.")
    ] = 32
    mixed_scripts: Annotated[
        bool,
        Meta(
            description="Nicks, accounts and rooms may have letters of several scripts in one word."
        ),
    ] = False
    topic_length: Annotated[Count, Meta(description="Characters in a topic.")] = 300
    kick_length: Annotated[
        Count, Meta(le=390, description="Characters in the reason of a kick.")
    ] = 300
    away_length: Annotated[
        Count, Meta(le=390, description="Characters in the reason of being away.")
    ] = 200
    whowas_entries: Annotated[
        Count, Meta(le=100_000, description="People who have gone that WHOWAS knows of.")
    ] = 1000
    monitor_entries: Annotated[
        int, Meta(ge=1, le=1000, description="Nicks that a client monitors.")
    ] = 100
    max_rooms: Annotated[Count, Meta(description="Rooms at once.")] = 1000
    channels_per_client: Annotated[
        Count, Meta(description="Rooms that a client of IRC is in at once.")
    ] = 50
    rooms_per_network: Annotated[
        Count, Meta(description="Rooms at once that were made from one address or network.")
    ] = 200
    kept_rooms_per_account: Annotated[
        Count, Meta(description="Rooms that an account has kept, so that they last.")
    ] = 10
    list_entries: Annotated[
        Count, Meta(description="Masks in each list of a room: bans, exceptions, invitations.")
    ] = 100
    registration_timeout: Annotated[
        float,
        Meta(gt=0, le=3600, description="Seconds in which a client of IRC must introduce itself."),
    ] = 60.0
    idle_timeout: Annotated[
        Count,
        Meta(description="Seconds after which a client that says nothing is let go."),
    ] = 0
    keepalive: Annotated[
        int,
        Meta(
            ge=0,
            le=7200,
            description="Seconds of silence after which TCP asks whether a client is still there.",
        ),
    ] = 120
    connect_rate: Annotated[
        Count,
        Meta(description="Connections a minute from one address or network; more are refused."),
    ] = 1200
    message_rate: Annotated[
        Count,
        Meta(
            description="Lines a second from one client; more are read later, so that TCP holds"
            " its client back."
        ),
    ] = 20
    byte_rate: Annotated[
        Count,
        Meta(
            description="Bytes a second from one client, beside message_rate; what is more waits."
        ),
    ] = 8192
    join_rate: Annotated[Count, Meta(description="Rooms a minute that a client may come into.")] = (
        120
    )
    nick_rate: Annotated[
        Count, Meta(description="Times a minute that a client may call itself otherwise.")
    ] = 20
    max_crashes: Annotated[
        Count,
        Meta(
            description="Workers that may die in a minute of what comes from one address or"
            " network, before nobody new is let in from there."
        ),
    ] = 20
    crash_penalty: Annotated[
        float,
        Meta(gt=0, le=86400, description="Seconds for which nobody new is let in then."),
    ] = 600.0
    send_queue: Annotated[
        Count,
        Meta(description="Bytes that may wait for a slow client before it is closed."),
    ] = 4 * 1024 * 1024
    announce_members: Annotated[
        Count,
        Meta(description="Members up to which a room's comings, goings and renames are told."),
    ] = 100
    stop_timeout: Annotated[
        float, Meta(gt=0, le=3600, description="Seconds that a graceful stop may take.")
    ] = 5.0
    adoption_timeout: Annotated[
        float,
        Meta(
            gt=0,
            le=3600,
            description="Seconds after a master's death in which its clients are waited for.",
        ),
    ] = 10.0
    max_restarts: Annotated[
        Count,
        Meta(description="Restarts of workers within restart_period before chatd is degraded."),
    ] = 100
    restart_period: Annotated[
        float, Meta(gt=0, le=86400, description="Seconds, for max_restarts.")
    ] = 10.0


class JournalKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[journal]``; 0 is no limit."""

    synchronous: Annotated[
        Literal["normal", "full"],
        Meta(description="What it survives: the death of processes, or a power loss as well."),
    ] = "normal"
    max_age_days: Annotated[
        Count, Meta(description="Days after which what was said is forgotten.")
    ] = 0
    max_size_mb: Annotated[
        Count | None,
        Meta(
            description="Megabytes of journal beyond which the oldest is forgotten; without a"
            " value, a tenth of the file system, at most 10240.",
            extra={"allowed": "an integer of 0 or more"},
        ),
    ] = None


class HistoryKeys(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[history]``."""

    on_join: Annotated[
        int, Meta(ge=0, le=100, description="Lines that are shown to whoever comes into a room.")
    ] = 10
    max_lines: Annotated[
        int, Meta(ge=1, le=1000, description="Lines that /history, /search or /missed shows.")
    ] = 200


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    server: Server = Server()
    listen: Annotated[tuple[Listen, ...], Meta(min_length=1)] = (Listen(),)
    limits: Limits = Limits()
    exempt: Exempting = Exempting()
    journal: JournalKeys = JournalKeys()
    history: HistoryKeys = HistoryKeys()
    accounts: Accounts = Accounts()
    sandbox: Sandboxing = Sandboxing()
    operators: tuple[Operator, ...] = ()

    def __post_init__(self) -> None:
        """Refuse the same address twice, the second could not be bound; and operators."""
        seen = set()
        for place, listen in enumerate(self.listen):
            # Any port that is free may be asked for once for each thing that is spoken.
            key = listen.address
            if key.endswith(":0"):
                key += f" {listen.dialect} {listen.tls} {listen.proxy_protocol}"
            where = f"listen[{place + 1}].address"
            if key in seen:
                raise wrong(where, f"{listen.address} is there twice")
            seen.add(key)
            for before, other in enumerate(self.listen[:place]):
                if overlap(other.address, listen.address):
                    taken = f"listen[{before + 1}].address {other.address}"
                    raise wrong(where, f"{listen.address} is taken by {taken}")
        self._check_sts()
        names = set()
        for place, operator in enumerate(self.operators):
            if operator.name in names:
                raise wrong(f"operators[{place + 1}].name", f"{operator.name} is there twice")
            names.add(operator.name)

    def _check_sts(self) -> None:
        """Refuse more than one answer to where clients are to come by TLS, and for how long."""
        told: tuple[int, int] | None = None
        for place, listen in enumerate(self.listen):
            if listen.sts_duration:
                policy = split_address(listen.address)[1], listen.sts_duration
                if told not in (None, policy):
                    key = f"listen[{place + 1}].sts_duration"
                    raise wrong(key, "and the port must be those of the others that have one")
                told = policy


_FORM: Final = Form(
    tables={
        "": Config,
        "server": Server,
        "listen": Listen,
        "limits": Limits,
        "exempt": Exempting,
        "journal": JournalKeys,
        "history": HistoryKeys,
        "accounts": Accounts,
        "sandbox": Sandboxing,
        "operators": Operator,
    },
    arrays={
        "listen": "at least one table [[listen]]",
        "operators": "tables [[operators]]",
    },
    untold=(".password",),
)


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration in ``path`` (None: all defaults) with ``overrides`` laid over it.

    ``overrides`` has the form of a parsed file, without None values. Raises ConfigError.
    """
    document = parse(path) if path is not None else {}
    config = _convert(document, str(path))
    if not overrides:
        return config
    # The file was right by itself, so whatever is wrong now came from the command line.
    return _convert(_merged(document, overrides), "command line")


def _merged(document: Mapping[str, Any], overrides: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in overrides.items():
        merged[key] = {**merged.get(key, {}), **value} if isinstance(value, Mapping) else value
    return merged


def _convert(document: Mapping[str, Any], where: str) -> Config:
    try:
        return _FORM.convert(document, Config)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error
