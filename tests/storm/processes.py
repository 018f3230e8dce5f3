"""The processes of a server that is stormed: who they are, and killing them.

None of this fails if one has just died.
"""

import os
import signal
from contextlib import suppress
from pathlib import Path


def family(sessions: set[int]) -> dict[int, str]:
    """Return the titles of all that live in these ``sessions`` (setsid(2)), by their pids.

    Whoever their parents are: those of a killed supervisor are somebody else's children.
    """
    found = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and session_of(int(name)) in sessions:
            shown = title(name)
            if shown:
                found[int(name)] = shown
    return found


def session_of(pid: int) -> int:
    """Return the session that ``pid`` is in; 0 if it is dead."""
    try:
        return os.getsid(pid)
    except (ProcessLookupError, PermissionError):
        return 0


def is_worker(shown: str) -> bool:
    """Return whether that is the title of a process that serves a client."""
    return shown.startswith("chatd: ") and "@" in shown


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
