"""Room for process titles.

A title is written over the memory that held argv and the environment when the process began
(setproctitle; proc_pid_cmdline(5)), so it can be no longer than those were together. Under a bare
environment, as some service managers give, that is too short for a worker's title.
"""

import os
import sys
from typing import Final

NEEDED: Final = 256
"""Bytes; twice the longest title, so that a short argv never shows in what follows it."""

PADDING: Final = "CHATD_TITLE_ROOM"


def ensure_title_room() -> None:
    """Start the program again with a longer environment if there is too little room."""
    if PADDING in os.environ or _room() >= NEEDED:
        return
    environ = {**os.environ, PADDING: "." * NEEDED}
    os.execve(sys.executable, sys.orig_argv, environ)  # noqa: S606  # ourselves


def _room() -> int:
    with open("/proc/self/stat", "rb") as stat:
        # proc_pid_stat(5): arg_start is field 48, env_end field 51; the name, field 2, ends in ).
        fields = stat.read().rpartition(b")")[2].split()
    return int(fields[51 - 3]) - int(fields[48 - 3])
