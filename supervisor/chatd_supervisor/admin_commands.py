"""``chatd kick``, ``chatd say`` and ``chatd announce``. chatd(8)."""

from typing import Any

import click

from chatd_supervisor.amounts import amount
from chatd_supervisor.asking import ask
from chatd_supervisor.command_line import explain_errors, finding
from chatd_supervisor.invocation import Invocation
from chatd_workers.names import room_name


def wish(options: dict[str, Any], name: str, **what: Any) -> int:
    """Have the server do something; return how many it concerns."""
    socket = Invocation(**options).paths().control_socket
    return int(ask(socket, "administer", wish=name, **what)["concerned"])


def people(count: int) -> str:
    """Return ``count`` clients in words."""
    return amount(count, "client")


@click.command()
@finding
@click.argument("nick")
@click.argument("reason", nargs=-1)
@explain_errors
def kick(*, nick: str, reason: tuple[str, ...], **options: Any) -> None:
    """Put NICK off the server; REASON is told to everybody who sees it."""
    wish(options, "kick", nick=nick, reason=" ".join(reason) or "no reason given")
    click.echo(f"chatd: {nick} was put off")


@click.command()
@finding
@click.argument("room")
@click.argument("text", nargs=-1, required=True)
@explain_errors
def say(*, room: str, text: tuple[str, ...], **options: Any) -> None:
    """Say TEXT in ROOM, as the server."""
    named = room_name(room)
    count = wish(options, "say", room=named, text=" ".join(text))
    click.echo(f"chatd: said to {people(count)} in {named}")


@click.command()
@finding
@click.argument("text", nargs=-1, required=True)
@explain_errors
def announce(*, text: tuple[str, ...], **options: Any) -> None:
    """Tell TEXT to everybody."""
    count = wish(options, "announce", text=" ".join(text))
    click.echo(f"chatd: told to {people(count)}")
