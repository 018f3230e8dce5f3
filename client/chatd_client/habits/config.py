"""The configuration of chat-client: its keys, their types, limits and documentation, in one table.

chat-client.toml(5) is held against these structures by a test.
"""

import re
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from chatd_workers.config_file import SHOWN, ConfigError, Form, parse
from chatd_workers.config_keys import keys_of, said, wrong
from chatd_workers.names import is_safe

SERVER_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")

PATH: Final = "a path that is absolute or begins with ~/"
A_PATH: Final = re.compile(r"/|~/.")
"""How such a path begins."""

PIN: Final = re.compile(r"(?:sha256:?)?(?:[0-9a-f]{2}:?){32}", re.IGNORECASE)


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


FORM: Final = Form(
    tables={"": Config, "screen": Screen, "logs": Logs, "servers": Server},
    arrays={"servers": "tables [servers.NAME]"},
    named=frozenset({"servers"}),
)


def load(path: Path | None, *, must_exist: bool = True) -> Config:
    """Return the configuration in ``path``; None, or not there and ``must_exist`` not: defaults.

    Raises ConfigError.
    """
    if path is None:
        return Config()
    try:
        document = parse(path)
    except ConfigError as error:
        if not must_exist and isinstance(error.__cause__, FileNotFoundError):
            return Config()
        raise
    try:
        return _convert(document)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from error


def _convert(document: dict[str, Any]) -> Config:
    # One by one, for msgspec would not say which of the servers it means.
    servers = document.get("servers", {})
    if not isinstance(servers, dict):
        raise ConfigError(f"servers: must be {FORM.arrays['servers']}")
    config = FORM.convert({**document, "servers": {}}, Config)
    found = {}
    for name, table in servers.items():
        if not SERVER_NAME.fullmatch(name):
            shown = name if name.isprintable() else repr(name)
            raise ConfigError(f"servers.{shown[:SHOWN]}: must be {_NAMED}")
        found[name] = FORM.convert(table, Server, f"servers.{name}")
    return msgspec.structs.replace(config, servers=found)


_NAMED: Final = "named with up to 63 letters, digits, - and _"
