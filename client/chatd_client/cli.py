"""The command ``chat-client``. chat-client(1)."""

import os
import sys
from typing import Any

import click
import setproctitle

from chatd_client.addressing import Address, parse_server
from chatd_client.exchange import Target
from chatd_client.exits import Exit
from chatd_client.reader_process import ReaderProcess
from chatd_workers import __version__
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


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("server")
@click.option("--nick", metavar="NAME", callback=_check_nick, help="Be called NAME.")
@click.option(
    "--room", "rooms", metavar="ROOM", multiple=True, callback=_check_rooms, help="Come into ROOM."
)
@click.option("--tls", is_flag=True, help="Speak TLS.")
@click.option("--pin", metavar="SHA256", default="", help="The certificate's fingerprint.")
@click.option("--ca-file", metavar="FILE", default="", help="Authorities to trust.")
@click.option("--insecure", is_flag=True, help="Take any certificate.")
@click.option("--account", metavar="NAME", default="", help="Log in, with:")
@click.option("--password-file", metavar="FILE", type=click.File("r"), help="First line of FILE.")
@click.option("--lab/--no-lab", default=None, help="It is the lab's server, or not.")
@click.option("--plain", is_flag=True, help="Lines instead of a screen.")
@click.option("--json", "as_json", is_flag=True, help="JSON in and out, an object a line.")
@click.option("--exec", "command", metavar="CMD", help="Run CMD for each message.")
@click.option("--once", is_flag=True, help="Leave after the first message.")
@click.option("--listen", is_flag=True, help="Read no input, show what is said.")
@click.option("-q", "--quiet", is_flag=True, help="Show nothing.")
@click.option(
    "--timeout",
    metavar="SECONDS",
    type=click.FloatRange(min=0, min_open=True),
    help="Give up so long after the end of input.",
)
@click.version_option(__version__, prog_name="chat-client", message="%(prog)s %(version)s")
def main(server: str, **options: Any) -> None:
    """Chat on SERVER: HOST[:PORT], chat[s]://HOST, irc[s]://HOST or unix:PATH.

    On a terminal there is a screen, with /help. In a pipe each line is said.
    """
    try:
        target = _target(parse_server(server), options)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        _fill_standard_streams()
        sys.exit(_chat(target, options))
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _target(address: Address, options: dict[str, Any]) -> Target:
    password = ""
    if options["password_file"] is not None:
        password = options["password_file"].readline().rstrip("\r\n")
    if options["account"] and not password:
        raise ValueError("--account needs --password-file")
    lab = options["lab"]
    pin = options["pin"].replace(":", "").lower()
    if pin and (len(pin) != 64 or not all(char in "0123456789abcdef" for char in pin)):
        raise ValueError("--pin is the SHA-256 of the certificate: 64 hexadecimal digits")
    return Target(
        host=address.host,
        port=address.port,
        unix=address.unix,
        tls=address.tls or options["tls"],
        pin=pin,
        ca_file=options["ca_file"],
        insecure=options["insecure"],
        lab=lab,
        dialect=address.dialect,
        nick=options["nick"] or address.nick or _own_name(),
        account=options["account"],
        password=password,
        rooms=(*address.rooms, *options["rooms"]),
        backlog=200 if _has_screen(options) else 0,
    )


def _own_name() -> str:
    return make_safe(os.environ.get("USER", "")).replace(" ", "") or "guest"


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


def _chat(target: Target, options: dict[str, Any]) -> int:
    title = clip(f"chat-client: {printable(target.nick)}")
    companion = ReaderProcess(target, title)
    setproctitle.setproctitle(title)
    try:
        if _has_screen(options):
            from chatd_client.screen.app import ScreenSettings, run  # noqa: PLC0415  # 0.1 s

            return run(companion, ScreenSettings(rooms=target.rooms))
        from chatd_client.scripting import start  # noqa: PLC0415

        return start.run(companion, target, options)
    finally:
        companion.close()
