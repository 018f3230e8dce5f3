"""``chatd account`` and ``chatd hash-password``. chatd(8)."""

import contextlib
import json
import sys
from typing import Any

import click

from chatd_supervisor.account_editing import Editor, editing, new_account
from chatd_supervisor.accounts import AccountBook
from chatd_supervisor.asking import ControlError, NotRunning, ask
from chatd_supervisor.command_line import (
    explain_errors,
    fail,
    finding,
    json_option,
    options_of,
    state_option,
)
from chatd_supervisor.exits import Exit
from chatd_supervisor.history import moment, opened
from chatd_supervisor.invocation import Invocation
from chatd_supervisor.journal.account_tables import SqliteAccounts
from chatd_supervisor.journal.accounts import (
    Account,
    AccountConflict,
    Certified,
    Change,
    Rekeyed,
    Removed,
    Suspended,
    Uncertified,
    is_address,
    read_fingerprint,
)
from chatd_supervisor.paths import Paths
from chatd_supervisor.tables import format_rows, format_time
from chatd_workers.names import is_given, is_nick, mixes_scripts

_where = options_of(finding, state_option)
_password_stdin = click.option(
    "--password-stdin", is_flag=True, help="Read the password from the first line of stdin."
)


@click.group()
def account() -> None:
    """Make, list, change and remove accounts, with or without a running server."""


@account.command()
@_where
@_password_stdin
@click.option("--email", metavar="ADDRESS", default="", help="Where its owner can be written to.")
@click.argument("name")
@explain_errors
def add(name: str, password_stdin: bool, email: str, **options: Any) -> None:
    """Make the account NAME, with a password that is asked for."""
    from chatd_supervisor.hashing import derive  # noqa: PLC0415  # argon2 takes its time

    invocation = Invocation(**options)
    config = invocation.config()
    if email and not is_address(email):
        raise click.BadParameter(f"{email!r} is no address", param_hint="--email")
    longest = config.limits.nick_length
    if not is_nick(name) or is_given(name) or len(name) > longest:
        raise click.BadParameter(
            f"{name!r} cannot be a nick: letters, digits and _-[]{{}}|^`\\, not a dash first,"
            f" {longest} characters at most, not as guests are called",
            param_hint="NAME",
        )
    if mixes_scripts(name) and not config.limits.mixed_scripts:
        raise click.BadParameter(
            f"{name!r} has letters of several scripts in one word (limits.mixed_scripts)",
            param_hint="NAME",
        )
    places = invocation.places()
    with editing(places.journal_file) as editor:
        # Before somebody types a password in vain.
        if (there := editor.accounts.find(name)) is not None:
            raise AccountConflict("exists", there.name)
        if (there := AccountBook(editor.accounts).alike(name)) is not None:
            raise AccountConflict("alike", there.name)
        editor.change(new_account(name, derive(_password(name, password_stdin)), email))
    _tell(places, name)
    click.echo(f"chatd: account {name} added")


@account.command()
@_where
@_password_stdin
@click.argument("name")
@explain_errors
def passwd(name: str, password_stdin: bool, **options: Any) -> None:
    """Give the account NAME another password, which is asked for."""
    from chatd_supervisor.hashing import derive  # noqa: PLC0415

    places = Invocation(**options).places()
    with editing(places.journal_file) as editor:
        found = _existing(editor, name)
        editor.change(Rekeyed(found.name, derive(_password(found.name, password_stdin))))
    _tell(places, found.name)
    click.echo(f"chatd: account {found.name} has another password")


@account.command("list")
@_where
@json_option
@explain_errors
def list_accounts(as_json: bool, **options: Any) -> None:
    """List all accounts."""
    with opened(Invocation(**options).places().journal_file) as database:
        kept = SqliteAccounts(database, contextlib.nullcontext)
        with moment(database):
            accounts, certificates = kept.all(), kept.certificates()
    shown = [
        {
            "name": one.name,
            "created": one.created / 1_000_000,
            "email": one.email,
            "suspended": one.suspended,
            "certificates": [held for name, held in certificates if name == one.name],
        }
        for one in accounts
    ]
    click.echo(json.dumps(shown, indent=2) if as_json else _format(shown))


