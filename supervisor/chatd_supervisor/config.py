"""The configuration: its keys, their types, limits and documentation, in one table.

chatd.toml(5) and ``chatd check-config`` are held against these structures by a test. Whatever is
wrong with a file is said with the file's name, the key, the value and what is allowed instead.
"""

import difflib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chatd_workers.dialects import DIALECTS

Count = Annotated[int, Meta(ge=0)]
LogLevel = Literal["debug", "info", "warning", "error"]


class ConfigError(ValueError):
    """The configuration cannot be used; ``str()`` says where, what, and what is allowed."""


def split_address(address: str) -> tuple[str, int]:
    """Return host and port of ``HOST:PORT`` or ``[IPV6]:PORT``; no host means all addresses.

    Raises ValueError.
    """
    host, separator, port = address.rpartition(":")
    if not separator or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"address {address!r} is not HOST:PORT with a port from 0 to 65535")
    if host.startswith("[") and host.endswith("]"):
        return host[1:-1], int(port)
    if ":" in host:
        raise ValueError(f"address {address!r}: write an IPv6 address as [{host}]:{port}")
    return ("" if host == "*" else host), int(port)


class Server(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[server]``."""

    name: Annotated[
        str, Meta(min_length=1, max_length=63, description="What the server calls itself.")
    ] = "chatd"
    network: Annotated[
        str, Meta(min_length=1, max_length=63, description="The network it belongs to.")
    ] = "chatd"
    runtime_dir: Annotated[
        str | None, Meta(description="Directory for the PID file and the control socket.")
    ] = None
    state_dir: Annotated[
        str | None, Meta(description="Directory for what is kept: the log, quarantined lines.")
    ] = None
    log_level: Annotated[
        LogLevel, Meta(description="How much is logged: debug, info, warning or error.")
    ] = "info"


class Listen(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One ``[[listen]]``."""

    address: Annotated[
        str, Meta(description="HOST:PORT, [IPV6]:PORT, or :PORT for all addresses.")
    ] = "127.0.0.1:5015"
    dialect: Annotated[str, Meta(description="What is spoken there: text.")] = "text"

    def __post_init__(self) -> None:
        """Check what the types cannot; msgspec turns ValueError into a ValidationError."""
        split_address(self.address)
        if self.dialect not in DIALECTS:
            raise ValueError(f"dialect must be one of {', '.join(DIALECTS)}, not {self.dialect!r}")


class Limits(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``[limits]``; 0 is none, except where a range is given."""

    max_clients: Annotated[
        Count, Meta(description="Clients at once; 0: as many as descriptors allow.")
    ] = 0
    max_clients_per_address: Annotated[
        Count, Meta(description="Clients at once from one address.")
    ] = 0
    accept_backlog: Annotated[
        int, Meta(ge=1, le=65535, description="Connections that may wait to be accepted.")
    ] = 1024
    line_length: Annotated[
        int, Meta(ge=64, le=8192, description="Bytes in a line, without its end.")
    ] = 8192
    nick_length: Annotated[int, Meta(ge=1, le=64, description="Characters in a nick.")] = 24
    room_length: Annotated[
        int, Meta(ge=2, le=64, description="Characters in a room's name, the # included.")
    ] = 32
    topic_length: Annotated[Count, Meta(description="Characters in a topic.")] = 300
    max_rooms: Annotated[Count, Meta(description="Rooms at once.")] = 1000
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
    max_restarts: Annotated[
        Count,
        Meta(description="Restarts of workers within restart_period before chatd is degraded."),
    ] = 100
    restart_period: Annotated[
        float, Meta(gt=0, le=86400, description="Seconds, for max_restarts.")
    ] = 10.0


class Config(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    server: Server = Server()
    listen: Annotated[tuple[Listen, ...], Meta(min_length=1)] = (Listen(),)
    limits: Limits = Limits()


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
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: is not valid TOML: {error}") from error
    _convert(document, where)
    if not overrides:
        return _convert(document, where)
    return _convert(_merged(document, overrides), where if path is None else "command line")


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


_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`")


def _sentence(message: str, document: Mapping[str, Any]) -> str:
    """Turn msgspec's ``Expected `int`, got `str` - at `$.limits.max_clients``` into ours."""
    what, _, at = message.partition(" - at `$")
    steps = re.findall(r"\.([^.\[\]`]+)|\[(\d+)\]", at)
    key = ""
    value: Any = document
    for name, index in steps:
        key += f".{name}" if name else f"[{int(index) + 1}]"
        value = value[name] if name else value[int(index)]
    key = key.removeprefix(".")
    unknown = _UNKNOWN.match(what)
    if unknown:
        allowed = _keys_of(key)
        near = difflib.get_close_matches(unknown[1], allowed, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        place = f"[{key}]" if key else "the top level"
        return f"unknown key {unknown[1]} in {place}{hint} (allowed: {', '.join(allowed)})"
    shown = f" = {value!r}" if key and not isinstance(value, (dict, list)) else ""
    return f"{key or 'the file'}{shown}: {what[:1].lower()}{what[1:]}"


def _keys_of(place: str) -> tuple[str, ...]:
    structs: dict[str, type[Struct]] = {"server": Server, "limits": Limits, "": Config}
    return structs.get(place, Listen).__struct_fields__
