"""chat-client(1) says everything that the code says: options and exit codes."""

import re
from pathlib import Path
from typing import get_args

import click
import pytest
from msgspec import Struct

from chatd_client.cli import main
from chatd_client.exchange import AnyNews, Member
from chatd_client.exits import Exit
from chatd_client.screen.slash import COMMANDS
from chatd_client.scripting.structured import ORDERS

PAGE = (Path(__file__).resolve().parents[2] / "man" / "chat-client.1").read_text("utf-8")

PAGE_SOURCES = Path(__file__).resolve().parents[2] / "client" / "chatd_client" / "scripting"


def section(name: str, macro: str = "Sh") -> str:
    end = "Sh" if macro == "Sh" else "S[hs]"
    found = re.search(rf"^\.{macro} {name}\n(.*?)(?=^\.{end} |\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found, f"no {name}"
    return found[1]


def test_every_option_is_documented_and_no_other() -> None:
    options = main.get_params(click.Context(main, **main.context_settings))
    wanted = {
        name
        for option in options
        for name in [*option.opts, *option.secondary_opts]
        if name[0] == "-"
    }
    heads = re.findall(r"^\.It Fl (.*)", section("DESCRIPTION"), re.MULTILINE)
    assert {"-" + name.split()[0] for head in heads for name in head.split(" , ")} == wanted


def test_the_help_is_one_screen_and_knows_every_option() -> None:
    shown = main.get_help(click.Context(main)).splitlines()
    assert len(shown) <= 23  # and a line for the prompt
    assert max(map(len, shown)) <= 80
    wanted = {name for option in main.params for name in (*option.opts, *option.secondary_opts)}
    found = set(re.findall(r"(?<![\w-])--?[a-z][a-z-]*", "\n".join(shown)))
    assert found == {name for name in wanted if name[0] == "-"} | {"-h", "--help"}


def test_every_exit_code_is_documented_and_no_other() -> None:
    codes = re.findall(r"^\.It (\d+)$", section("EXIT STATUS"), re.MULTILINE)
    assert [int(code) for code in codes] == list(Exit)


def test_there_are_examples() -> None:
    assert len(re.findall(r"^\.Dl .*chat-client", section("EXAMPLES"), re.MULTILINE)) >= 3


def items(text: str) -> dict[str, set[str]]:
    """Return each ``.It Cm`` in ``text`` with the keys that it speaks of."""
    parts = re.split(r"^\.It Cm ", text, flags=re.MULTILINE)[1:]
    return {
        head: set(re.findall(r"^\.Ic (\w+)", body, re.MULTILINE))
        for head, _, body in (part.partition("\n") for part in parts)
    }


EVENTS: dict[str, type[Struct]] = {kind.__name__.lower(): kind for kind in get_args(AnyNews)}


@pytest.mark.parametrize("name", EVENTS)
def test_every_event_is_documented_with_its_keys(name: str) -> None:
    wanted = set(EVENTS[name].__struct_fields__)
    if name == "members":
        wanted |= set(Member.__struct_fields__)
    assert items(section("Events", "Ss"))[name] | {"room"} == wanted | {"room"}


def test_no_event_is_documented_that_is_not_there() -> None:
    assert list(items(section("Events", "Ss"))) == [*EVENTS, "accepted", "error"]


@pytest.mark.parametrize("name", ORDERS)
def test_every_order_is_documented_with_its_keys(name: str) -> None:
    found = items(section("Orders", "Ss"))[name]
    if name == "say":
        found.discard("msgid")  # the key of an event that it speaks of
    assert found == set(ORDERS[name].__struct_fields__)


def test_no_order_is_documented_that_is_not_there() -> None:
    assert list(items(section("Orders", "Ss"))) == list(ORDERS)


def test_every_command_of_the_screen_is_documented() -> None:
    text = section("Commands", "Ss")
    found = re.findall(r"^\.It Ic (/\S+)(?: Ar (.*))?\n(.*)\.$", text, re.MULTILINE)
    assert [(f"{name} {rest}".strip(), help_) for name, rest, help_ in found] == [
        (command.usage, command.help[0].upper() + command.help[1:]) for command in COMMANDS.values()
    ]


def test_what_a_command_for_messages_finds_is_documented() -> None:
    source = (PAGE_SOURCES / "executing.py").read_text("utf-8")
    found = re.findall(r"^\.It Ev (CHAT_\w+)", section("COMMANDS FOR MESSAGES"), re.MULTILINE)
    assert set(found) == set(re.findall(r'"(CHAT_[A-Z_]+)":', source))
