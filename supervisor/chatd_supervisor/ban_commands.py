"""``chatd ban``, ``unban``, ``exempt``, ``unexempt`` and ``bans``. chatd(8)."""

import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any, Final

import click

from chatd_supervisor.admin_commands import people, wish
from chatd_supervisor.asking import ask
from chatd_supervisor.bans import Kind, read_mask
from chatd_supervisor.command_line import explain_errors, finding
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.tables import format_rows, format_time
from chatd_workers.titles import printable

UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
"""Seconds in what a term may be given in."""

_TERM: Final = re.compile(r"(?:[0-9]{1,9}[smhdw])+")


class Term(click.ParamType[int]):
    """A length of time, ``30m`` or ``1d12h``, as seconds."""

    name = "TERM"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the seconds; fail with a sentence."""
        if isinstance(value, int):
            return value
        seconds = 0
        if _TERM.fullmatch(value):
            seconds = sum(int(n) * UNITS[unit] for n, unit in re.findall(r"([0-9]+)(.)", value))
        if not seconds:
            self.fail(f"{value!r} is no length of time: like 30m, 12h, 7d, 4w or 1d12h", param, ctx)
        return seconds


def _kind_of(who: str, *, account: bool) -> Kind:
    """Return what ``who`` is: no nick looks like an address."""
    if account:
        return "account"
    if who.startswith("unix:") or "/" in who:
        return "address"
    try:
        ipaddress.ip_address(who)
    except ValueError:
        return "nick"
    return "address"


def _enter(
    *, who: str, reason: tuple[str, ...], term: int, account: bool, exempt: bool, **options: Any
) -> None:
    kind = _kind_of(who, account=account)
    what = {"kind": kind, "mask": who, "reason": " ".join(reason), "seconds": term}
    count = wish(options, "ban", exempt=exempt, **what)
    done = "exempt" if exempt else f"banned, {people(count)} put off"
    click.echo(f"chatd: {kind} {read_mask(kind, who)} is {done}")


def _strike(*, who: str, account: bool, exempt: bool, **options: Any) -> None:
    kind = _kind_of(who, account=account)
    wish(options, "unban", kind=kind, mask=who, exempt=exempt)
    click.echo(
        f"chatd: {kind} {read_mask(kind, who)} is {'exempt' if exempt else 'banned'} no more"
    )


def _entry(command: Callable[..., None]) -> click.Command:
    """Make a command of one that takes an entry out of a list."""
    account = click.option("--account", is_flag=True, help="WHO is an account, not a nick.")
    who = click.argument("who")
    return click.command(finding(account(who(explain_errors(command)))))


def _new_entry(command: Callable[..., None]) -> click.Command:
    """Make a command of one that puts an entry into a list."""
    term = click.option("--for", "term", type=Term(), default=0, help="For how long: 30m, 12h, 7d.")
    return _entry(term(click.argument("reason", nargs=-1)(command)))


@_new_entry
def ban(**given: Any) -> None:
    """Keep WHO off the server: an address, a network, a nick with wildcards, an account."""
    _enter(exempt=False, **given)


@_entry
def unban(**given: Any) -> None:
    """Let WHO in again, who was banned."""
    _strike(exempt=False, **given)


@_new_entry
def exempt(**given: Any) -> None:
    """Let WHO off bans; an address also off the limits on addresses."""
    _enter(exempt=True, **given)


@_entry
def unexempt(**given: Any) -> None:
    """Let bans and limits be for WHO again."""
    _strike(exempt=True, **given)


@click.command()
@finding
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@explain_errors
def bans(*, as_json: bool, **options: Any) -> None:
    """List who is banned, and who is exempt."""
    entries = ask(Invocation(**options).paths().control_socket, "bans")["bans"]
    if as_json:
        click.echo(json.dumps(entries))
        return
    rows = [("LIST", "KIND", "WHO", "SINCE", "UNTIL", "REASON")]
    rows += [
        (
            "exempt" if entry["exempt"] else "ban",
            entry["kind"],
            printable(entry["mask"]),
            format_time(entry["since"]),
            format_time(entry["until"]) if entry["until"] else "-",
            printable(entry["reason"]) or "-",
        )
        for entry in entries
    ]
    click.echo(format_rows(rows))
