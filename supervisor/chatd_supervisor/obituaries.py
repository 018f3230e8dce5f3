"""What a connection's last workers died of, for ``chatd inspect``. Forgotten with the master."""

from typing import Final, NamedTuple

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


def remembering(known: tuple[Obituary, ...], new: Obituary) -> tuple[Obituary, ...]:
    """Return the last KEPT deaths, with the ``new`` one."""
    return (*known, new)[-KEPT:]
