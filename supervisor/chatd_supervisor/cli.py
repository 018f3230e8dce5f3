"""The command ``chatd``. chatd(8)."""

from chatd_supervisor.lean import lean_imports

with lean_imports():  # before click, which brings them along
    import logging
    import random  # noqa: F401
    import threading  # noqa: F401

import contextlib
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable
from functools import partial, wraps
from pathlib import Path
from typing import Any, NoReturn, ParamSpec

import click

from chatd_supervisor import __version__, control, paths
from chatd_supervisor.config import Config, ConfigError, load, split_address
from chatd_supervisor.daemon import Starter, daemonize
from chatd_supervisor.exits import Exit
from chatd_supervisor.logs import set_up
from chatd_supervisor.pidfile import AlreadyRunning, PidFile, holder
from chatd_supervisor.tables import format_sessions, format_status
from chatd_supervisor.title_room import ensure_title_room

P = ParamSpec("P")

log = logging.getLogger("chatd")

STOP_MARGIN = 5.0
"""Seconds that ``chatd stop`` waits beyond the server's own stop_timeout."""


class Setup:
    """What the options of a command say, and what follows from it."""

    def __init__(
        self,
        config: str | None = None,
        runtime_dir: str | None = None,
        state_dir: str | None = None,
        listen: tuple[str, ...] = (),
        log_level: str | None = None,
    ) -> None:
        self._file = _absolute(config)
        server = {
            "runtime_dir": _absolute(runtime_dir),
            "state_dir": _absolute(state_dir),
            "log_level": log_level,
        }
        self._overrides: dict[str, Any] = {
            "server": {key: value for key, value in server.items() if value is not None}
        }
        if listen:
            self._overrides["listen"] = [{"address": address} for address in listen]

    def config(self) -> Config:
        """Read the configuration. Raises ConfigError."""
        return load(self.file(), self._overrides)

    def file(self) -> Path | None:
        """Return the configuration file to read: the one named, or the first that exists."""
        if self._file is not None:
            return Path(self._file)
        home = os.environ.get("XDG_CONFIG_HOME") or str(Path.home() / ".config")
        for path in (Path(home, "chatd", "chatd.toml"), Path("/etc/chatd/chatd.toml")):
            if path.exists():
                return path
        return None

    def paths(self, config: Config) -> paths.Paths:
        """Return the directories to use."""
        return paths.find(config.server.runtime_dir, config.server.state_dir)


def _absolute(path: str | None) -> str | None:
    # A daemon leaves the directory it was started in.
    return os.path.abspath(path) if path is not None else None


def _fail(code: Exit, message: object) -> NoReturn:
    click.echo(f"chatd: {message}", err=True)
    sys.exit(code)


