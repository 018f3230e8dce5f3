"""What /proc tells of one worker, for ``chatd inspect``: read by the command, not by the master.

A worker may have seen to it that nobody but root looks at its descriptors (PR_SET_DUMPABLE,
prctl(2)): then its files in /proc belong to root, and what cannot be read is None. proc(5).
"""

import os
import re
from pathlib import Path
from typing import Any, Final

from chatd_supervisor.proc import memory, usage

SECCOMP: Final = {0: "none", 1: "strict", 2: "filter"}

_LIMIT: Final = re.compile(r"^(Max .+?) {2,}(\S+) +(\S+)(?: +(\S+))?\s*$", re.MULTILINE)


def look(pid: int) -> dict[str, Any] | None:
    """Return what can be known of ``pid``; None if there is no such process."""
    place = Path(f"/proc/{pid}")
    status = _fields(_text(place / "status"))
    used = usage(pid)
    if "State" not in status or used is None:
        return None
    private = memory(pid)
    return {
        "pid": pid,
        "parent": int(status["PPid"]),
        "state": status["State"],
        "uid": int(status["Uid"].split()[0]),
        "threads": int(status["Threads"]),
        "nice": _nice(place),
        "cpu": round(used.cpu, 6),
        "resident": used.resident,
        "private": private.private if private is not None else None,
        # Without what a compiler has added to the name of the function.
        "waits_in": _text(place / "wchan").strip("0").partition(".")[0] or None,
        "cgroup": _text(place / "cgroup").splitlines()[-1:] or None,
        "descriptors": descriptors(pid),
        "limits": limits(_text(place / "limits")),
        "walls": walls(status, place),
    }


def walls(status: dict[str, str], place: Path) -> dict[str, Any]:
    """Return which walls stand around the process, as far as the kernel shows them.

    ``dumpable`` False: nobody but root may trace it, or look at its memory and descriptors. None:
    it cannot be told of a process of root's. Landlock is shown nowhere.
    """
    uid = int(status["Uid"].split()[0])
    try:
        owner = (place / "environ").stat().st_uid
    except OSError:
        owner = uid
    filters = status.get("Seccomp_filters")  # since Linux 5.9
    return {
        "no_new_privs": status.get("NoNewPrivs") == "1",
        "seccomp": SECCOMP.get(int(status.get("Seccomp", "0")), "unknown"),
        "seccomp_filters": int(filters) if filters is not None else None,
        "capabilities": status.get("CapEff"),
        "dumpable": None if uid == 0 else owner == uid,
    }


def limits(text: str) -> dict[str, list[str]]:
    """Return the limits in ``text``, that of /proc/PID/limits: soft, hard, and the unit."""
    return {
        name.removeprefix("Max "): [soft, hard, unit or ""]
        for name, soft, hard, unit in _LIMIT.findall(text)
    }


def descriptors(pid: int) -> dict[str, str] | None:
    """Return what each descriptor of ``pid`` is, as in /proc/PID/fd; None if we may not look."""
    place = f"/proc/{pid}/fd"
    found = {}
    try:
        for name in sorted(os.listdir(place), key=int):
            try:
                found[name] = os.readlink(f"{place}/{name}")
            except FileNotFoundError:
                continue  # closed just now
    except OSError:
        return None
    return found


def _nice(place: Path) -> int | None:
    rest = _text(place / "stat").rpartition(")")[2].split()
    return int(rest[16]) if rest else None


def _text(path: Path) -> str:
    try:
        return path.read_text("ascii", "replace")
    except OSError:
        return ""


def _fields(status: str) -> dict[str, str]:
    rows = (line.partition(":") for line in status.splitlines())
    return {name: value.strip() for name, _, value in rows}
