"""Tests that this machine cannot run are left out, and said to be; a plugin of pytest.

``tools`` has the table. A test that runs a command of the table without standing there fails,
whether or not this machine has it, so that the table cannot fall behind.
"""

import os
import sys
from collections import Counter
from collections.abc import Generator
from pathlib import PurePath
from typing import Any

import pytest

import tools

_LEFT_OUT = pytest.StashKey["Counter[str]"]()
"""How many tests were not run for want of what; of all of them, under the empty string."""

_RUN: set[str] = set()
"""The commands of the table that were run since the present test began."""


def pytest_configure(config: pytest.Config) -> None:
    config.stash[_LEFT_OUT] = Counter()
    lacking = tools.missing()
    if lacking and os.environ.get("CI"):
        raise pytest.UsageError(
            f"CI is set, and this machine has no {', '.join(lacking)}: {tools.remedy(lacking)}"
        )
    sys.addaudithook(_note)


def _note(event: str, arguments: tuple[Any, ...]) -> None:
    """Remember that a command of the table is run; an audit hook, which is for good."""
    if event == "subprocess.Popen" and isinstance(arguments[1], list | tuple):
        name = PurePath(os.fsdecode(arguments[1][0])).name
        if name in tools.PACKAGES:
            _RUN.add(name)
    elif event == "os.forkpty":
        _RUN.add(tools.TERMINALS)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    lacking = set(tools.missing())
    left_out = []
    for item in items:
        if wanting := tools.needed(_name(item)) & lacking:
            left_out.append(item)
            config.stash[_LEFT_OUT].update(["", *wanting])
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


def _name(item: pytest.Item) -> str:
    return item.nodeid.removeprefix("tests/")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    yield
    undeclared = _RUN - tools.needed(_name(item))
    _RUN.clear()
    assert not undeclared, f"{_name(item)} runs {undeclared}: say so in tests/tools.py, NEEDS"


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workeroutput"):
        left_out = config.stash[_LEFT_OUT]
        config.workeroutput["left_out"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Every process of xdist has collected, and left out, the same.
    if left_out := getattr(node, "workeroutput", {}).get("left_out"):
        counted: Counter[str] = Counter(left_out)
        node.config.stash[_LEFT_OUT] = counted


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    left_out = config.stash[_LEFT_OUT]
    if left_out:
        wanting = {one: count for one, count in left_out.most_common() if one}
        terminalreporter.write_line(
            f"NOT RUN: {left_out['']} tests, for want of "
            f"{', '.join(f'{one} ({count})' for one, count in wanting.items())}; "
            f"as root: {tools.remedy(list(wanting))}",
            yellow=True,
        )
