"""The command ``chat-client``. chat-client(1)."""

import os
import sys

import click

from chatd_client.connecting import CannotConnect, connect, greets, parse_address
from chatd_client.processes import chat
from chatd_client.wires import ChatdWire, LabWire, Wire
from chatd_workers import __version__


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("address", metavar="HOST[:PORT]")
@click.option("--nick", metavar="NAME", help="Be called NAME.")
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
        server = connect(host, port)
        if lab is None:
            lab = not greets(server)
    except CannotConnect as error:
        click.echo(f"chat-client: {error}", err=True)
        sys.exit(error.code)
    name = nick or os.environ.get("USER") or "guest"
    wire: Wire = LabWire(name) if lab else ChatdWire(nick)
    sys.exit(chat(server, wire, nick or (name if lab else "guest")))
