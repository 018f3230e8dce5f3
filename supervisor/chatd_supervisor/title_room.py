"""Room for process titles.

A title is written over the memory that held argv and the environment when the process began
(setproctitle; proc_pid_cmdline(5)), so it can be no longer than those were together, and that
memory is found by way of the environment, so there must be one. Under a bare environment, as some
service managers give, neither is sure.
"""

import os
import sys
from typing import Final

NEEDED: Final = 256
"""Bytes; twice the longest title, so that a short argv never shows in what follows it."""

PADDING: Final = "CHATD_TITLE_ROOM"


def ensure_title_room() -> None:
    """Start the program again with a longer environment if there is too little room."""
    if PADDING in os.environ or is_enough(*_areas()):
        return
    environ = {**os.environ, PADDING: "." * NEEDED}
    os.execve(sys.executable, sys.orig_argv, environ)  # noqa: S606  # ourselves


def is_enough(arguments: int, environment: int) -> bool:
    """Tell whether titles fit where that many bytes of argv and environment were."""
    return environment > 0 and arguments + environment >= NEEDED


def _areas() -> tuple[int, int]:
    with open("/proc/self/stat", "rb") as stat:
        # proc_pid_stat(5): arg_start is field 48, then arg_end, env_start and env_end; the name,
        # field 2, ends in ).
        fields = stat.read().rpartition(b")")[2].split()
    arg_start, arg_end, env_start, env_end = map(int, fields[48 - 3 : 52 - 3])
    return arg_end - arg_start, env_end - env_start
