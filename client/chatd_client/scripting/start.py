"""Which way of scripting the command line asks for."""

import contextlib
import os
from typing import Any, Final

import click

from chatd_client.companion import Companion
from chatd_client.exchange import Target
from chatd_client.scripting import loop
from chatd_client.scripting.executing import Executor
from chatd_client.scripting.output import write
from chatd_client.scripting.plain import PlainScript
from chatd_client.scripting.script import Script
from chatd_client.scripting.structured import StructuredScript

TIMEOUT: Final = 60.0
"""Seconds after the end of the input in which the server must have everything."""


def run(companion: Companion, target: Target, options: dict[str, Any]) -> int:
    """Do what ``options`` of the command line ask for; return the exit code."""
    once = options["once"]
    command = options["command"]
    show = _nothing if options["quiet"] or (command and not options["as_json"]) else write
    reads = not (options["listen"] or once or command) or options["as_json"]
    # With a command it is that which is done once.
    shows_once = once and not command
    script: Script
    if options["as_json"]:
        script = StructuredScript(companion, target, _complain, show, once=shows_once)
    elif reads and os.isatty(0):
        # Only here: a pipe has no use for it.
        from chatd_client.scripting.terminal import TerminalScript  # noqa: PLC0415

        script = TerminalScript(companion, target, _complain, show)
    else:
        script = PlainScript(companion, target, _complain, show, once=shows_once)
    executor = Executor(command, script, once=once) if command else None
    timeout = options["timeout"]
    return loop.run(
        companion,
        script,
        executor,
        reads=reads,
        timeout=timeout or TIMEOUT,
        patience=timeout if once else None,
    )


def _nothing(_: str) -> None:
    pass


def _complain(why: str) -> None:
    with contextlib.suppress(BrokenPipeError):
        click.echo(f"chat-client: {why}", err=True)
