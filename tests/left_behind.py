"""Tests leave nothing behind, no process and no directory: looked after at the end, as a plugin.

Everything temporary goes into one directory, TMPDIR, which is removed unless a test has failed.
Processes are known by a number in their limit of file locks, which means nothing since Linux 2.4.25
(getrlimit(2)) but is inherited, and which everybody may read (proc(5)). Not so a variable: titles
are written over the environment (setproctitle).
"""

import contextlib
import os
import random
import re
import resource
import shutil
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Final

import pytest

ENOUGH: Final = 5.0
"""Seconds that processes have to end after the last test."""

RLIMIT_LOCKS: Final = 10
"""Python has no name for it."""

_DIRECTORY: Final = pytest.StashKey[Path]()
_NUMBER: Final = pytest.StashKey[int]()


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config, "workerinput"):
        return  # one of several: who directs them looks
    directory = Path(tempfile.mkdtemp(prefix="chatd-"))
    # Servers of other users have their directories there.
    directory.chmod(0o755)
    config.stash[_DIRECTORY] = directory
    config.stash[_NUMBER] = number = random.SystemRandom().randrange(1 << 20, 1 << 40)
    hard = resource.getrlimit(RLIMIT_LOCKS)[1]
    resource.setrlimit(RLIMIT_LOCKS, (number, hard))
    os.environ["TMPDIR"] = tempfile.tempdir = str(directory)
    # As short as can be, for the sake of the sockets in it: unix(7), 108 bytes.
    if config.option.basetemp is None:
        config.option.basetemp = str(directory / "p")


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> Generator[None, None, None]:
    yield
    config = session.config
    if _DIRECTORY not in config.stash:
        return
    directory = config.stash[_DIRECTORY]
    deadline = time.monotonic() + ENOUGH
    while (left := processes(config.stash[_NUMBER])) and time.monotonic() < deadline:
        time.sleep(0.05)
    complaints = [f"a process, {pid}: {title}" for pid, title in left.items()]
    complaints += [
        f"a directory or file: {each}" for each in directory.iterdir() if each.name != "p"
    ]
    if not complaints and session.exitstatus in (
        pytest.ExitCode.OK,
        pytest.ExitCode.NO_TESTS_COLLECTED,
    ):
        shutil.rmtree(directory)
        return
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    say = reporter.write_line if reporter else print
    for each in complaints:
        say(f"LEFT BEHIND: {each}")
    say(f"what the tests wrote is in {directory}")
    if session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def processes(number: int) -> dict[int, str]:
    """Return the titles of all processes with this ``number``, but for the present one."""
    found = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal() and int(entry.name) != os.getpid():
            with contextlib.suppress(OSError):  # it has just ended
                if re.search(
                    rf"^Max file locks +{number} ", (entry / "limits").read_text(), re.MULTILINE
                ):
                    title = (entry / "cmdline").read_bytes().replace(b"\0", b" ").strip()
                    found[int(entry.name)] = title.decode(errors="replace") or "(zombie)"
    return found