def _explained(command: Callable[P, None]) -> Callable[P, None]:
    """Turn the errors that a user can do something about into a sentence and an exit code."""

    @wraps(command)
    def explained(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except ConfigError as error:
            _fail(Exit.CONFIG, error)
        except control.NotRunning as error:
            _fail(Exit.NOT_RUNNING, error)
        except control.ControlError as error:
            _fail(Exit.FAILURE, error)

    return explained


def _options(*options: Callable[..., Any]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def add(command: Callable[..., None]) -> Callable[..., None]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


_finding = _options(
    click.option("--config", metavar="FILE", help="Read the configuration from FILE."),
    click.option("--runtime-dir", metavar="DIR", help="PID file and control socket are in DIR."),
)
_serving = _options(
    _finding,
    click.option("--state-dir", metavar="DIR", help="Keep the log and the like in DIR."),
    click.option("--listen", metavar="HOST:PORT", multiple=True, help="Listen there; repeatable."),
    click.option(
        "--log-level",
        type=click.Choice(["debug", "info", "warning", "error"]),
        help="How much is logged.",
    ),
)
_json = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatd", message="%(prog)s %(version)s")
def main() -> None:
    """Serve chats: n clients, n+1 processes, and a killed worker is never noticed."""


@main.command()
@_serving
@_explained
def run(**options: Any) -> None:
    """Serve in the foreground, logging to standard error."""
    ensure_title_room()
    sys.exit(_serve(Setup(**options), None))


@main.command()
@_serving
@_explained
def start(**options: Any) -> None:
    """Serve as a daemon; returns when it is ready or has failed."""
    ensure_title_room()
    sys.exit(_start(Setup(**options)))


@main.command()
@_finding
@_explained
def stop(**options: Any) -> None:
    """Stop the server: what has arrived is still said, clients are told."""
    if not _stop(Setup(**options)):
        sys.exit(Exit.NOT_RUNNING)


@main.command()
@_serving
@_explained
def restart(**options: Any) -> None:
    """Stop the server if it runs, and start it."""
    ensure_title_room()
    setup = Setup(**options)
    _stop(setup)
    sys.exit(_start(setup))


@main.command()
@_finding
@_explained
def reload(**options: Any) -> None:
    """Have the server read its configuration again, dropping nobody."""
    for warning in _ask(Setup(**options), "reload")["warnings"]:
        click.echo(f"chatd: {warning}", err=True)
    click.echo("chatd: configuration reloaded")


@main.command()
@_finding
@_json
@_explained
def status(as_json: bool, **options: Any) -> None:
    """Tell how the server is."""
    answer = _ask(Setup(**options), "status")
    click.echo(json.dumps(answer, indent=2) if as_json else format_status(answer))


@main.command()
@_finding
@_json
@_explained
def ps(as_json: bool, **options: Any) -> None:
    """List the clients and the processes that serve them."""
    sessions = _ask(Setup(**options), "ps")["sessions"]
    click.echo(json.dumps(sessions, indent=2) if as_json else format_sessions(sessions))


@main.command("check-config")
@click.option("--config", metavar="FILE", help="Read the configuration from FILE.")
@_explained
def check_config(config: str | None) -> None:
    """Read the configuration and say whether it can be used."""
    setup = Setup(config=config)
    setup.config()
    file = setup.file()
    click.echo(f"{file}: can be used" if file else "no configuration file: defaults are used")


def _ask(setup: Setup, request: str) -> dict[str, Any]:
    return control.ask(setup.paths(setup.config()).control_socket, request)


def _start(setup: Setup) -> int:
    setup.config()  # an error in it is for the caller's eyes, before anything forks
    return daemonize(partial(_serve, setup))


def _serve(setup: Setup, starter: Starter | None) -> int:
    """Serve until told to stop; return the exit code. With a starter, as a daemon."""

    def failed(code: Exit, error: object) -> int:
        if starter is not None:
            starter.tell(code, f"chatd: {error}")
        click.echo(f"chatd: {error}", err=True)
        return code

    with lean_imports():
        # Only here: the commands that ask do not pay for the server's imports.
        from chatd_supervisor.listeners import ListenError  # noqa: PLC0415
        from chatd_supervisor.master import Master  # noqa: PLC0415
    try:
        config = setup.config()
        places = setup.paths(config)
        paths.prepare(places)
        set_up(config.server.log_level, places.log_file if starter is not None else None)
        pid_file = PidFile(places.pid_file)
        pid_file.acquire()
    except ConfigError as error:
        return failed(Exit.CONFIG, error)
    except AlreadyRunning as error:
        return failed(Exit.ALREADY_RUNNING, f"{error} (chatd status tells more)")
    except OSError as error:
        return failed(Exit.CANNOT_CREATE, error)

    def ready() -> None:
        log.info("ready: chatd %s, pid %d, in %s", __version__, os.getpid(), places.runtime_dir)
        if all(_is_loopback(listen.address) for listen in config.listen):
            log.info("only this machine can connect; --listen :5015 opens it to others")
        if starter is not None:
            starter.tell(Exit.OK, f"chatd: started, pid {os.getpid()}, log {places.log_file}")

    try:
        return Master(config, places, setup.config).run(ready)
    except ListenError as error:
        return failed(Exit.UNAVAILABLE, error.strerror)
    except OSError as error:
        return failed(Exit.CANNOT_CREATE, error)
    finally:
        pid_file.release()


def _stop(setup: Setup) -> bool:
    """Stop the server and wait until it is gone; return whether there was one."""
    config = setup.config()
    places = setup.paths(config)
    pid = holder(places.pid_file)
    if not pid:
        click.echo(f"chatd is not running in {places.runtime_dir}", err=True)
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    with contextlib.closing(os.fdopen(process, "rb", buffering=0)):
        try:
            control.ask(places.control_socket, "stop")
        except control.ControlError:
            # It does not answer (hung, or its socket was removed): a signal reaches it still.
            signal.pidfd_send_signal(process, signal.SIGTERM)
        patience = config.limits.stop_timeout + STOP_MARGIN
        gone = select.poll()
        gone.register(process, select.POLLIN)
        begun = time.monotonic()
        if not gone.poll(patience * 1000):
            _fail(Exit.FAILURE, f"pid {pid} has not stopped within {patience:g} s; kill -9 {pid}")
    click.echo(f"chatd: stopped, pid {pid}, in {time.monotonic() - begun:.1f} s")
    return True


def _is_loopback(address: str) -> bool:
    host, _ = split_address(address)
    return host in ("localhost", "::1") or host.startswith("127.")
