"""The command ``chatd``. chatd(8)."""

import sys

from chatd_supervisor.deferred_signals import defer_signals

if sys.argv[1:2] == ["run"]:
    defer_signals()  # before what takes long

from chatd_supervisor.lean import lean_imports

with lean_imports():  # before click, which brings them along
    import logging  # noqa: F401
    import random  # noqa: F401
    import threading  # noqa: F401
    import uuid  # noqa: F401

import datetime as dt
import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, get_args

import click

from chatd_supervisor import __version__
from chatd_supervisor.account_commands import account, hash_password
from chatd_supervisor.addresses import check_address
from chatd_supervisor.admin_commands import announce, kick, say
from chatd_supervisor.amounts import amount
from chatd_supervisor.asking import NotRunning, ask
from chatd_supervisor.backups import back_up
from chatd_supervisor.ban_commands import ban, bans, exempt, unban, unexempt
from chatd_supervisor.certificates import check_certificates
from chatd_supervisor.command_line import (
    config_option,
    explain_errors,
    fail,
    finding,
    json_option,
    options_of,
    state_option,
)
from chatd_supervisor.config import LogFormat, LogLevel
from chatd_supervisor.config_warnings import sentences
from chatd_supervisor.daemon import Starter, open_standard_descriptors
from chatd_supervisor.exits import Exit
from chatd_supervisor.history import Question, parse_when, recall
from chatd_supervisor.history import as_json as show_json
from chatd_supervisor.history import as_text as show_text
from chatd_supervisor.history import follow as follow_room
from chatd_supervisor.inspect_command import inspect
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.journal import Entry
from chatd_supervisor.metrics_commands import metrics
from chatd_supervisor.paths import Paths
from chatd_supervisor.privileges import identity
from chatd_supervisor.ps_command import ps
from chatd_supervisor.replacing import upgrade as upgrade_server
from chatd_supervisor.restoring import restore as restore_backup
from chatd_supervisor.serving import serve
from chatd_supervisor.serving import start as start_daemon
from chatd_supervisor.serving import supervise as become_supervisor
from chatd_supervisor.stopping import end_waiting
from chatd_supervisor.stopping import stop as stop_server
from chatd_supervisor.tables import format_config, format_status
from chatd_supervisor.title_room import ensure_title_room
from chatd_supervisor.trace_command import trace
from chatd_supervisor.watch_commands import show_tree, top
from chatd_workers.names import LOBBY, room_name

LINES_A_WRITE: Final = 1000
"""Lines of history that are written at once."""


def _addresses(_context: object, _option: object, given: tuple[str, ...]) -> tuple[str, ...]:
    for address in given:
        try:
            check_address(address)
        except ValueError as error:
            raise click.BadParameter(f"{address}: {error}") from error
    return given


_serving = options_of(
    finding,
    state_option,
    click.option(
        "--listen",
        metavar="HOST:PORT",
        multiple=True,
        callback=_addresses,
        help="Listen there, instead of where the configuration says; repeatable.",
    ),
    click.option("--log-level", type=click.Choice(get_args(LogLevel)), help="How much is logged."),
    click.option("--log-format", type=click.Choice(get_args(LogFormat)), help="How it is logged."),
)
_profile = click.option(
    "--supervise/--plain",
    default=None,
    help="With a supervisor, which starts the next master when one dies, or without.",
)


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="chatd", message="%(prog)s %(version)s")
def main() -> None:
    """Serve chats: a process for each client, and a killed one is never noticed."""


@main.command()
@_serving
@_profile
@explain_errors
def run(supervise: bool | None, **options: Any) -> None:
    """Serve in the foreground, logging to standard error; plain unless --supervise."""
    invocation = Invocation(**options)
    open_standard_descriptors()
    ensure_title_room()
    if supervise:
        sys.exit(become_supervisor(invocation, None))
    sys.exit(serve(invocation, Starter.from_environment()))


@main.command()
@_serving
@_profile
@explain_errors
def start(supervise: bool | None, **options: Any) -> None:
    """Serve as a daemon, supervised unless --plain; returns when it is ready or has failed."""
    ensure_title_room()
    sys.exit(start_daemon(Invocation(**options), supervised=supervise is not False))


@main.command()
@finding
@state_option
@explain_errors
def stop(**options: Any) -> None:
    """Stop the server: what has arrived is still said, clients are told."""
    invocation = Invocation(**options)
    if not _stop(invocation):
        places = invocation.paths()
        if ended := end_waiting(places):
            click.echo(
                f"chatd: no master was running; ended {amount(ended, 'worker')} that waited for one"
            )
        else:
            fail(Exit.NOT_RUNNING, f"not running in {places.runtime_dir}")


@main.command()
@_serving
@_profile
@click.option("--full", is_flag=True, help="Stop and start, which disconnects everybody.")
@explain_errors
def restart(supervise: bool | None, full: bool, **options: Any) -> None:
    """Replace the running server, with these options and its clients; start it if none runs."""
    ensure_title_room()
    invocation = Invocation(**options)
    try:
        running = ask(invocation.paths().control_socket, "status")
    except NotRunning:
        supervised = True
    else:
        invocation = invocation.over(running["options"])
        supervised = running["supervisor"] is not None
        if full:
            where = Paths(Path(running["runtime_dir"]), Path(running["state_dir"]))
            invocation = invocation.in_directories_of(where)
    if supervise is not None:
        supervised = supervise
    invocation.config()  # one that cannot be used must not cost the running server
    if not full:
        try:
            _upgrade(invocation, invocation.options())
        except NotRunning:
            pass
        else:
            return
    _stop(invocation)
    sys.exit(start_daemon(invocation, supervised=supervised))