@account.command()
@_where
@click.argument("name")
@explain_errors
def remove(name: str, **options: Any) -> None:
    """Remove the account NAME and its certificates; somebody else may take the name then."""
    _change(Removed(name), f"account {name} removed", options)


@account.command()
@_where
@click.argument("name")
@explain_errors
def suspend(name: str, **options: Any) -> None:
    """Let nobody log in to the account NAME; it stays taken."""
    _change(Suspended(name, suspended=True), f"account {name} suspended", options)


@account.command()
@_where
@click.argument("name")
@explain_errors
def restore(name: str, **options: Any) -> None:
    """Let its owner log in to the account NAME again."""
    _change(Suspended(name, suspended=False), f"account {name} restored", options)


@account.group()
def certificate() -> None:
    """Say which client certificates prove whose account it is."""


@certificate.command("add")
@_where
@click.argument("name")
@click.argument("fingerprint")
@explain_errors
def add_certificate(name: str, fingerprint: str, **options: Any) -> None:
    """Let whoever shows the certificate with this SHA-256 FINGERPRINT be the owner of NAME."""
    digits = _fingerprint(fingerprint)
    _change(Certified(name, digits), f"certificate {digits} is for account {name}", options)


@certificate.command("remove")
@_where
@click.argument("fingerprint")
@explain_errors
def remove_certificate(fingerprint: str, **options: Any) -> None:
    """Let the certificate with this FINGERPRINT stand for no account any more."""
    digits = _fingerprint(fingerprint)
    _change(Uncertified(digits), f"certificate {digits} is for no account", options)


@click.command("hash-password")
@_password_stdin
@explain_errors
def hash_password(password_stdin: bool) -> None:
    """Ask for a password and print its hash, for the table [[operators]]."""
    from chatd_supervisor.hashing import hash_of  # noqa: PLC0415

    click.echo(hash_of(_password("the operator", password_stdin)))


def _change(change: Change, done: str, options: dict[str, Any]) -> None:
    places = Invocation(**options).places()
    with editing(places.journal_file) as editor:
        editor.change(change)
    if isinstance(change, Removed | Suspended):
        _tell(places, change.name)
    click.echo(f"chatd: {done}")


def _tell(places: Paths, name: str) -> None:
    """Tell the server, if one runs, that the account ``name`` has been changed."""
    try:
        ask(places.control_socket, "account", name=name)
    except NotRunning:
        pass
    except ControlError as error:
        click.echo(f"chatd: account {name}: who is logged in stays so: {error}", err=True)


def _existing(editor: Editor, name: str) -> Account:
    found = editor.accounts.find(name)
    if found is None:
        raise AccountConflict("unknown", name)
    return found


def _password(whose: str, from_stdin: bool) -> str:
    """Return the password for ``whose``, read once from a pipe or typed twice by somebody."""
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        fail(Exit.USAGE, "there is no terminal to ask for the password on; use --password-stdin")
    typed: str = click.prompt(
        f"Password for {whose}", hide_input=True, confirmation_prompt="Once more", err=True
    )
    return typed


def _fingerprint(text: str) -> str:
    found = read_fingerprint(text)
    if found is None:
        raise click.BadParameter(
            f"{text!r} is no SHA-256 fingerprint (64 hexadecimal digits, colons are allowed);"
            " openssl x509 -noout -fingerprint -sha256 -in FILE prints one",
            param_hint="FINGERPRINT",
        )
    return found


def _format(accounts: list[dict[str, Any]]) -> str:
    rows = [("NAME", "CREATED", "EMAIL", "CERTIFICATES", "SUSPENDED")]
    rows += [
        (
            one["name"],
            format_time(one["created"]),
            one["email"] or "-",
            str(len(one["certificates"])),
            "yes" if one["suspended"] else "no",
        )
        for one in accounts
    ]
    return format_rows(rows)
