"""``chatd trace``: what one client says and is told, as it happens. chatd(8)."""

import json
import signal
import sys
from typing import Any

import click

from chatd_supervisor.asking import NotRunning, follow
from chatd_supervisor.command_line import explain_errors, fail, finding
from chatd_supervisor.exits import Exit
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.trace_text import heading, line


@click.command()
@finding
@click.option("--json", "as_json", is_flag=True, help="Answer in JSON, an object a line.")
@click.option("--text", is_flag=True, help="Show what people say, not only how much.")
@click.argument("who")
@explain_errors
def trace(*, as_json: bool, text: bool, who: str, **options: Any) -> None:
    """Follow WHO (a nick, a worker's pid, or '#3', a session) until Ctrl-C, or until it leaves.

    It is noted in the log, and with --text the client is told.
    """
    # Ends as tail(1) does, without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    records = follow(Invocation(**options).paths().control_socket, "trace", who=who, text=text)
    first = next(records)
    click.echo(json.dumps({"kind": "begin", **first}) if as_json else heading(first))
    try:
        for record in records:
            click.echo(json.dumps(record) if as_json else line(record))
            if record["kind"] == "end":
                sys.exit(Exit.OK if record["over"] else Exit.FAILURE)
    except NotRunning as error:
        hint = "whoever was followed may be connected still: trace again when there is another"
        fail(Exit.NOT_RUNNING, f"{error}; {hint}")
