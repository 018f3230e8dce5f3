"""The configuration: its keys, their types, limits and documentation, in one table.

chatd.toml(5) is held against these structures by a test. Whatever is wrong with a file is said
with the file's name, the key, the value and what is allowed instead.
"""

import difflib
import json
import os.path
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chatd_supervisor.account_config import Accounts, Operator
from chatd_supervisor.keys import absolute_path, keys_of
from chatd_supervisor.keys import wrong as _wrong
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.sandbox_config import Sandboxing
from chatd_workers.names import is_passable

Count = Annotated[int, Meta(ge=0)]
LogFormat = Literal["text", "json"]
LogLevel = Literal["debug", "info", "warning", "error"]

MOST_ADMIN: Final = 3
"""Lines about who runs the server: as many as ADMIN has numerics for."""


class ConfigError(ValueError):
    """The configuration cannot be used; ``str()`` says where, what, and what is allowed."""


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
    runtime_dir: Annotated[
        str | None, absolute_path("Directory for the PID file and the control socket.")
    ] = None
    state_dir: Annotated[
        str | None,
        absolute_path("Directory for what is kept: the journal, the log, quarantined lines."),
    ] = None
    log_level: Annotated[LogLevel, Meta(description="How much is logged.")] = "info"
    log_format: Annotated[
        LogFormat, Meta(description="Whether the log is for people or for programs.")
    ] = "text"

    def __post_init__(self) -> None:
        """Check what the types cannot; msgspec turns ValueError into a ValidationError."""
        for key in ("name", "network", "description"):
            if not getattr(self, key).isprintable():
                raise _wrong(key, "must be printable")
        for key in ("motd", "admin"):
            if not all(map(is_passable, getattr(self, key).split("\n"))):
                raise _wrong(key, "must be lines without control characters, except formatting")
        if len(self.admin.splitlines()) > MOST_ADMIN:
            raise _wrong("admin", f"must be of at most {MOST_ADMIN} lines")
        for key in ("runtime_dir", "state_dir"):
            directory = getattr(self, key)
            if directory is not None and not os.path.isabs(directory):
                raise _wrong(key, "must be an absolute path")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``; 0 is none, except where a range is given."""

    max_clients: Annotated[
        Count, Meta(description="Clients at once; 0: as many as descriptors allow.")
    ] = 0
    max_clients_per_ip: Annotated[Count, Meta(description="Clients at once from one address.")] = 0
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
    ] = 100
    list_entries: Annotated[
        Count, Meta(description="Masks in each list of a room: bans, exceptions, invitations.")
    ] = 100
    registration_timeout: Annotated[
        float,
        Meta(gt=0, le=3600, description="Seconds in which a client of IRC must introduce itself."),
    ] = 60.0
    connect_rate: Annotated[
        Count, Meta(description="Connections a minute from one address; more are refused.")
    ] = 0
    message_rate: Annotated[
        Count,
        Meta(
            description="Lines a second from one client; more are read later, so that TCP holds"
            " its client back."
        ),
    ] = 0
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
        Count, Meta(description="Megabytes of journal beyond which the oldest is forgotten.")
    ] = 0


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
            if key in seen:
                raise _wrong(f"listen[{place + 1}].address", f"{listen.address} is there twice")
            seen.add(key)
        names = set()
        for place, operator in enumerate(self.operators):
            if operator.name in names:
                raise _wrong(f"operators[{place + 1}].name", f"{operator.name} is there twice")
            names.add(operator.name)


def load(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Config:
    """Return the configuration in ``path`` (None: all defaults) with ``overrides`` laid over it.

    ``overrides`` has the form of a parsed file, without None values. Raises ConfigError.
    """
    where = str(path) if path is not None else "command line"
    try:
        document = tomllib.loads(path.read_text("utf-8")) if path is not None else {}
    except OSError as error:
        raise ConfigError(f"{where}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{where}: is not UTF-8 at byte {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{where}: is not valid TOML: {error}") from error
    config = _convert(document, where)
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
        return msgspec.convert(document, Config)
    except msgspec.ValidationError as error:
        raise ConfigError(f"{where}: {_sentence(str(error), document)}") from error


_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_WRONG: Final = re.compile(r"`([\w.\[\]]+)` (.*)", re.DOTALL)
_TABLES: Final[dict[str, type[Struct]]] = {
    "": Config,
    "server": Server,
    "listen": Listen,
    "limits": Limits,
    "journal": JournalKeys,
    "history": HistoryKeys,
    "accounts": Accounts,
    "sandbox": Sandboxing,
    "operators": Operator,
}
_ARRAYS: Final = {
    "listen": "at least one table [[listen]]",
    "operators": "tables [[operators]]",
}
"""What tables of which there may be several must be."""

_UNTOLD: Final = (".password",)
"""How keys end whose values no message repeats."""

_SHOWN: Final = 60
"""Characters of a wrong value that a message repeats."""


def _sentence(message: str, document: Mapping[str, Any]) -> str:
    """Turn msgspec's ``Expected `int`, got `str` - at `$.limits.max_clients``` into ours."""
    what, _, place = message.rpartition(" - at `$") if " - at `$" in message else (message, "", "")
    key = re.sub(r"\[(\d+)\]", lambda found: f"[{int(found[1]) + 1}]", place)
    key = key.removesuffix("`").removeprefix(".")
    if unknown := _UNKNOWN.fullmatch(what):
        return _unknown(unknown[1], key)
    if missing := _MISSING.fullmatch(what):
        key = f"{key}.{missing[1]}"
        return f"{key}: is missing; must be {_allowed(key)}"
    reason = ""
    if wrong := _WRONG.fullmatch(what):
        key = f"{key}.{wrong[1]}" if key else wrong[1]
        reason = wrong[2]
    return f"{key}{_shown(document, key)}: {reason or f'must be {_allowed(key)}'}"


def _unknown(name: str, place: str) -> str:
    allowed = _TABLES[_table(place)].__struct_fields__
    near = difflib.get_close_matches(name, allowed, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    full = f"{place}.{name}" if place else name
    shown = full if full.isprintable() else repr(full)
    return f"{shown[:_SHOWN]}: unknown key{hint} (allowed: {', '.join(allowed)})"


def _table(key: str) -> str:
    """Return which of the tables ``key``, such as ``listen[2].address``, begins with."""
    return key.partition(".")[0].partition("[")[0]


def _allowed(key: str) -> str:
    """Return what ``key`` must be."""
    table, dot, name = key.partition(".")
    if dot:
        # Of a list, whatever in it is wrong.
        name = name.partition("[")[0]
        return next(k.allowed for k in keys_of(_TABLES[_table(table)]) if k.name == name)
    return _ARRAYS.get(key, "a table")


def _shown(document: Any, key: str) -> str:
    """Return `` = VALUE`` for what the document has at ``key``, or nothing for a default."""
    if key.endswith(_UNTOLD):
        return ""
    value = document
    for name, index in re.findall(r"(\w+)|\[(\d+)\]", key):
        try:
            value = value[name] if name else value[int(index) - 1]
        except (KeyError, IndexError):
            return ""
    shown = json.dumps(value, default=str)
    return f" = {shown}" if len(shown) <= _SHOWN else f" = {shown[:_SHOWN]}..."
