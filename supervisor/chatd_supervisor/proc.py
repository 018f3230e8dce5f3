"""What the kernel tells of a process in /proc, for whoever watches (proc(5)).

Small files, a process each; a library (psutil) would read the same ones, and bring C code along.
"""

import contextlib
import os
from pathlib import Path
from typing import Final, NamedTuple

PAGE: Final = os.sysconf("SC_PAGESIZE")
TICK: Final = os.sysconf("SC_CLK_TCK")

_EXITING: Final = 0x4
"""PF_EXITING (linux/sched.h), in the flags of /proc/PID/stat."""

SAMPLE: Final = 32
"""Workers whose memory is looked at closely: that costs the kernel a walk through all of it."""


SUPERVISORS: Final = ("chatd: supervis", "chatd: next sup")
"""What supervisors are called, as far as ``name`` tells: one that serves, or is about to."""


class Usage(NamedTuple):
    """What a process has used so far, and holds."""

    cpu: float
    """Seconds."""
    resident: int
    """Bytes; shared with others for the most part, as a worker is."""


class Memory(NamedTuple):
    """Bytes of memory of one process."""

    proportional: int
    """What it shares counts in parts (PSS)."""
    private: int
    """What it shares with nobody."""


def usage(pid: int) -> Usage | None:
    """Return what ``pid``, which has one thread, uses; None if there is no such process."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    cpu = (int(stat[11]) + int(stat[12])) / TICK
    with contextlib.suppress(OSError, ValueError, IndexError):
        # In nanoseconds, where the kernel has it; a worker seldom uses a hundredth of a second.
        cpu = int(Path(f"/proc/{pid}/schedstat").read_bytes().split()[0]) / 1e9
    return Usage(cpu, int(stat[21]) * PAGE)


def is_alive(pid: int) -> bool:
    """Tell whether ``pid`` is there and has not begun to end; it may be about to, all the same."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat[0] not in (b"Z", b"X") and not int(stat[6]) & _EXITING


def started(pid: int) -> int:
    """Return when ``pid`` was started, in ticks since the machine was, of 32 bits; 0: it is gone.

    With its pid, it is what tells a process from all others: a title anybody can give himself.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return int(stat[19]) & 0xFFFF_FFFF


def name(pid: int) -> str:
    """Return the first 15 bytes of what ``pid`` is called (proc_pid_comm(5)); "": it is gone."""
    try:
        return Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").rstrip("\n")
    except OSError:
        return ""


def parent_of(pid: int) -> int:
    """Return the pid of the parent of ``pid``; 0: it is gone, or there is none that we see."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return 0
    return int(stat[1])


def control_group(pid: int) -> str:
    """Return in which control groups ``pid`` is, as cgroups(7) has it; "": it is gone."""
    try:
        return Path(f"/proc/{pid}/cgroup").read_text("utf-8", "surrogateescape")
    except OSError:
        return ""


def memory(pid: int) -> Memory | None:
    """Return how much memory ``pid`` has; None if there is no such process, or we may not look.

    That is so where it is somebody else's, or has seen to it that nobody looks (PR_SET_DUMPABLE).
    """
    try:
        rows = Path(f"/proc/{pid}/smaps_rollup").read_text("ascii").splitlines()[1:]
    except (FileNotFoundError, ProcessLookupError, PermissionError):
        return None
    sizes = {name: int(size) * 1024 for name, size, *_ in map(str.split, rows)}
    if "Pss:" not in sizes:
        return None  # it is just ending
    return Memory(sizes["Pss:"], sizes["Private_Clean:"] + sizes["Private_Dirty:"])


def descriptors(pid: int) -> int | None:
    """Return how many descriptors ``pid`` has open; None if that cannot be known."""
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))
    except OSError:
        return None
