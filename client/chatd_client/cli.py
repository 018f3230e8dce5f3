"""The command ``chat-client``. chat-client(1)."""

import os
import sys

import click

from chatd_client.connecting import CannotConnect, connect, greets, parse_address
from chatd_client.exits import Exit
from chatd_client.processes import chat
from chatd_client.wires import ChatdWire, LabWire, Wire
from chatd_workers import __version__
from chatd_workers.names import is_safe, make_safe


def _check_nick(_context: click.Context, _option: click.Parameter, nick: str | None) -> str | None:
    """Refuse what would not fit into a line; all else is for the server to judge."""
    if nick is not None and not (nick.strip() and is_safe(nick)):
        raise click.BadParameter(f"{make_safe(nick)!r} cannot be a name")
    return nick


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("address", metavar="HOST[:PORT]")
@click.option("--nick", metavar="NAME", callback=_check_nick, help="Be called NAME.")
@click.option(
    "--lab/--no-lab",
    default=None,
    help="The server is the lab's, or is not; found out by itself if left out.",
)
@click.version_option(__version__, prog_name="chat-client", message="%(prog)s %(version)s")
def main(address: str, nick: str | None, lab: bool | None) -> None:
    """Chat on the server at HOST, port 5015 unless given.

    What is typed, or comes through a pipe, is said line by line; at its end the client leaves.
    """
    try:
        host, port = parse_address(address)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    try:
        _fill_standard_streams()
        sys.exit(_chat(host, port, nick, lab))
    except CannotConnect as error:
        click.echo(f"chat-client: {error}", err=True)
        sys.exit(error.code)
    except KeyboardInterrupt:
        sys.exit(Exit.INTERRUPTED)


def _fill_standard_streams() -> None:
    """Open whatever of the descriptors 0, 1 and 2 is closed, or the socket would become it."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _chat(host: str, port: int, nick: str | None, lab: bool | None) -> int:
    server = connect(host, port)
    if lab is None:
        lab = not greets(server)
    name = nick or make_safe(os.environ.get("USER", "")) or "guest"
    wire: Wire = LabWire(name) if lab else ChatdWire(nick)
    return chat(server, wire, name if lab else nick or "guest")
