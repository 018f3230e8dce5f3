"""All that has come of a process."""

import contextlib
import os
from pathlib import Path


def descendants(pid: int) -> list[int]:
    """Return the children of ``pid``, theirs and so on, without zombies. proc_pid_stat(5)."""
    children: dict[int, list[int]] = {}
    for entry in os.listdir("/proc"):
        with contextlib.suppress(OSError, ValueError):
            stat = Path(f"/proc/{int(entry)}/stat").read_bytes().rpartition(b")")[2].split()
            if stat[0] not in (b"Z", b"X"):
                children.setdefault(int(stat[1]), []).append(int(entry))
    found = children.get(pid, [])
    for one in found:
        found += children.get(one, [])
    return found
