"""``chatd ps``. chatd(8)."""

import json
from typing import Any

import click

from chatd_supervisor.asking import ask
from chatd_supervisor.choosing import Wanted, chosen, ordered, parse_wanted
from chatd_supervisor.command_line import explain_errors, finding, json_option
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.tables import COLUMNS, format_sessions


def _wanted(_context: object, _option: object, given: tuple[str, ...]) -> list[Wanted]:
    try:
        return [parse_wanted(one) for one in given]
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


@click.command()
@finding
@json_option
@click.option("--sort", type=click.Choice(COLUMNS), help="By which column, not as they came.")
@click.option("--reverse", is_flag=True, help="Sort the other way round.")
@click.option(
    "--where",
    metavar="COLUMN=PATTERN",
    multiple=True,
    callback=_wanted,
    help="Only those whose column is so, as room='#ops' or nick='bot*'; repeatable.",
)
@explain_errors
def ps(
    *, as_json: bool, sort: str | None, reverse: bool, where: list[Wanted], **options: Any
) -> None:
    """List the clients and the processes that serve them."""
    sessions = ask(Invocation(**options).paths().control_socket, "ps")["sessions"]
    found = ordered(chosen(sessions, where), sort, reverse=reverse)
    click.echo(json.dumps(found, indent=2) if as_json else format_sessions(found))
