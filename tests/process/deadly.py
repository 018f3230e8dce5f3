"""``chatd`` with a master that certain lines kill: a stand-in for a fault that ends no worker."""

import ctypes
import os
import signal

from chatd_supervisor.cli import main
from chatd_supervisor.hub import Hub, Outcome
from chatd_workers.commands import Entry, Say

apply = Hub.apply


def deadly(hub: Hub, number: int, entry: Entry) -> list[Outcome]:
    match entry:
        case Say("hang"):
            while True:
                pass
        case Say("hang in C"):
            ctypes.CDLL(None).sleep(3600)
        case Say("crash"):
            ctypes.string_at(0)  # SIGSEGV
        case Say("eat memory"):
            os.kill(os.getpid(), signal.SIGKILL)  # as the kernel does then
    return apply(hub, number, entry)


setattr(Hub, "apply", deadly)  # noqa: B010  # not meant to be replaced, which is the point
main(prog_name="chatd")
