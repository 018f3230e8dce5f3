"""The command ``chat-client``. chat-client(1)."""

import os
import sys
from pathlib import Path
from typing import Any

import click
import setproctitle

from chatd_client.companion import Companion
from chatd_client.exchange import Target
from chatd_client.exits import Exit
from chatd_client.habits import places
from chatd_client.habits.completing import servers
from chatd_client.habits.config import PIN, Config, load
from chatd_client.habits.passwords import NoPassword
from chatd_client.habits.wishes import NoServer, Options, Wish, check_servers, wish
from chatd_client.helping import Helpful
from chatd_client.reader_process import ReaderProcess
from chatd_client.restoring import Terminal
from chatd_workers import __version__
from chatd_workers.config_file import ConfigError
from chatd_workers.names import is_safe, make_safe
from chatd_workers.titles import clip, printable


def _check_nick(_context: click.Context, _option: click.Parameter, nick: str | None) -> str | None:
    """Refuse what would not fit into a line; all else is for the server to judge."""
    if nick is not None and not (nick.strip() and " " not in nick and is_safe(nick)):
        raise click.BadParameter(f"{make_safe(nick)!r} cannot be a name")
    return nick


def _check_rooms(
    _context: click.Context, _option: click.Parameter, rooms: tuple[str, ...]
) -> tuple[str, ...]:
    for room in rooms:
        if not room or not is_safe(room) or "," in room:
            raise click.BadParameter(f"{make_safe(room)!r} cannot be a room")
    return tuple(room if room[0] in "#&+!" else f"#{room}" for room in rooms)


def _check_pin(_context: click.Context, _option: click.Parameter, pin: str) -> str:
    if pin and not PIN.fullmatch(pin):
        raise click.BadParameter("must be the SHA-256 of a certificate, 64 hexadecimal digits")
    return pin


@click.command(cls=Helpful, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("server", default="", shell_complete=servers)
@click.option("--nick", metavar="NAME", callback=_check_nick)
@click.option("--room", "rooms", metavar="ROOM", multiple=True, callback=_check_rooms)
@click.option("--account", metavar="NAME", default="")
@click.option("--password-file", metavar="FILE", type=click.Path(allow_dash=True), default="")
@click.option("--tls", is_flag=True)
@click.option("--pin", metavar="SHA256", default="", callback=_check_pin)
@click.option("--ca-file", metavar="FILE", type=click.Path(), default="")
@click.option("--insecure", is_flag=True)
@click.option("--lab/--no-lab", default=None)
@click.option("--plain", is_flag=True)
@click.option("--no-color", is_flag=True)
@click.option("--json", "as_json", is_flag=True)
@click.option("--exec", "command", metavar="CMD")
@click.option("--once", is_flag=True)
@click.option("--listen", is_flag=True)
@click.option("-q", "--quiet", is_flag=True)
@click.option("--timeout", metavar="SECONDS", type=click.FloatRange(min=0, min_open=True))
@click.option("--log/--no-log", default=None)
@click.option("--config", metavar="FILE", type=click.Path())
@click.option("--check-config", is_flag=True)
@click.version_option(__version__, prog_name="chat-client", message="%(prog)s %(version)s")
def main(**options: Any) -> None:
    """Chat. What the options mean stands in ``helping``, for it has to fit one screen."""
    try:
        _fill_standard_streams()
        sys.exit(_run(options))
    except NoServer as error:
        raise click.UsageError(str(error)) from error
    except (ConfigError, NoPassword) as error:
        click.echo(f"chat-client: {error}", err=True)
        sys.exit(Exit.CONFIG)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _run(options: dict[str, Any]) -> int:
    """Do what is asked for; return the exit code."""
    there = places.find()
    named = options["config"]
    file = Path(named or there.config_file)
    config = load(file, must_exist=named is not None or options["check_config"])
    if options["check_config"]:
        check_servers(config)
        click.echo(f"{file} can be used")
        return Exit.OK
    wanted = Options(**{name: options[name] for name in Options._fields})
    has_screen = _has_screen(options)
    wished = wish(wanted, config, there, has_screen=has_screen)
    return _chat(wished, config, options, has_screen=has_screen)


def _has_screen(options: dict[str, Any]) -> bool:
    wants_lines = any(
        options[each] for each in ("plain", "as_json", "command", "once", "listen", "quiet")
    )
    return (
        not wants_lines
        and os.isatty(0)
        and os.isatty(1)
        and os.environ.get("TERM", "dumb") not in ("", "dumb")
    )


def _fill_standard_streams() -> None:
    """Open whatever of the descriptors 0, 1 and 2 is closed, or the socket would become it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _chat(wished: Wish, config: Config, options: dict[str, Any], *, has_screen: bool) -> int:
    target = wished.target
    title = clip(f"chat-client: {printable(target.nick)}")
    terminal = Terminal() if has_screen else None
    companion: Companion = ReaderProcess(target, title, terminal)
    setproctitle.setproctitle(title)
    if wished.log_dir is not None:
        from chatd_client.habits.logging_companion import logged  # noqa: PLC0415

        companion = logged(companion, wished.log_dir, wished.log_name)
    try:
        if has_screen:
            return _show(companion, target, config, options)
        from chatd_client.scripting import start  # noqa: PLC0415

        return start.run(companion, target, options)
    finally:
        companion.close()


def _show(companion: Companion, target: Target, config: Config, options: dict[str, Any]) -> int:
    from chatd_client.screen.app import ScreenSettings, run  # noqa: PLC0415  # 0.1 s

    screen = config.screen
    settings = ScreenSettings(
        theme="mono" if options["no_color"] else screen.theme,
        vi=screen.keys == "vi",
        mouse=screen.mouse,
        notify=screen.notify,
        words=screen.words,
        history=places.find().history_file if screen.history else None,
        typing=screen.typing,
        rooms=target.rooms,
    )
    return run(companion, settings)
