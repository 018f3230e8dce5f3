"""What follows from the command line and the configuration together: whom to reach, and as whom.

What is said first holds:

==============  ===================================================================================
the options     of the command line
the table       [servers.NAME], if what stands for SERVER is such a name
the address     a URL may name who one is there, and a room
the file        what stands at its head, for all servers
the environment USER
==============  ===================================================================================

Rooms of the command line are not added to those of the configuration but stand instead of them: a
script talks in the room that it names. From an address a room is added.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from chatd_client.addressing import Address, parse_server
from chatd_client.exchange import Target
from chatd_client.habits.config import Config, Server
from chatd_client.habits.passwords import from_command, from_file, from_input
from chatd_client.habits.places import Places, expand
from chatd_workers.config_file import ConfigError
from chatd_workers.names import make_safe


class Options(NamedTuple):
    """What of the command line is about a server; what was not said is empty or None."""

    server: str = ""
    nick: str | None = ""
    rooms: tuple[str, ...] = ()
    tls: bool = False
    pin: str = ""
    ca_file: str = ""
    insecure: bool = False
    account: str = ""
    password_file: str = ""
    lab: bool | None = None
    log: bool | None = None


class Wish(NamedTuple):
    """Whom to reach, and where to write down what is said there."""

    target: Target
    log_dir: Path | None
    log_name: str
    """What the server's logs are called: its name, or its address as it was written."""


class NoServer(ValueError):
    """There is no server to talk to; ``str()`` is the sentence for people."""


def check_servers(config: Config) -> None:
    """See that every server's address can be read. Raises ConfigError."""
    for name, server in config.servers.items():
        try:
            parse_server(server.address)
        except ValueError as error:
            raise ConfigError(f"servers.{name}.address = {server.address!r}: {error}") from error
    default = config.server
    if default and default not in config.servers:
        try:
            parse_server(default)
        except ValueError as error:
            raise ConfigError(f"server = {default!r}: {error}") from error


def wish(
    options: Options,
    config: Config,
    places: Places,
    environ: Mapping[str, str] = os.environ,
    *,
    has_screen: bool,
) -> Wish:
    """Return what is wished for; commands for passwords are run.

    ``has_screen``: somebody looks, and wants to see what was said before. Only then what the
    configuration says about logs holds: a script that runs beside it would be told that they are
    another client's. Raises NoServer, ConfigError and NoPassword.
    """
    name = options.server or config.server
    if not name:
        raise NoServer(f"no server is named, and {places.config_file} has no key server")
    server = config.servers.get(name)
    where = "" if server is None else f"servers.{name}.address = {server.address!r}: "
    try:
        address = parse_server(name if server is None else server.address)
    except ValueError as error:
        raise NoServer(f"{where}{error}") from error
    found = server or Server(address=name)
    log_name = name if server is not None else name.rpartition("@")[2]
    wants_log = found.log if found.log is not None else config.logs.rooms
    if not has_screen:
        wants_log = False
    if options.log is not None:
        wants_log = options.log
    directory = expand(config.logs.directory) if config.logs.directory else places.log_dir
    return Wish(
        _target(options, config, address, found, environ, backlog=found.backlog * has_screen),
        directory if wants_log else None,
        log_name,
    )


def _target(
    options: Options,
    config: Config,
    address: Address,
    server: Server,
    environ: Mapping[str, str],
    *,
    backlog: int,
) -> Target:
    account = options.account or server.account
    ca_file = options.ca_file or (str(expand(server.ca_file)) if server.ca_file else "")
    secret_file = server.server_password_file
    return Target(
        host=address.host,
        port=address.port,
        unix=address.unix,
        tls=address.tls or options.tls or server.tls,
        pin=options.pin or server.pin,
        ca_file=ca_file,
        insecure=options.insecure or server.insecure,
        lab=server.lab if options.lab is None else options.lab,
        dialect=address.dialect,
        nick=options.nick or server.nick or address.nick or config.nick or _own_name(environ),
        realname=server.realname or config.realname,
        account=account,
        password=_password(options, server) if account else "",
        server_password=from_file(expand(secret_file)) if secret_file else "",
        rooms=tuple(dict.fromkeys((*address.rooms, *(options.rooms or server.rooms)))),
        backlog=backlog,
    )


def _password(options: Options, server: Server) -> str:
    if options.password_file == "-":  # noqa: S105  # it is where one is
        return from_input()
    if options.password_file:
        return from_file(Path(options.password_file))
    if options.account and options.account != server.account:
        raise ConfigError("--account needs --password-file")
    if server.password_file:
        return from_file(expand(server.password_file))
    return from_command(server.password_command)


def _own_name(environ: Mapping[str, str]) -> str:
    return make_safe(environ.get("USER", "")).replace(" ", "") or "guest"
