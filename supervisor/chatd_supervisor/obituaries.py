"""What a connection's last workers died of, for ``chatd inspect``. Forgotten with the master."""

import os
import signal
import time
from typing import Final, NamedTuple

from chatd_supervisor.restarts import Death

VIOLATION: Final = os.EX_PROTOCOL
"""Exit code put down for a worker that was ended because it broke the rules of the channel."""

KEPT: Final = 5
"""Deaths that are remembered of one connection; the log has all of them."""


class Obituary(NamedTuple):
    """How one worker ended."""

    when: float
    """In seconds since the epoch."""
    pid: int
    how: str
    """In words: ``was killed by SIGKILL``."""
    exitcode: int | None
    """Negative for a signal; None if nobody could know."""
    offset: int
    """Bytes of the client's stream that were committed."""
    announced: int | None
    """Bytes of the line that it was parsing, if it had announced one."""
    lived: float
    """Seconds."""
    next: str
    """What followed, in words."""


def obituary_of(pid: int, death: Death, follows: str) -> Obituary:
    """Return that of worker ``pid``, which has just died; ``follows`` is what does."""
    return Obituary(
        time.time(),
        pid,
        ending_of(death.exitcode),
        death.exitcode,
        death.offset,
        death.announced,
        round(death.lived, 3),
        follows,
    )


def remembering(known: tuple[Obituary, ...], new: Obituary) -> tuple[Obituary, ...]:
    """Return the last KEPT deaths, with the ``new`` one."""
    return (*known, new)[-KEPT:]


def ending_of(exitcode: int | None) -> str:
    """Return how a worker has ended, in words."""
    if exitcode is None:
        return "is gone"
    if exitcode == -signal.SIGSYS:
        return "was killed by SIGSYS: it tried what its sandbox forbids"
    if exitcode < 0:
        return f"was killed by {_signal(-exitcode)}"
    if exitcode == VIOLATION:
        return "was ended for breaking the rules of the channel"
    return f"exited with status {exitcode}"


def _signal(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"  # a real-time one has no name


def cause_of(exitcode: int | None) -> str:
    """Return what a worker has died of, in a word."""
    if exitcode is None:
        return "unknown"  # an adopted one is not our child
    if exitcode < 0:
        return _signal(-exitcode)
    return "violation" if exitcode == VIOLATION else "exit"


def sequel_of(delay: float) -> str:
    """Return what follows a death after so many seconds, in words."""
    return f"restarting in {delay:g} s" if delay else "restarting at once"
