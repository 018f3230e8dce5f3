"""What is left of a supervisor when another one has followed it, and somebody waits for its end.

A terminal, a service manager, or a container whose first process it is. It has nothing open, passes
signals on, reaps orphans, and ends when the server does, with the status of the last supervisor. As
orphans of ours all that follow are our children (PR_SET_CHILD_SUBREAPER).
"""

import os
import signal
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from chatd_supervisor import proc
from chatd_supervisor.exits import Exit
from chatd_workers.signals import BLOCK, change_mask

MASTER: Final = "chatd: master"


def be_parent(passed_on: Collection[int]) -> int:
    """Be the parent of whoever follows, and nothing else; return the exit code.

    ``passed_on`` are the signals that are meant for the server.
    """
    waited = {*passed_on, int(signal.SIGCHLD)}
    change_mask(BLOCK, waited)
    code: int = Exit.OK
    while True:
        for title, exitcode in _reap():
            if title.startswith(proc.SUPERVISORS):
                code = max(exitcode, Exit.OK)
        server = _server()
        if not server:
            return code
        number = signal.sigwait(waited)
        if number in passed_on:
            os.kill(server[0], number)  # not reaped, so it is its own


def is_follower(supervisor: int) -> bool:
    """Return whether ``supervisor`` has followed one that is still there, as its child."""
    return proc.name(proc.parent_of(supervisor)).startswith(proc.SUPERVISORS)


def _reap() -> Iterator[tuple[str, int]]:
    """Reap the children that have ended; yield what each was called, and its exit code."""
    while True:
        try:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        except ChildProcessError:
            return
        if ended is None:
            return
        title = proc.name(ended.si_pid)
        _, status = os.waitpid(ended.si_pid, 0)
        yield title, os.waitstatus_to_exitcode(status)


def _server() -> list[int]:
    """Return our children that are supervisors, and then masters whose supervisor has died."""
    found = Path(f"/proc/self/task/{os.getpid()}/children").read_text("ascii").split()
    titles = {int(pid): proc.name(int(pid)) for pid in found}
    return [
        pid
        for wanted in (*proc.SUPERVISORS, MASTER)
        for pid, title in titles.items()
        if title.startswith(wanted)
    ]
