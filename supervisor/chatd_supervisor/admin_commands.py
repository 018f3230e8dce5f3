"""``chatd kick``, ``chatd say`` and ``chatd announce``. chatd(8)."""

from typing import Any

import click

from chatd_supervisor.asking import ask
from chatd_supervisor.command_line import explain_errors, finding
from chatd_supervisor.invocation import Invocation


def _wish(options: dict[str, Any], wish: str, **what: Any) -> int:
    socket = Invocation(**options).paths().control_socket
    return int(ask(socket, "administer", wish=wish, **what)["concerned"])


def _people(count: int) -> str:
    return "1 client" if count == 1 else f"{count} clients"


@click.command()
@finding
@click.argument("nick")
@click.argument("reason", nargs=-1)
@explain_errors
def kick(*, nick: str, reason: tuple[str, ...], **options: Any) -> None:
    """Put NICK off the server; REASON is told to everybody who sees it."""
    _wish(options, "kick", nick=nick, reason=" ".join(reason) or "no reason given")
    click.echo(f"chatd: {nick} was put off")


@click.command()
@finding
@click.argument("room")
@click.argument("text", nargs=-1, required=True)
@explain_errors
def say(*, room: str, text: tuple[str, ...], **options: Any) -> None:
    """Say TEXT in ROOM, as the server."""
    count = _wish(options, "say", room=room, text=" ".join(text))
    click.echo(f"chatd: said to {_people(count)} in {room}")


@click.command()
@finding
@click.argument("text", nargs=-1, required=True)
@explain_errors
def announce(*, text: tuple[str, ...], **options: Any) -> None:
    """Tell TEXT to everybody."""
    count = _wish(options, "announce", text=" ".join(text))
    click.echo(f"chatd: told to {_people(count)}")
