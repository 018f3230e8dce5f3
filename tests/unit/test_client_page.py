"""chat-client(1) says everything that the code says: options and exit codes."""

import re
from pathlib import Path

import click

from chatd_client.cli import main
from chatd_client.exits import Exit

PAGE = (Path(__file__).resolve().parents[2] / "man" / "chat-client.1").read_text("utf-8")


def section(name: str) -> str:
    found = re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", PAGE, re.MULTILINE | re.DOTALL)
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


def test_every_exit_code_is_documented_and_no_other() -> None:
    codes = re.findall(r"^\.It (\d+)$", section("EXIT STATUS"), re.MULTILINE)
    assert [int(code) for code in codes] == list(Exit)


def test_there_are_examples() -> None:
    assert len(re.findall(r"^\.Dl .*chat-client", section("EXAMPLES"), re.MULTILINE)) >= 3
