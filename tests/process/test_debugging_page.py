"""chatd-debugging(7): what it shows is what is seen."""

import os
import re
from pathlib import Path

import pytest

from tour import (
    CGROUPS,
    GAP,
    LASTING,
    PAGE,
    PLACES,
    Example,
    alike,
    can_run,
    cgroups,
    difference,
    examples,
    may_trace,
    staged,
    unchecked,
)

TEXT = PAGE.read_text("utf-8")
EXAMPLES = examples(TEXT)

NEEDED = {
    "ps",
    "pgrep",
    "ss",
    "kill",
    "tail",
    "grep",
    "renice",
    "prlimit",
    "strace",
    "gdb",
    "chatd",
}
"""What .ci/run sees to, and what comes with it."""


def test_every_example_is_what_is_seen(tmp_path: Path) -> None:
    wrong = []
    with staged(tmp_path) as stage:
        for example in EXAMPLES:
            if can_run(example):
                difference = stage.play(example)
                if difference:
                    wrong.append(f"{example.command}: {difference}")
    assert not wrong, "\n\n".join(wrong)


def test_the_tools_are_there_and_nothing_is_left_out_unnoticed() -> None:
    tools = {example.tool for example in EXAMPLES}
    assert tools >= NEEDED
    left_out = [example for example in EXAMPLES if not can_run(example)]
    for example in left_out:
        # Only root may look into a worker; a container may forbid that, and have no cgroups.
        assert example.root, example.command
        if os.geteuid() == 0:
            kind = CGROUPS in example.command
            assert (kind and not cgroups()) or (not kind and not may_trace()), example.command


def test_what_is_not_checked_is_said_to_be_so() -> None:
    found = {command.split()[0] for command in unchecked(TEXT)}
    assert found == {"py-spy", "systemd-cgls", "systemctl"}
    for part in re.findall(r'^\.\\" not checked:(.*)', TEXT, re.MULTILINE):
        assert part.strip(), "it says why"


def test_the_subjects_are_all_there() -> None:
    commands = " ".join(example.command for example in EXAMPLES)
    for word in ("chatd ps", "chatd inspect", "chatd trace", "chatd tree", "chatd top", *NEEDED):
        assert word in commands, word
    for signal in ("-STOP", "-CONT", "-KILL", "-USR1"):
        assert f"kill {signal}" in commands
    assert any(command in commands for command in LASTING)


def test_the_numbers_of_the_page_are_those_of_the_stage() -> None:
    shown = "\n".join(line for example in EXAMPLES for line in [example.command, *example.printed])
    for numbers in PLACES.values():
        for number in numbers:
            assert re.search(rf"\b{number}\b", shown), number


@pytest.mark.parametrize(
    ("wanted", "printed", "fits"),
    [
        (["a 1", "b"], ["a   1", "b"], True),
        (["a 1", "b"], ["a 22", "b"], False),
        (["a 4096", "b"], ["a 123456", "b"], True),
        (["a ... c"], ["a b c"], True),
        (["a ... c"], ["a b d"], False),
        (["a 1", "b"], ["a 1"], False),
        (["a"], ["a", "b"], False),
        (["a", GAP], ["a", "b", "c"], True),
        ([GAP, "c"], ["a", "b", "c"], True),
        ([GAP, "c"], ["a", "b"], False),
        (["2874 x"], ["2874 x"], True),
        (["2874 x"], ["2875 x"], False),
        (["2874 x"], ["9 x"], False),
        ([], [], True),
        ([], ["a"], False),
    ],
)
def test_a_page_that_shows_something_else_is_found_out(
    wanted: list[str], printed: list[str], fits: bool
) -> None:
    example = Example("cat", root=False, who="", says="", printed=wanted)
    assert (difference(example, printed) == "") is fits


def test_what_differs_from_run_to_run_is_alike() -> None:
    assert alike("age 12s at 0x7ffe12  rtt:0.018") == alike("age 1m3s at 0xab rtt:4.2")
    assert alike("4 restarts") != alike("5 restarts")
    assert alike("127.0.0.1:43052") != alike("127.0.0.1:43060")
    assert alike("id 1567dc6fe9a4-5") == alike("id 1567dc6feb01-17")
