"""The man pages say everything that the tables in the code say: commands, options, keys, exits."""

import json
import re
from pathlib import Path

import click
import pytest
from msgspec import Struct

from chatd_supervisor.account_config import PRIVILEGES, Accounts, Operator
from chatd_supervisor.cli import main
from chatd_supervisor.config import Config, HistoryKeys, JournalKeys, Limits, Server
from chatd_supervisor.exempt_config import Exempting
from chatd_supervisor.exits import MEANINGS, Exit
from chatd_supervisor.listen_config import Listen
from chatd_supervisor.sandbox_config import Sandboxing
from chatd_supervisor.tables import COLUMNS
from chatd_workers.config_keys import Key, keys_of

MAN = Path(__file__).resolve().parents[2] / "man"

TABLES: dict[str, type[Struct]] = {
    "[server]": Server,
    "[[listen]]": Listen,
    "[limits]": Limits,
    "[exempt]": Exempting,
    "[journal]": JournalKeys,
    "[history]": HistoryKeys,
    "[accounts]": Accounts,
    "[sandbox]": Sandboxing,
    "[[operators]]": Operator,
}


def section(page: str, name: str, macro: str = "Sh") -> str:
    """Return the text below the heading ``name``."""
    text = (MAN / page).read_text("utf-8")
    found = re.search(
        rf"^\.{macro} {re.escape(name)}\n(.*?)(?=^\.S[hs] |\Z)", text, re.MULTILINE | re.DOTALL
    )
    assert found, f"{page} has no {name}"
    return found[1]


def items(text: str, macro: str) -> dict[str, str]:
    """Return each ``.It MACRO name`` in ``text`` with what stands below it, in one line."""
    parts = re.split(r"^\.It ", text, flags=re.MULTILINE)[1:]
    found = {}
    for part in parts:
        head, _, body = part.partition("\n")
        if head.startswith(f"{macro} "):
            for one in head.split(" , "):
                name = one.removeprefix(f"{macro} ").partition(" Ar ")[0]
                found[name if macro == "Cm" else name.split()[0]] = plain(body)
    return found


def plain(text: str) -> str:
    """Return mdoc ``text`` as words."""
    text = re.sub(r"^\.(Xr|Ic|Li|Pa|Va|Nm|Cm|Fl|Ev|Dv) ", "", text, flags=re.MULTILINE)
    return " ".join(text.replace(r"\(dq", '"').split())


def options_of(command: click.Command) -> set[str]:
    """Return the options of ``command`` as they are typed."""
    context = click.Context(command, **main.context_settings)
    options = [one for one in command.get_params(context) if isinstance(one, click.Option)]
    return {
        name
        for option in options
        if not option.hidden
        for name in (*option.opts, *option.secondary_opts)
    }


def commands_of(group: click.Command, before: str = "") -> dict[str, click.Command]:
    """Return the commands below ``group`` by what is typed, those in groups too."""
    assert isinstance(group, click.Group)
    found: dict[str, click.Command] = {}
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            found |= commands_of(command, f"{before}{name} ")
        else:
            found[before + name] = command
    return found


COMMANDS = commands_of(main)


def test_every_command_is_documented_and_no_other() -> None:
    assert set(items(section("chatd.8", "Commands", "Ss"), "Cm")) == set(COMMANDS)


def test_every_option_is_documented_and_no_other() -> None:
    wanted = set().union(*map(options_of, [main, *COMMANDS.values()]))
    found = {f"-{name}" for name in items(section("chatd.8", "Options", "Ss"), "Fl")}
    assert found == wanted


def test_the_synopsis_gives_each_command_its_options() -> None:
    given: dict[str, set[str]] = {}
    for part in re.split(r"^\.Nm\n", section("chatd.8", "SYNOPSIS"), flags=re.MULTILINE):
        commands = re.search(r"^\.Cm (.*)", part, re.MULTILINE)
        if commands:
            options = set(re.findall(r"(?<=Fl )-\S+", part))
            given |= dict.fromkeys(commands[1].split(" | "), options)
    wanted = {
        name: {
            option.removeprefix("-") for option in options_of(command) if option.startswith("--")
        }
        - {"-help"}
        for name, command in COMMANDS.items()
    }
    assert given == wanted


def test_every_command_and_option_says_what_it_does() -> None:
    for command in COMMANDS.values():
        assert command.help
        for option in command.params:
            # Arguments are explained by the command.
            assert not isinstance(option, click.Option) or option.help, option.name


@pytest.mark.parametrize(
    ("table", "key"),
    [(table, key) for table, struct in TABLES.items() for key in keys_of(struct)],
    ids=lambda value: value.name if isinstance(value, Key) else value,
)
def test_every_key_is_documented_with_range_and_default(table: str, key: Key) -> None:
    text = items(section("chatd.toml.5", table, "Ss"), "Ic")[key.name]
    assert text.startswith(key.description)
    assert key.allowed.lower() in text.lower()
    if key.default is not None:
        assert f"The default is {json.dumps(key.default)}" in text


def test_no_key_is_documented_that_is_not_there() -> None:
    assert len(TABLES) == len(Config.__struct_fields__)
    for table, struct in TABLES.items():
        found = items(section("chatd.toml.5", table, "Ss"), "Ic")
        assert list(found) == list(struct.__struct_fields__)


def test_every_exit_code_is_documented_and_no_other() -> None:
    assert set(MEANINGS) == set(Exit)
    parts = re.findall(r"^\.It (\d+)\n(.*)", section("chatd.8", "EXIT STATUS"), re.MULTILINE)
    assert {int(code): meaning for code, meaning in parts} == MEANINGS


def test_every_column_of_ps_is_explained() -> None:
    text = items(section("chatd.8", "Commands", "Ss"), "Cm")["ps"]
    for column in COLUMNS:
        assert re.search(rf"\b{column}\b", text), column


def test_signals_are_documented() -> None:
    assert set(items(section("chatd.8", "Signals", "Ss"), "Dv")) == {
        "SIGTERM",
        "SIGINT",
        "SIGQUIT",
        "SIGHUP",
        "SIGUSR1",
        "SIGUSR2",
    }


def test_every_class_of_operators_has_its_item() -> None:
    found = items(section("chatd.toml.5", "[[operators]]", "Ss"), "Cm")
    assert list(found) == list(PRIVILEGES)
    for name, summary in PRIVILEGES.items():
        assert found[name].startswith(f"{summary[0].upper()}{summary[1:]}.")
