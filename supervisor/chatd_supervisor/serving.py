"""From a command to a serving master and back: what ``chatd run`` and ``chatd start`` do."""

import logging
import os
from functools import partial

import click

from chatd_supervisor import __version__
from chatd_supervisor.config import Config, ConfigError, split_address
from chatd_supervisor.daemon import Starter, daemonize
from chatd_supervisor.exits import Exit
from chatd_supervisor.invocation import Invocation, paths_of
from chatd_supervisor.lean import lean_imports
from chatd_supervisor.logs import LogHandler, set_up
from chatd_supervisor.paths import Paths, prepare
from chatd_supervisor.pidfile import AlreadyRunning, PidFile

log = logging.getLogger("chatd")


def start(invocation: Invocation) -> int:
    """Serve as a daemon; return, when it is ready or has failed, the exit code.

    Raises ConfigError: an error in the configuration is seen before anything forks.
    """
    invocation.config()
    return daemonize(partial(serve, invocation))


def serve(invocation: Invocation, starter: Starter | None) -> int:
    """Serve until told to stop; return the exit code. With a starter, as a daemon."""
    try:
        config = invocation.config()
        places = paths_of(config)
        prepare(places)
        pid_file = PidFile(places.pid_file)
        pid_file.acquire()
    except ConfigError as error:
        return _failed(starter, Exit.CONFIG, error)
    except AlreadyRunning as error:
        return _failed(starter, Exit.ALREADY_RUNNING, f"{error} (chatd status tells more)")
    except OSError as error:
        return _failed(starter, Exit.CANNOT_CREATE, error)

    try:
        return _run(invocation, config, places, starter)
    finally:
        pid_file.release()


def _run(invocation: Invocation, config: Config, places: Paths, starter: Starter | None) -> int:
    with lean_imports():
        # Only here: the commands that ask do not pay for the server's imports.
        from chatd_supervisor.listeners import ListenError  # noqa: PLC0415
        from chatd_supervisor.master import Master  # noqa: PLC0415

    def load_config() -> Config:
        # A reload is when a log that was moved away is begun anew, so before anything is logged.
        _reopen(handler)
        return invocation.config()

    try:
        handler = set_up(config.server.log_level, places.log_file if starter else None)
        return Master(config, places, load_config).run(partial(_ready, config, places, starter))
    except ListenError as error:
        return _failed(starter, Exit.UNAVAILABLE, error.strerror)
    except OSError as error:
        log.critical("ended: %s", error, exc_info=True)
        return _failed(starter, Exit.CANNOT_CREATE, error)
    except Exception as error:
        log.critical("ended by a fault in chatd", exc_info=True)
        return _failed(starter, Exit.SOFTWARE, f"ended by a fault in chatd: {error!r}")


def _failed(starter: Starter | None, code: Exit, error: object) -> int:
    """Say why to whoever started it, and return ``code``."""
    if starter is not None:
        log.error("%s", error)
        starter.tell(code, f"chatd: {error}")
    else:
        click.echo(f"chatd: {error}", err=True)
    return code


def _reopen(handler: LogHandler) -> None:
    try:
        handler.reopen()
    except OSError as error:
        log.error("the log cannot be opened again, going on in the old one: %s", error)


def _ready(config: Config, places: Paths, starter: Starter | None) -> None:
    log.info("ready: chatd %s, pid %d, in %s", __version__, os.getpid(), places.runtime_dir)
    if all(_is_loopback(listen.address) for listen in config.listen):
        port = split_address(config.listen[0].address)[1]
        log.info("only this machine can connect; --listen :%d opens it to others", port or 5015)
    if starter is not None:
        starter.tell(Exit.OK, f"chatd: started, pid {os.getpid()}, log {places.log_file}")


def _is_loopback(address: str) -> bool:
    host, _ = split_address(address)
    return host in ("localhost", "::1") or host.startswith("127.")
