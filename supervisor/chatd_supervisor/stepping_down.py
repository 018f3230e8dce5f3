"""What a server that is started as root does as root, before it becomes ``server.user``.

Only what an ordinary user may not: make the two directories, if they are not there, and listen on
ports below 1024. Everything else, from the PID file to the journal, is made by the user, so that
nothing is left over that it cannot change. That includes a master that is started after a crash:
so whatever that one needs, the configuration and the program itself, must be readable to the user,
which is looked at now rather than then.
"""

import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import chatd_supervisor
import chatd_workers
from chatd_supervisor.addresses import split_address
from chatd_supervisor.config import Config
from chatd_supervisor.invocation import Invocation, paths_of
from chatd_supervisor.lean import lean_imports
from chatd_supervisor.logbook import note
from chatd_supervisor.paths import hand_over
from chatd_supervisor.privileges import (
    Identity,
    PrivilegeError,
    give_up_root,
    identity,
    make_sure,
    user_name,
)

PRIVILEGED: Final = 1024
"""Ports below are root's (ip(7), ip_unprivileged_port_start)."""


def step_down(invocation: Invocation, config: Config) -> dict[str, int]:
    """Become ``server.user`` if this is root and one is configured.

    Returns the sockets that were bound before, by the names a master knows them by. Raises
    ConfigError, PathError, ListenError, PrivilegeError; after any of them this process must end.
    """
    if os.geteuid() or not config.server.user:
        return {}
    who = identity(config.server.user)
    for directory in paths_of(config):
        hand_over(directory, who.uid, who.gid)
    bound = _bind(config)
    invocation.pin()
    needed = _needed(invocation)
    os.chdir("/")
    give_up_root(who)
    # Before anything else is imported, or a codec, which could not be read any more.
    _check_reach(who, needed)
    make_sure(who)
    return bound


def tell_user(config: Config) -> None:
    """Say in the log what is to be said of the user that this server is of."""
    wanted = config.server.user
    if not os.geteuid():
        how = (
            "chatd restart --full goes by it" if wanted else "set server.user in the configuration"
        )
        note("runs as root", hint=how)
    elif wanted and wanted != user_name(os.geteuid()):
        note("user not taken", user=user_name(os.geteuid()), configured=wanted)


def _bind(config: Config) -> dict[str, int]:
    if os.environ.get("LISTEN_PID") == str(os.getpid()):
        return {}  # a service manager has bound them
    with lean_imports():
        # Only here: the commands that ask do not pay for the server's imports.
        from chatd_supervisor.listeners import bind  # noqa: PLC0415
        from chatd_supervisor.ports import each_address, name_of  # noqa: PLC0415

    return {
        name_of(each): bind(each, config.limits.accept_backlog).detach()
        for listen in config.listen
        if not listen.unix_path and 0 < split_address(listen.address)[1] < PRIVILEGED
        for each in each_address(listen)
    }


def _needed(invocation: Invocation) -> list[tuple[Path, int]]:
    """Return what a master after this one must reach, of what is there, and how (access(2))."""
    packages: Iterable[str] = [*chatd_supervisor.__path__, *chatd_workers.__path__]
    found = [Path(sys.executable), *map(Path, [*sys.path, *packages])]
    config = invocation.file()
    if config is not None:
        found.append(config)
    return [
        (path.resolve(), os.R_OK | os.X_OK if path.is_dir() else os.R_OK)
        for path in found
        if path.exists()
    ]


def _check_reach(who: Identity, needed: Iterable[tuple[Path, int]]) -> None:
    for path, mode in needed:
        if not os.access(path, mode):
            raise PrivilegeError(
                f"{who.name} (server.user) may not read {path}, which a server needs to go on: "
                f"{_blocker(path)}"
            )


def _blocker(path: Path) -> str:
    """Return in words what keeps us from ``path``: the first of its parents, or itself."""
    for directory in reversed(path.parents):
        if not os.access(directory, os.X_OK):
            return f"{directory} is closed to it"
    return "chgrp or chmod it"