@main.command()
@finding
@explain_errors
def upgrade(**options: Any) -> None:
    """Have the running server go on with this program: master first, then every worker."""
    _upgrade(Invocation(**options), None)


@main.command()
@finding
@explain_errors
def reload(**options: Any) -> None:
    """Have the server read its configuration again, dropping nobody."""
    for warning in _ask(Invocation(**options), "reload")["warnings"]:
        click.echo(f"chatd: {warning}", err=True)
    click.echo("chatd: configuration reloaded")


@main.command()
@finding
@json_option
@explain_errors
def status(as_json: bool, **options: Any) -> None:
    """Tell how the server is."""
    answer = _ask(Invocation(**options), "status")
    click.echo(json.dumps(answer, indent=2) if as_json else format_status(answer))


@main.command()
@finding
@state_option
@click.argument("room", default=LOBBY)
@click.option("--since", metavar="WHEN", help="Not what was said before WHEN: an ISO time, or 2h.")
@click.option("--search", "words", metavar="WORDS", default="", help="Only what holds all WORDS.")
@click.option("--last", metavar="N", type=click.IntRange(1), help="Only the last N lines.")
@click.option("--follow", is_flag=True, help="Go on with what is said from now on.")
@click.option("--json/--text", "as_json", help="An object a line, or lines for people.")
@explain_errors
def history(
    *,
    room: str,
    since: str | None,
    words: str,
    last: int | None,
    follow: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Show what was said in ROOM, with or without a running server."""
    try:
        begin = parse_when(since, dt.datetime.now().astimezone()) if since is not None else None
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--since") from error
    journal = _journal(Invocation(**options))
    show = show_json if as_json else show_text
    question = Question(room_name(room), begin, words, last or 0)
    if not follow:
        found = recall(journal, question)
        if not found and not recall(journal, Question(question.room, last=1)):
            fail(Exit.FAILURE, f"nothing was ever said in {question.room}, as far as is kept")
        _show(found, show)
        return
    # Ends as tail(1) does, without a word.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    for found in follow_room(journal, question):
        _show(found, show)


@main.command()
@finding
@state_option
@click.argument("file", type=click.Path(path_type=Path))
@explain_errors
def backup(file: Path, **options: Any) -> None:
    """Copy the journal to FILE, while the server runs or not."""
    entries = back_up(_journal(Invocation(**options)), file)
    click.echo(f"chatd: {file} holds the journal, {amount(entries, 'entry')}")


@main.command()
@finding
@state_option
@click.argument("file", type=click.Path(path_type=Path))
@explain_errors
def restore(file: Path, **options: Any) -> None:
    """Put the backup FILE in the place of the journal, while no server runs."""
    invocation = Invocation(**options)
    user = invocation.config().server.user if not os.geteuid() else ""
    owner = identity(user) if user else None
    entries, kept = restore_backup(file, invocation.places(), owner and (owner.uid, owner.gid))
    click.echo(f"chatd: the journal is that of {file}, {amount(entries, 'entry')}")
    if kept is not None:
        click.echo(f"chatd: the one before is kept as {kept}")


@main.command("check-config")
@config_option
@click.option("--show", is_flag=True, help="Write all of it, documented, as a file to start from.")
@explain_errors
def check_config(config: str | None, show: bool) -> None:
    """Read the configuration and say whether it can be used."""
    invocation = Invocation(config=config)
    checked = invocation.config()
    for warning in [*check_certificates(checked), *sentences(checked)]:
        click.echo(f"chatd: {warning}", err=True)
    file = invocation.file()
    if show:
        click.echo(format_config(checked))
    else:
        click.echo(f"{file}: can be used" if file else "no configuration file: defaults are used")


main.add_command(account)
main.add_command(announce)
main.add_command(hash_password)
main.add_command(inspect)
main.add_command(ban)
main.add_command(bans)
main.add_command(exempt)
main.add_command(kick)
main.add_command(metrics)
main.add_command(ps)
main.add_command(say)
main.add_command(show_tree)
main.add_command(top)
main.add_command(trace)
main.add_command(unban)
main.add_command(unexempt)


def _show(entries: list[Entry], show: Callable[[Entry], str]) -> None:
    # Many lines a write: a write each costs more than all the rest.
    for first in range(0, len(entries), LINES_A_WRITE):
        click.echo("\n".join(map(show, entries[first : first + LINES_A_WRITE])))


def _journal(invocation: Invocation) -> Path:
    return invocation.places().journal_file


def _ask(invocation: Invocation, request: str) -> dict[str, Any]:
    return ask(invocation.paths().control_socket, request)


def _upgrade(invocation: Invocation, options: list[str] | None) -> None:
    now = upgrade_server(invocation, options)
    click.echo(f"chatd: pid {now['pid']} goes on with version {now['version']}")


def _stop(invocation: Invocation) -> bool:
    stopped = stop_server(invocation)
    if stopped:
        click.echo(f"chatd: stopped, pid {stopped.pid}, in {stopped.seconds:.1f} s")
    return stopped is not None
