"""Who takes a supervisor's place at once: a clone of the master, which waits for it to die.

A supervisor that is killed leaves its master alone with the descriptor table. So the master clones
itself in the same millisecond, and the table outlives it again. This process is no supervisor: its
memory is a copy of a working master's, in which a journal seems to be open, so no master is ever
cloned from it. It owns no descriptor, runs no loop, and never returns to what the master was in the
middle of. When the master dies, it starts another program and passes the table on (``succession``).

While it does that it would be alone in its turn, so before anything else it clones a guard of its
own. Whoever has a table is never alone with it, but for the millisecond in which it sees that.
"""

import gc
import os
import signal
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

import setproctitle

from chatd_supervisor.exits import Exit
from chatd_supervisor.supervise import reserved, succession
from chatd_supervisor.supervise.clone import clone_sharing_table, send_when_parent_dies
from chatd_supervisor.supervise.table import open_sockets
from chatd_supervisor.watchdog import leave_to_others
from chatd_workers.signals import BLOCK, MASTERS_SIGNALS, RESTORE, change_mask

PARENT_DIED: Final = signal.SIGRTMIN
"""The signal by which a process hears that its parent has died."""

TITLE: Final = "chatd: supervisor"

ENDING: Final = (signal.SIGTERM, signal.SIGINT)

RETRY: Final = 0.5
"""Seconds until another successor is started in place of one that has failed."""

LOOK: Final = 0.005
"""Seconds between two looks whether it is prepared."""


class Plan(NamedTuple):
    """What a guard does when its master has died."""

    program: Sequence[str]
    """The successor's program and arguments."""
    note: bytes
    """What the successor is told."""
    say: Callable[..., None]
    """Logs an event, with its fields; it opens the log, and closes it."""


def post(plan: Plan) -> int:
    """Clone a guard of this process; return its pid. Raises OSError."""
    watched = os.getpid()
    before = change_mask(BLOCK, [*MASTERS_SIGNALS, PARENT_DIED])
    try:
        pid = clone_sharing_table()
        if pid == 0:
            try:
                _guard(watched, plan)
            finally:
                os._exit(Exit.SOFTWARE)
    finally:
        change_mask(RESTORE, before)
    return pid


def _guard(watched: int, plan: Plan) -> NoReturn:
    # Nothing that was the master's may ever be finalised here: that would close its descriptors.
    gc.disable()
    leave_to_others()
    signal.set_wakeup_fd(-1)
    setproctitle.setproctitle(TITLE)
    send_when_parent_dies(PARENT_DIED)
    aside = False
    while os.getppid() == watched:
        number = signal.sigwait([*MASTERS_SIGNALS, PARENT_DIED])
        if number not in (PARENT_DIED, signal.SIGCHLD) and os.getppid() == watched:
            os.kill(watched, number)
            aside |= number == signal.SIGQUIT
    if aside:
        os._exit(Exit.STEPPED_ASIDE)  # as a supervisor
    plan.say("master died", pid=watched, how="is gone", next="another supervisor is started")
    take_charge(plan)


def take_charge(plan: Plan) -> NoReturn:
    """Pass the table on, however often it takes; then end. No master is there any more."""
    second = _Second(plan)
    while True:
        try:
            successor = _pass_on(plan, second)
        except (OSError, succession.NotTaken) as error:
            plan.say("successor failed", reason=error)
            succession.refuse()
            retry = time.monotonic() + RETRY
            while time.monotonic() < retry:
                second.tend()
            continue
        second.end()
        succession.pass_signals(successor, signal.sigpending())
        os._exit(Exit.OK)


class _Second:
    """Who has the table beside a guard that passes it on: another one, at any time."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pid = post(plan)

    def tend(self) -> None:
        """Wait for LOOK seconds; see that it lives.

        End, and let go of everything, if somebody has asked for that meanwhile.
        """
        if signal.sigtimedwait(ENDING, LOOK) is not None:
            self.end()
            os._exit(Exit.OK)
        if os.waitpid(self._pid, os.WNOHANG) != (0, 0):
            self._pid = post(self._plan)

    def end(self) -> None:
        """End it: this process ends as well."""
        os.kill(self._pid, signal.SIGKILL)  # not reaped, so it is its own


def _pass_on(plan: Plan, second: _Second) -> int:
    """Give the table to a successor, the one that the master has started, or another.

    Return the pid of who passes signals on to its master.
    """
    try:
        succession.ask()
    except OSError:
        succession.launch(plan.program)
    deadline = time.monotonic() + succession.PATIENCE
    while not succession.is_prepared():
        if time.monotonic() > deadline:
            raise succession.NotTaken("the successor has not become ready in time")
        second.tend()
    return succession.hand_over(open_sockets(reserved.FREE), plan.note)
