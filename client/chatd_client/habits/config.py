"""The configuration of chat-client: its keys, their types, limits and documentation, in one table.

chat-client.toml(5) is held against these structures by a test. Whatever is wrong with a file is
said with the file's name, the key, the value and what is allowed instead.
"""

import difflib
import json
import re
import tomllib
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from chatd_client.habits.keys import keys_of, said, wrong
from chatd_workers.names import is_safe

T = TypeVar("T", bound=Struct)

SERVER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

PATH: Final = "a path that is absolute or begins with ~/"
A_PATH: Final = re.compile(r"/|~/.")
"""How such a path begins."""

PIN: Final = re.compile(r"(?:sha256:?)?(?:[0-9a-f]{2}:?){32}", re.IGNORECASE)


class ConfigError(ValueError):
    """The configuration cannot be used; ``str()`` says where, what, and what is allowed."""


class Table(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all tables have in common: no text that could harm a terminal, paths that are whole."""

    def __post_init__(self) -> None:
        """Check what the types cannot; msgspec turns ValueError into a ValidationError."""
        for key in keys_of(type(self)):
            value = getattr(self, key.name)
            if isinstance(value, str) and not is_safe(value):
                raise wrong(key.name, "must be one line without control characters")
            if isinstance(value, tuple) and not all(map(is_safe, value)):
                raise wrong(key.name, "must be of lines without control characters")
            if key.allowed == PATH and value and not A_PATH.match(value):
                raise wrong(key.name, f"must be {PATH}")


class Screen(Table, frozen=True, kw_only=True):
    """``[screen]``."""

    theme: Annotated[Literal["dark", "light", "mono"], said("What it looks like.")] = "dark"
    keys: Annotated[Literal["emacs", "vi"], said("How lines are edited.")] = "emacs"
    mouse: Annotated[
        bool, said("Whether the wheel scrolls and clicks choose windows; selecting needs Shift.")
    ] = False
    notify: Annotated[
        Literal["none", "bell", "osc9", "osc777"],
        said("How you are told that somebody mentions you or writes to you alone."),
    ] = "bell"
    words: Annotated[tuple[str, ...], said("Words that count as a mention, beside your nick.")] = ()
    typing: Annotated[bool, said("Whether others are told that you type.")] = True
    history: Annotated[bool, said("Whether what you type is kept for the next time.")] = True


class Logs(Table, frozen=True, kw_only=True):
    """``[logs]``."""

    rooms: Annotated[
        bool, said("Whether what is said in rooms, and to you alone, is written to files.")
    ] = False
    directory: Annotated[str, said("Where these files are.", PATH)] = ""


class Server(Table, frozen=True, kw_only=True):
    """``[servers.NAME]``."""

    address: Annotated[str, said("Where it is.", "what stands for SERVER on the command line")]
    nick: Annotated[str, said("Who you are there, if not who you are elsewhere.")] = ""
    realname: Annotated[str, said("The same of your real name.")] = ""
    rooms: Annotated[tuple[str, ...], said("Rooms to come into; a key stands after a space.")] = ()
    account: Annotated[str, said("The account to log in to.")] = ""
    password_file: Annotated[str, said("File whose first line is its password.", PATH)] = ""
    password_command: Annotated[
        str, said("Command for sh(1) whose first line of output is its password.")
    ] = ""
    server_password_file: Annotated[
        str, said("File whose first line is the password of the server itself.", PATH)
    ] = ""
    tls: Annotated[bool, said("Whether it speaks TLS.")] = False
    pin: Annotated[
        str,
        said(
            "Trust the certificate with this fingerprint, and no other.",
            "a SHA-256 in hexadecimal",
        ),
    ] = ""
    ca_file: Annotated[
        str, said("File with the authorities that are trusted, in PEM, not the system's.", PATH)
    ] = ""
    insecure: Annotated[bool, said("Whether any certificate is trusted.")] = False
    lab: Annotated[bool | None, said("Whether it is the lab's server; found out if left out.")] = (
        None
    )
    backlog: Annotated[
        int, Meta(ge=0, le=2000, description="Lines of a room that are fetched at first.")
    ] = 200
    log: Annotated[bool | None, said("Whether its rooms are logged, whatever [logs] says.")] = None

    def __post_init__(self) -> None:
        """Check what the types cannot."""
        super().__post_init__()
        if not self.address:
            raise wrong("address", "must be what stands for SERVER on the command line")
        if self.pin and not PIN.fullmatch(self.pin):
            raise wrong("pin", "must be a SHA-256 in hexadecimal")
        if self.password_file and self.password_command:
            raise wrong("password_command", "and password_file exclude each other")
        if self.account and not (self.password_file or self.password_command):
            raise wrong("account", "needs password_file or password_command")


class Config(Table, frozen=True, kw_only=True):
    """The whole file."""

    server: Annotated[str, said("The server to talk to if none is named on the command line.")] = ""
    nick: Annotated[str, said("Who you are.")] = ""
    realname: Annotated[str, said("Your real name, for those who ask.")] = ""
    screen: Screen = Screen()
    logs: Logs = Logs()
    servers: dict[str, Server] = {}


TABLES: Final[dict[str, type[Struct]]] = {
    "": Config,
    "screen": Screen,
    "logs": Logs,
    "servers": Server,
}
"""The tables by name; of servers each is a table in that table."""


def load(path: Path | None, *, must_exist: bool = True) -> Config:
    """Return the configuration in ``path``; None, or not there and ``must_exist`` not: defaults.

    Raises ConfigError.
    """
    if path is None:
        return Config()
    try:
        document = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError as error:
        if not must_exist:
            return Config()
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 at byte {error.start}") from error
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{path}: is not valid TOML: {error}") from error
    try:
        return _convert(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _convert(document: dict[str, Any]) -> Config:
    # One by one, for msgspec would not say which of the servers it means.
    servers = document.get("servers", {})
    if not isinstance(servers, dict):
        raise ConfigError(f"servers: must be {_SERVERS}")
    config = _table_of(Config, {**document, "servers": {}}, [])
    found = {}
    for name, table in servers.items():
        if not SERVER_NAME.fullmatch(name):
            shown = name if name.isprintable() else repr(name)
            raise ConfigError(f"servers.{shown[:_SHOWN]}: must be {_NAMED}")
        found[name] = _table_of(Server, table, ["servers", name])
    return msgspec.structs.replace(config, servers=found)


def _table_of(kind: type[T], document: Any, place: list[str]) -> T:
    try:
        return msgspec.convert(document, kind)
    except msgspec.ValidationError as error:
        raise ConfigError(_sentence(str(error), document, place)) from error


_SERVERS: Final = "tables [servers.NAME]"
_NAMED: Final = "named with up to 63 letters, digits, - and _"

_MISSING: Final = re.compile(r"Object missing required field `(\w+)`")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_WRONG: Final = re.compile(r"`([^`]+)` (.*)", re.DOTALL)

_SHOWN: Final = 60
"""Characters of a wrong value that a message repeats."""


def _sentence(message: str, document: Any, place: list[str]) -> str:
    """Turn msgspec's ``Expected `bool`, got `str` - at `$.screen.mouse``` into ours."""
    what, _, where = message.rpartition(" - at `$") if " - at `$" in message else (message, "", "")
    inner = [each.partition("[")[0] for each in where.removesuffix("`").split(".") if each]
    if unknown := _UNKNOWN.fullmatch(what):
        return _unknown(unknown[1], [*place, *inner])
    reason = ""
    if missing := _MISSING.fullmatch(what):
        inner.append(missing[1])
        reason = f"is missing; must be {_allowed([*place, *inner])}"
    elif found := _WRONG.fullmatch(what):
        inner.append(found[1])
        reason = found[2]
    path = [*place, *inner]
    shown = _value(document, inner)
    return f"{'.'.join(path)}{shown}: {reason or f'must be {_allowed(path)}'}"


def _unknown(name: str, path: list[str]) -> str:
    allowed = _table(path).__struct_fields__
    near = difflib.get_close_matches(name, allowed, 1)
    hint = f"; did you mean {near[0]}?" if near else ""
    full = ".".join([*path, name])
    shown = full if full.isprintable() else repr(full)
    return f"{shown[:_SHOWN]}: unknown key{hint} (allowed: {', '.join(allowed)})"


def _table(path: list[str]) -> type[Struct]:
    return TABLES.get(path[0] if path else "", Config)


def _allowed(path: list[str]) -> str:
    """Return what the key at ``path`` must be."""
    name = path[2:] if path[0] == "servers" else path[1:] if path[0] in TABLES else path
    if not name:
        return "a table"
    return next(key.allowed for key in keys_of(_table(path)) if key.name == name[0])


def _value(document: Any, path: list[str]) -> str:
    """Return `` = VALUE`` for what the document has at ``path``, or nothing for a default."""
    value = document
    for name in path:
        try:
            value = value[name]
        except (KeyError, TypeError):
            return ""
    if isinstance(value, dict):
        return ""
    shown = json.dumps(value, default=str)
    return f" = {shown}" if len(shown) <= _SHOWN else f" = {shown[:_SHOWN]}..."
