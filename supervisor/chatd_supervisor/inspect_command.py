"""``chatd inspect``: what the master, the kernel and /proc tell of one session. chatd(8)."""

import json
from pathlib import Path
from typing import Any

import click

from chatd_supervisor import process_view, tcp_info
from chatd_supervisor.asking import ask
from chatd_supervisor.command_line import explain_errors, finding, json_option
from chatd_supervisor.inspect_text import text
from chatd_supervisor.invocation import Invocation

TRIES = 3
"""Looks at a session whose worker is another one each time."""


def examine(control: Path, who: str) -> dict[str, Any]:
    """Return all that is known of ``who``. Raises ControlError."""
    session = ask(control, "inspect", who=who)
    for _ in range(TRIES):
        process = process_view.look(session["pid"]) if session["pid"] else None
        # By its number: between two looks it may be called otherwise, and have another worker,
        # whose predecessor's pid may be anybody's by now.
        again = ask(control, "inspect", who=f"#{session['session']}")
        if again["pid"] == session["pid"]:
            break
        session, process = again, None
    info = session["socket"].pop("info")
    directory = session.pop("quarantine")
    return {
        "session": session,
        "tcp": tcp_info.read(bytes.fromhex(info)) if info else None,
        "process": process,
        "quarantined": quarantined(Path(directory), session["session"]),
    }


def quarantined(directory: Path, session: int) -> list[str] | None:
    """Return the files in ``directory`` with lines of ``session``; None if we may not look."""
    try:
        return sorted(map(str, directory.glob(f"*-session{session}-*")))
    except OSError:
        return None


@click.command()
@finding
@json_option
@click.argument("who")
@explain_errors
def inspect(*, as_json: bool, who: str, **options: Any) -> None:
    """Show all there is to know of WHO: a nick, a worker's pid, or '#3', a session."""
    found = examine(Invocation(**options).paths().control_socket, who)
    click.echo(json.dumps(found, indent=2) if as_json else text(found))
