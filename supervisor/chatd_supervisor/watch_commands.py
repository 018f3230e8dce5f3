"""``chatd top`` and ``chatd tree``. chatd(8)."""

import json
import os
import sys
import time
from functools import partial
from typing import Any

import click

from chatd_supervisor import proc
from chatd_supervisor.asking import ask
from chatd_supervisor.command_line import explain_errors, fail, finding, json_option
from chatd_supervisor.exits import Exit
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.paths import Paths
from chatd_supervisor.top_rows import BY_TITLE, Look, draw, head, ordered, rows, table, tree


def _look(places: Paths) -> Look:
    """Return how the server is now. Raises ControlError."""
    status = ask(places.control_socket, "status")
    sessions = ask(places.control_socket, "ps")["sessions"]
    pids = [status["pid"], *(one["pid"] for one in sessions if one["pid"])]
    used = {pid: usage for pid in pids if (usage := proc.usage(pid)) is not None}
    return Look(time.monotonic(), status, sessions, used)


@click.command()
@finding
@click.option(
    "--sort",
    type=click.Choice(list(BY_TITLE)),
    default="cpu%",
    help="By which column the table is sorted at first.",
)
@click.option("--reverse", is_flag=True, help="Sort the other way round.")
@click.option(
    "--delay",
    metavar="SECONDS",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    help="How long from one look to the next.",
)
@click.option("--once", is_flag=True, help="Print the table once, as --times 1.")
@click.option(
    "-n", "--times", metavar="N", type=click.IntRange(1), help="Print the table N times, and end."
)
@explain_errors
def top(
    *, sort: str, reverse: bool, delay: float, once: bool, times: int | None, **options: Any
) -> None:
    """Watch the workers: who uses the machine, who talks, who waits."""
    look = partial(_look, Invocation(**options).paths())
    column = BY_TITLE[sort]
    if not once and times is None:
        if not (sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM")):
            fail(Exit.USAGE, "top needs a terminal; --once or -n N prints")
        look()  # that nobody answers at the start is told as by any other command
        from chatd_supervisor.top_screen import Screen  # noqa: PLC0415  # brings curses

        Screen(look, column, delay, reverse=reverse).run()
        return
    # Rates are of the time between two looks, so there is one before the first that is shown.
    before = look()
    for number in range(times or 1):
        time.sleep(delay)
        now = look()
        found = rows(now, before)
        if number:
            click.echo()
        lines = [*head(now, before, found), "", *table(ordered(found, column, reverse=reverse))]
        click.echo("\n".join(lines))
        before = now


@click.command("tree")
@finding
@json_option
@click.option(
    "--by",
    type=click.Choice(["room", "dialect"]),
    default="room",
    help="What the workers are grouped by.",
)
@explain_errors
def show_tree(*, as_json: bool, by: str, **options: Any) -> None:
    """Show the master and its workers as a tree."""
    socket = Invocation(**options).paths().control_socket
    found = tree(ask(socket, "status"), ask(socket, "ps")["sessions"], by)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(draw(found)))
