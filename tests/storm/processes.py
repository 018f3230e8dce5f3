"""The processes of a server that is stormed: who they are, and killing them.

None of this fails if one has just died.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path


def children(pid: int) -> list[int]:
    """Return the pids of its children, zombies included."""
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()))
    except (FileNotFoundError, ProcessLookupError):
        return []


def title(pid: object) -> str:
    """Return the title, or the command line, of a process; "" if it is dead."""
    try:
        shown = Path(f"/proc/{pid}/cmdline").read_text("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return shown.replace("\0", " ").rstrip()


def kill(pid: int) -> bool:
    """Kill ``pid``, unless it is 0 or has gone; return whether it was killed."""
    with suppress(ProcessLookupError):
        if pid:
            os.kill(pid, signal.SIGKILL)
            return True
    return False
