"""A loop that has passwords checked as the master does: its own children, reaped on SIGCHLD.

As a program it asks one question after another, for a test that kills it.
"""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

from chatd_supervisor.passwords import Passwords
from chatd_supervisor.questions import Answer, Check, Question

QUICK = "$argon2id$v=19$m=8,t=1,p=1$c29tZXNhbHQ$ZDDFvNB+XsecoMpERmbWRg"
"""The hash of ``never typed``, which takes no time to be checked."""

SLOW = "$argon2id$v=19$m=65536,t=8,p=1$c29tZXNhbHQ$ZDDFvNB+XsecoMpERmbWRg"
"""One that takes half a second, for who wants to see it being checked."""


class Desk:
    """Passwords, and what was answered."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.children: dict[int, Callable[[int], None]] = {}
        self.passwords = Passwords(self.loop, self.children)
        self.loop.add_signal_handler(signal.SIGCHLD, self._reap)
        self.reaped: list[int] = []

    def ask(self, question: Question, peer: str = "") -> "asyncio.Future[Answer]":
        answered: asyncio.Future[Answer] = self.loop.create_future()
        self.passwords.ask(question, answered.set_result, peer=peer)
        return answered

    def _reap(self) -> None:
        for pid in list(self.children):
            found, status = os.waitpid(pid, os.WNOHANG)
            if found:
                self.reaped.append(pid)
                self.children.pop(pid)(os.waitstatus_to_exitcode(status))

    def running(self) -> list[int]:
        """Return the pids of all children of this process, as the kernel knows them."""
        pid = os.getpid()
        return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


async def ask_without_end() -> None:
    desk = Desk()
    while True:
        await desk.ask(Check(SLOW, "x"))


if __name__ == "__main__":
    asyncio.run(ask_without_end())
